#include "support/wire_echo.h"
#include "wire_print.h"
#include "wire_samples.h"

#include "base/mem.h"
#include "delivery/record.h"
#include "wire/wire_deliver.h"
#include "wire/wire_message.h"
#include "wire/wire_query.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)WIRE_OUTCOME_DONE == (int)OUTCOME_DONE &&
                  (int)WIRE_OUTCOME_DUPLICATE == (int)OUTCOME_DUPLICATE &&
                  (int)WIRE_OUTCOME_RETRY == (int)OUTCOME_RETRY &&
                  (int)WIRE_OUTCOME_REJECT == (int)OUTCOME_REJECT &&
                  (int)WIRE_OUTCOME_WORKING == (int)OUTCOME_WORKING &&
                  (int)WIRE_OUTCOME_NOT_STARTED == (int)OUTCOME_NOT_STARTED &&
                  (int)WIRE_OUTCOME_FENCED == (int)OUTCOME_FENCED &&
                  (int)WIRE_OUTCOME_DOWN == (int)OUTCOME_DOWN &&
                  (int)WIRE_OUTCOME_UNDONE == (int)OUTCOME_UNDONE &&
                  (int)WIRE_OUTCOME_CODE_COUNT == (int)OUTCOME_WIRE_COUNT,
              "journal and wire say the same");
static_assert((int)WIRE_STATE_DONE == (int)END_DONE && (int)WIRE_STATE_UNDONE == (int)END_UNDONE &&
                  (int)WIRE_STATE_CANCELLED == (int)END_CANCELLED &&
                  (int)WIRE_STATE_RESOLVED == (int)END_RESOLVED &&
                  (int)WIRE_STATE_CASE == (int)END_COUNT,
              "ends have the same numbers in journal and wire");

/* Name, readable form, bytes; an empty line. */
static char *
golden_now(size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    cr_assert_not_null(to);
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t frame_size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &frame_size);
        (void)fprintf(to, "%s\n", wire_samples[i].name);
        cr_assert_eq(wire_print(to, frame, frame_size), 0, "%s", wire_samples[i].name);
        (void)fputs("\n", to);
        for (size_t at = 0; at < frame_size; at++) {
            (void)fprintf(to, "%02x", frame[at]);
        }
        (void)fputs("\n\n", to);
        mem_free(frame);
    }
    (void)fclose(to);
    return text;
}

/* With HERALD_GOLDEN=write the file is written instead: only together with a new version. */
Test(wire_golden, every_message_has_the_bytes_that_were_published)
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
    cr_assert_eq(read, size);
    cr_assert_eq(memcmp(golden, now, size), 0, "differs from %s; now:\n%s", GOLDEN_FILE, now);
    mem_free(golden);
    free(now);
}

Test(wire_golden, every_type_of_message_has_an_example)
{
    bool seen[WIRE_TYPE_COUNT] = {false};
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        struct wire_in in;
        struct wire_head head;
        struct why why;
        cr_assert_eq(wire_message_open(&in, frame, size, &head, &why), ERR_OK, "%s", why.text);
        cr_assert_lt(head.type, WIRE_TYPE_COUNT);
        seen[head.type] = true;
        mem_free(frame);
    }
    for (unsigned type = WIRE_ERROR; type < WIRE_TYPE_COUNT; type++) {
        cr_assert(seen[type], "%s", wire_type_name(type));
    }
}

static void
assert_echo_gives(const char *name, const void *frame, size_t size, const uint8_t *expected,
                  size_t expected_size)
{
    struct why why;
    struct wire_out out;
    wire_out_init(&out, 64);
    cr_assert_eq(wire_echo(frame, size, &out, &why), ERR_OK, "%s: %s", name, why.text);
    cr_assert_eq(out.size, expected_size, "%s: %zu instead of %zu", name, out.size, expected_size);
    cr_assert_eq(memcmp(out.data, expected, expected_size), 0, "%s", name);
    wire_out_fini(&out);
}

Test(wire_golden, what_was_encoded_is_decoded_as_the_same)
{
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        assert_echo_gives(wire_samples[i].name, frame, size, frame, size);
        mem_free(frame);
    }
}

/* msgpack-c writes other, shorter forms of array heads: these must mean the same. */
Test(wire_golden, what_another_encoder_writes_is_understood)
{
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t offset = 0;
        cr_assert_eq(msgpack_unpack_next(&unpacked, (const char *)frame, size, &offset),
                     MSGPACK_UNPACK_SUCCESS);
        msgpack_sbuffer other;
        msgpack_sbuffer_init(&other);
        msgpack_packer packer;
        msgpack_packer_init(&packer, &other, msgpack_sbuffer_write);
        cr_assert_eq(msgpack_pack_object(&packer, unpacked.data), 0);
        assert_echo_gives(wire_samples[i].name, other.data, other.size, frame, size);
        msgpack_sbuffer_destroy(&other);
        msgpack_unpacked_destroy(&unpacked);
        mem_free(frame);
    }
}

Test(wire_golden, what_was_opened_is_reopened_at_the_same_place)
{
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        struct wire_in opened;
        struct wire_in again;
        struct wire_head head;
        struct wire_head head_again;
        cr_assert_eq(wire_message_open(&opened, frame, size, &head, NULL), ERR_OK);
        wire_message_reopen(&again, frame, size, &head_again);
        cr_assert_eq(head_again.type, head.type, "%s", wire_samples[i].name);
        cr_assert_eq(head_again.request, head.request, "%s", wire_samples[i].name);
        cr_assert_eq(head_again.fields, head.fields, "%s", wire_samples[i].name);
        cr_assert_eq(wire_message_finish(&again, &head_again, NULL),
                     wire_message_finish(&opened, &head, NULL), "%s", wire_samples[i].name);
        mem_free(frame);
    }
}

Test(wire_golden, a_message_of_another_version_is_not_reopened, .signal = SIGABRT)
{
    static const uint8_t frame[] = {0x93, 0x02, 0x0f, 0x05};
    struct wire_in in;
    struct wire_head head;
    wire_message_reopen(&in, frame, sizeof frame, &head);
}
