#include "base/mem.h"
#include "record_samples.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
words_of(const struct record_sample *sample)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    cr_assert_not_null(to);
    record_sample_print(to, sample);
    (void)fclose(to);
    return text;
}

/* Name, fields, bytes; an empty line. */
static char *
golden_now(size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    cr_assert_not_null(to);
    for (size_t i = 0; i < record_samples_count; i++) {
        (void)fprintf(to, "%s, kind %u\n", record_samples[i].name, record_samples[i].kind);
        record_sample_print(to, &record_samples[i]);
        size_t body_size = 0;
        uint8_t *body = record_sample_encode(&record_samples[i], &body_size);
        for (size_t at = 0; at < body_size; at++) {
            (void)fprintf(to, "%02x", body[at]);
        }
        (void)fputs("\n\n", to);
        mem_free(body);
    }
    (void)fclose(to);
    return text;
}

/* With HERALD_GOLDEN=write the file is written instead: only together with a new version. */
Test(record_codec, every_record_has_the_bytes_that_were_published)
{
    size_t size = 0;
    char *now = golden_now(&size);
    const char *wish = getenv("HERALD_GOLDEN");
    if (wish != NULL && strcmp(wish, "write") == 0) {
        FILE *to = fopen(GOLDEN_FILE, "w");
        cr_assert_not_null(to);
        cr_assert_eq(fwrite(now, 1, size, to), size);
        (void)fclose(to);
    }
    FILE *from = fopen(GOLDEN_FILE, "r");
    cr_assert_not_null(from);
    char *golden = mem_zeroed(size + 2);
    size_t read = fread(golden, 1, size + 1, from);
    (void)fclose(from);
    cr_assert(read == size && memcmp(golden, now, size) == 0, "differs from %s; now:\n%s",
              GOLDEN_FILE, now);
    mem_free(golden);
    free(now);
}

Test(record_codec, every_kind_with_a_body_of_its_own_has_an_example)
{
    uint32_t seen = 0;
    for (size_t i = 0; i < record_samples_count; i++) {
        seen |= UINT32_C(1) << record_samples[i].kind;
    }
    for (uint8_t kind = RECORD_POSITION; kind < RECORD_KIND_COUNT; kind++) {
        bool bare = (kind >= RECORD_CHECKPOINT_BEGIN && kind <= RECORD_CHECKPOINT_END) ||
                    kind == RECORD_INDEX;
        cr_assert(bare || (seen >> kind & 1) != 0, "kind %u", kind);
    }
}

Test(record_codec, what_was_encoded_is_decoded_as_the_same_fields)
{
    for (size_t i = 0; i < record_samples_count; i++) {
        const struct record_sample *sample = &record_samples[i];
        size_t size = 0;
        uint8_t *body = record_sample_encode(sample, &size);
        struct record_sample decoded;
        cr_assert_eq(record_sample_decode(sample, body, size, &decoded), ERR_OK, "%s",
                     sample->name);
        char *expected = words_of(sample);
        char *got = words_of(&decoded);
        cr_assert_str_eq(got, expected, "%s", sample->name);
        free(expected);
        free(got);
        mem_free(body);
    }
}

/* A notification's last field is the rest of the body, so that one may be cut anywhere in it. */
static size_t
least_size(const struct record_sample *sample, size_t size)
{
    return sample->kind == RECORD_NOTIFICATION ? size - sample->notification.encoded_size
           : sample->kind == RECORD_CASE       ? size - sample->opened.notification.encoded_size
                                               : size;
}

Test(record_codec, every_truncation_is_refused)
{
    for (size_t i = 0; i < record_samples_count; i++) {
        const struct record_sample *sample = &record_samples[i];
        size_t size = 0;
        uint8_t *body = record_sample_encode(sample, &size);
        for (size_t cut = 0; cut < least_size(sample, size); cut++) {
            uint8_t *exact = mem_alloc(cut); /* so that a read beyond it is seen */
            memcpy(exact, body, cut);
            struct record_sample decoded;
            cr_assert_eq(record_sample_decode(sample, exact, cut, &decoded), ERR_CORRUPT,
                         "%s cut to %zu of %zu", sample->name, cut, size);
            mem_free(exact);
        }
        mem_free(body);
    }
}

Test(record_codec, bytes_behind_the_known_fields_are_ignored)
{
    for (size_t i = 0; i < record_samples_count; i++) {
        const struct record_sample *sample = &record_samples[i];
        size_t size = 0;
        uint8_t *body = record_sample_encode(sample, &size);
        uint8_t *longer = mem_alloc(size + 3);
        memcpy(longer, body, size);
        memcpy(longer + size, "\xff\xff\xff", 3);
        struct record_sample decoded;
        cr_assert_eq(record_sample_decode(sample, longer, size + 3, &decoded), ERR_OK, "%s",
                     sample->name);
        if (least_size(sample, size) == size) {
            char *expected = words_of(sample);
            char *got = words_of(&decoded);
            cr_assert_str_eq(got, expected, "%s", sample->name);
            free(expected);
            free(got);
        }
        mem_free(longer);
        mem_free(body);
    }
}

/* Nothing is read beyond the body, whatever it holds; a sanitizer would see it. */
Test(record_codec, flipped_bits_never_lead_a_decoder_astray)
{
    for (size_t i = 0; i < record_samples_count; i++) {
        const struct record_sample *sample = &record_samples[i];
        size_t size = 0;
        uint8_t *body = record_sample_encode(sample, &size);
        uint8_t *exact = mem_alloc(size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            memcpy(exact, body, size);
            exact[bit / 8] ^= (uint8_t)(1U << bit % 8);
            struct record_sample decoded;
            if (record_sample_decode(sample, exact, size, &decoded) == ERR_OK) {
                free(words_of(&decoded)); /* reads every field */
            }
            struct delivery_key key;
            (void)record_key(sample->kind, exact, size, &key);
        }
        mem_free(exact);
        mem_free(body);
    }
}

Test(record_codec, the_key_is_found_without_decoding_the_rest)
{
    for (size_t i = 0; i < record_samples_count; i++) {
        const struct record_sample *sample = &record_samples[i];
        size_t size = 0;
        uint8_t *body = record_sample_encode(sample, &size);
        struct delivery_key key = {0};
        bool one = sample->kind != RECORD_NOTIFICATION && sample->kind != RECORD_SUBSCRIPTION &&
                   sample->kind != RECORD_GROUP && sample->kind != RECORD_POSITION;
        cr_assert_eq(record_key(sample->kind, body, size, &key), one, "%s", sample->name);
        if (one) {
            bool custody = sample->kind == RECORD_MOVED || sample->kind == RECORD_TAKEN;
            struct delivery_key wanted = custody                       ? sample->custody.key
                                         : sample->kind == RECORD_CASE ? sample->opened.custody.key
                                                                       : sample->event.key;
            cr_assert(key.position == wanted.position && key.subscription == wanted.subscription,
                      "%s", sample->name);
            cr_assert(!record_key(sample->kind, body, 0, &key));
        }
        mem_free(body);
    }
}

Test(record_codec, a_notification_says_its_size_beforehand)
{
    size_t size = 0;
    uint8_t *body = record_sample_encode(&record_samples[0], &size);
    cr_assert_eq(record_notification_size(&record_samples[0].notification), size);
    mem_free(body);
}

/* Whoever takes it into another record, a case, has room for no more. */
Test(record_codec, a_notification_over_its_limit_is_refused)
{
    for (size_t over = 0; over < 2; over++) {
        uint8_t *encoded = mem_zeroed(LIMIT_NOTIFICATION_BYTES + over);
        const struct record_notification record = {
            .received_unix_ms = 1,
            .subscription_count = 1,
            .subscriptions = {1},
            .encoded = encoded,
            .encoded_size = LIMIT_NOTIFICATION_BYTES + over,
        };
        size_t size = record_notification_size(&record);
        uint8_t *body = mem_alloc(size);
        cr_assert_eq(record_notification_encode(&record, body), size);
        struct record_notification read;
        struct why why = {.text = ""};
        cr_assert_eq(record_notification_decode(body, size, &read, &why),
                     over == 0 ? ERR_OK : ERR_CORRUPT, "%s", why.text);
        mem_free(body);
        mem_free(encoded);
    }
}

static void
assert_refused(uint8_t kind, const char *bytes, size_t size)
{
    struct record_sample sample = {.name = "bad", .kind = kind};
    struct record_sample decoded;
    cr_assert_eq(record_sample_decode(&sample, (const uint8_t *)bytes, size, &decoded), ERR_CORRUPT,
                 "kind %u", kind);
}

Test(record_codec, what_makes_no_sense_is_refused)
{
    /* key, turn, flags, what, attempt, at */
    assert_refused(RECORD_DONE, "\x00\x01\x01\x00\x01\x01\x00", 7);      /* position 0 */
    assert_refused(RECORD_DONE, "\x01\x00\x01\x00\x01\x01\x00", 7);      /* subscription 0 */
    assert_refused(RECORD_DONE, "\x01\x41\x01\x00\x01\x01\x00", 7);      /* subscription 65 */
    assert_refused(RECORD_ENDED, "\x01\x01\x01\x00\x00\x01\x00", 7);     /* no end */
    assert_refused(RECORD_ENDED, "\x01\x01\x01\x40\x01\x00\x00\x03", 8); /* a fourth custodian */
    assert_refused(RECORD_CLOSED, "\x01\x01\x01\x00\x05\x01\x00", 7);
    assert_refused(RECORD_ORDER, "\x01\x01\x01\x00\x00\x01\x00", 7); /* no order */
    assert_refused(RECORD_ORDER, "\x01\x01\x01\x00\x05\x01\x00", 7);
    assert_refused(RECORD_DONE, "\x81\x00\x01\x01\x00\x01\x01\x00", 8); /* over-long position */
    assert_refused(RECORD_DONE, "\x01\x01\x01\x04\x01\x01\x00\x41", 8); /* a name of 65 bytes */
    /* RECORD_RUN_MAX and one, in a kind that has no runs, and none of it */
    assert_refused(RECORD_DONE, "\x01\x01\x01\x80\x01\x01\x00\x80\x80\x40", 10);
    assert_refused(RECORD_EVIDENCE, "\x01\x01\x01\x80\x01\x01\x00\x01", 8);
    assert_refused(RECORD_DONE, "\x01\x01\x01\x80\x01\x01\x00", 7);
    assert_refused(RECORD_MOVED, "\x01\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", 13);
    assert_refused(RECORD_MOVED, "\x01\x01\x01\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", 13);
    assert_refused(RECORD_NOTIFICATION,
                   "\x00"
                   "0123456789abcdef\x00",
                   18);                                                             /* for nobody */
    assert_refused(RECORD_SUBSCRIPTION, "\x00\x01\x01\x01\x01\x00\x00\x00\x00", 9); /* id 0 */
    assert_refused(RECORD_CASE, "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
}
