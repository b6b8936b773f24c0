#include "wire/wire_submit.h"

#include "base/mem.h"
#include "wire/wire_deliver.h"
#include "wire_samples.h"

#include <criterion/criterion.h>
#include <string.h>

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

Test(wire_submit, a_notification_comes_back_field_by_field)
{
    struct wire_notification paid = wire_samples_paid();
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_notification_encode(&out, &paid);
    struct wire_notification read;
    struct why why;
    cr_assert_eq(wire_notification_decode(out.data, out.size, &read, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(read.topic.size, paid.topic.size);
    cr_assert_eq(memcmp(read.topic.data, paid.topic.data, paid.topic.size), 0);
    cr_assert_eq(memcmp(read.biz_id.data, paid.biz_id.data, paid.biz_id.size), 0);
    cr_assert_eq(read.payload.size, paid.payload.size);
    cr_assert_eq(memcmp(read.payload.data, paid.payload.data, paid.payload.size), 0);
    cr_assert_eq(read.version, paid.version);
    cr_assert_eq(read.policy.size, paid.policy.size);
    cr_assert_eq(read.deadline_unix_ms, paid.deadline_unix_ms);
    wire_out_fini(&out);
}

Test(wire_submit, the_largest_notification_fits_its_limit)
{
    static char names[WIRE_POLICY_BYTES];
    memset(names, 'x', sizeof names);
    uint8_t *payload = mem_zeroed(LIMIT_PAYLOAD_BYTES);
    const struct wire_notification largest = {
        .topic = {names, LIMIT_TOPIC_BYTES},
        .biz_id = {names, LIMIT_BIZ_ID_BYTES},
        .payload = {payload, LIMIT_PAYLOAD_BYTES},
        .version = INT64_MAX,
        .policy = {names, WIRE_POLICY_BYTES},
        .deadline_unix_ms = INT64_MAX,
    };
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_notification_encode(&out, &largest);
    cr_assert_leq(out.size, LIMIT_NOTIFICATION_BYTES);
    struct wire_notification read;
    cr_assert_eq(wire_notification_decode(out.data, out.size, &read, NULL), ERR_OK);
    wire_out_fini(&out);
    mem_free(payload);
}

struct wrong_field {
    const char *bytes;
    size_t size;
    const char *why;
};

#define WRONG(literal, sentence)                                                                   \
    {                                                                                              \
        (literal), sizeof(literal) - 1, (sentence)                                                 \
    }

/* [topic, biz_id, payload, version, policy, deadline], each with one thing wrong. */
static const struct wrong_field wrong_fields[] = {
    WRONG("\x95\xa1t\xa1"
          "b\xc4\x00\x00\xc0",
          "notification: 5 elements, must be 6 to 256"),
    WRONG("\x96\xa0\xa1"
          "b\xc4\x00\x00\xc0\x00",
          "topic: 0 bytes, must be 1 to 128"),
    WRONG("\x96\x01\xa1"
          "b\xc4\x00\x00\xc0\x00",
          "topic: must be a text"),
    WRONG("\x96\xa1t\xa0\xc4\x00\x00\xc0\x00", "biz_id: 0 bytes, must be 1 to 64"),
    WRONG("\x96\xa1t\xa2\xc0\xaf\xc4\x00\x00\xc0\x00",
          "biz_id: must be UTF-8 without control characters"),
    WRONG("\x96\xa1t\xa1"
          "b\x81\x01\x02\x00\xc0\x00",
          "payload: must be binary"),
    WRONG("\x96\xa1t\xa1"
          "b\xa1{\x00\xc0\x00",
          "payload: must be binary"),
    WRONG("\x96\xa1t\xa1"
          "b\xc4\x00\xff\xc0\x00",
          "version: must not be negative"),
    WRONG("\x96\xa1t\xa1"
          "b\xc4\x00\xca\x3f\x80\x00\x00\xc0\x00",
          "version: must be an integer"),
    WRONG("\x96\xa1t\xa1"
          "b\xc4\x00\x00\x01\x00",
          "policy: must be a text"),
    WRONG("\x96\xa1t\xa1"
          "b\xc4\x00\x00\xc0\xc0",
          "deadline: must be an integer"),
    WRONG("\x97\xa1t\xa1"
          "b\xc4\x00\x00\xc0\x00\x81\x01\x02",
          "a field of a newer version: maps are not used here"),
};

Test(wire_submit, each_field_that_is_wrong_is_named_with_its_limit)
{
    for (size_t i = 0; i < sizeof wrong_fields / sizeof wrong_fields[0]; i++) {
        struct wire_notification read;
        struct why why = {.text = ""};
        const struct wrong_field *wrong = &wrong_fields[i];
        cr_assert_eq(wire_notification_decode(wrong->bytes, wrong->size, &read, &why), ERR_INVALID,
                     "case %zu", i);
        cr_assert_str_eq(why.text, wrong->why, "case %zu", i);
    }
}

/* A frame of one good notification, each wrong one, and a good one again. */
Test(wire_submit, a_bad_notification_spoils_no_other)
{
    const struct wire_notification good = {.topic = text_of("t"), .biz_id = text_of("b")};
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_submit_out list = wire_submit_begin(&out, 7);
    wire_submit_add(&list, &good);
    size_t wrong_count = sizeof wrong_fields / sizeof wrong_fields[0];
    for (size_t i = 0; i < wrong_count; i++) {
        wire_out_raw(&out, wrong_fields[i].bytes, wrong_fields[i].size);
        list.count++;
    }
    wire_submit_add(&list, &good);
    wire_submit_end(&list);

    struct wire_in in;
    struct wire_head head;
    struct why why;
    cr_assert_eq(wire_message_open(&in, out.data, out.size, &head, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(head.request, 7);
    cr_assert_eq(wire_submit_open(&in), wrong_count + 2);
    for (size_t i = 0; i < wrong_count + 2; i++) {
        struct wire_bytes encoded;
        struct wire_notification read;
        bool is_good = i == 0 || i == wrong_count + 1;
        cr_assert_eq(wire_submit_next(&in, &encoded, &read), is_good);
        cr_assert_not_null(encoded.data);
        cr_assert(!is_good || (read.biz_id.size == good.biz_id.size &&
                               memcmp(read.biz_id.data, good.biz_id.data, read.biz_id.size) == 0));
        err_t rc = wire_notification_decode(encoded.data, encoded.size, &read, &why);
        cr_assert_eq(rc, is_good ? ERR_OK : ERR_INVALID);
    }
    cr_assert_eq(wire_message_finish(&in, &head, &why), ERR_OK);
    wire_out_fini(&out);
}

/* A field of a newer version counts towards the limit, and is passed over. */
Test(wire_submit, one_that_is_too_long_by_a_newer_field_is_refused_and_spoils_no_other)
{
    const struct wire_notification good = {.topic = text_of("t"), .biz_id = text_of("b")};
    for (size_t over = 0; over < 2; over++) {
        struct wire_out one;
        wire_out_init(&one, 64);
        wire_notification_encode(&one, &good);
        size_t text_size = LIMIT_NOTIFICATION_BYTES - one.size - 5 + over;
        char *text = calloc(1, text_size);
        cr_assert_not_null(text);
        memset(text, 'x', text_size);
        one.data[0]++; /* a field more */
        const uint8_t head[] = {0xdb, (uint8_t)(text_size >> 24), (uint8_t)(text_size >> 16),
                                (uint8_t)(text_size >> 8), (uint8_t)text_size};
        wire_out_raw(&one, head, sizeof head);
        wire_out_raw(&one, text, text_size);
        free(text);
        struct wire_out out;
        wire_out_init(&out, 64);
        struct wire_submit_out list = wire_submit_begin(&out, 7);
        wire_out_raw(&out, one.data, one.size);
        list.count++;
        wire_submit_add(&list, &good);
        wire_submit_end(&list);
        struct wire_in in;
        struct wire_head frame;
        struct why why;
        struct wire_bytes encoded;
        struct wire_notification read;
        cr_assert_eq(wire_message_open(&in, out.data, out.size, &frame, &why), ERR_OK);
        cr_assert_eq(wire_submit_open(&in), 2);
        cr_assert_eq(wire_submit_next(&in, &encoded, &read), over == 0);
        cr_assert_eq(encoded.size, LIMIT_NOTIFICATION_BYTES + over);
        cr_assert(wire_submit_next(&in, &encoded, &read));
        cr_assert_eq(read.biz_id.size, 1);
        cr_assert_eq(wire_message_finish(&in, &frame, &why), ERR_OK);
        wire_out_fini(&one);
        wire_out_fini(&out);
    }
}

Test(wire_submit, a_frame_that_breaks_in_its_middle_is_refused_before_its_beginning_is_read)
{
    const struct wire_notification good = {.topic = text_of("t"), .biz_id = text_of("b")};
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_submit_out list = wire_submit_begin(&out, 7);
    wire_submit_add(&list, &good);
    wire_out_raw(&out, "\xc1", 1);
    list.count++;
    wire_submit_end(&list);
    struct wire_in in;
    struct wire_head head;
    cr_assert_eq(wire_message_open(&in, out.data, out.size, &head, NULL), ERR_INVALID);
    cr_assert_eq(wire_submit_open(&in), 0);
    wire_out_fini(&out);
}

Test(wire_submit, a_batch_has_at_most_1024_notifications)
{
    const struct wire_notification good = {.topic = text_of("t"), .biz_id = text_of("b")};
    for (uint32_t count = LIMIT_FRAME_NOTIFICATIONS; count <= LIMIT_FRAME_NOTIFICATIONS + 1;
         count++) {
        struct wire_out out;
        wire_out_init(&out, 64);
        struct wire_submit_out list = wire_submit_begin(&out, 7);
        for (uint32_t i = 0; i < count; i++) {
            wire_submit_add(&list, &good);
        }
        wire_submit_end(&list);
        struct wire_in in;
        struct wire_head head;
        cr_assert_eq(wire_message_open(&in, out.data, out.size, &head, NULL), ERR_OK);
        bool fits = count == LIMIT_FRAME_NOTIFICATIONS;
        cr_assert_eq(wire_submit_open(&in), fits ? count : 0);
        cr_assert(fits || strstr(in.why.text, "1025 elements, must be 1 to 1024") != NULL);
        wire_out_fini(&out);
    }
}

Test(wire_submit, an_all_accepted_batch_is_answered_in_a_few_bytes)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_results_out list = wire_results_begin(&out, 7);
    for (uint64_t i = 0; i < 1024; i++) {
        const struct wire_result accepted = {
            .status = WIRE_ACCEPTED, .count = 1, .position = 5000000000 + i};
        wire_results_add(&list, &accepted);
    }
    wire_results_end(&list);
    cr_assert_leq(out.size, 32);
    wire_out_fini(&out);
}

static unsigned
run_count(const struct wire_result *results, size_t count)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_results_out list = wire_results_begin(&out, 7);
    for (size_t i = 0; i < count; i++) {
        wire_results_add(&list, &results[i]);
    }
    wire_results_end(&list);
    unsigned runs = list.count;
    wire_out_fini(&out);
    return runs;
}

Test(wire_submit, results_share_a_run_only_when_nothing_is_lost_by_it)
{
    const struct wire_result same[] = {{.status = WIRE_BUSY, .count = 1},
                                       {.status = WIRE_BUSY, .count = 1}};
    cr_assert_eq(run_count(same, 2), 1);
    const struct wire_result gap[] = {{.status = WIRE_ACCEPTED, .count = 1, .position = 5},
                                      {.status = WIRE_ACCEPTED, .count = 1, .position = 7}};
    cr_assert_eq(run_count(gap, 2), 2);
    const struct wire_result status[] = {{.status = WIRE_ACCEPTED, .count = 1, .position = 5},
                                         {.status = WIRE_DUPLICATE, .count = 1, .position = 6}};
    cr_assert_eq(run_count(status, 2), 2);
    const struct wire_result texts[] = {{.status = WIRE_REFUSED, .count = 1, .text = text_of("a")},
                                        {.status = WIRE_REFUSED, .count = 1, .text = text_of("a")},
                                        {.status = WIRE_REFUSED, .count = 1}};
    cr_assert_eq(run_count(texts, 3), 3);
    const struct wire_result fields[] = {
        {.status = WIRE_REFUSED, .count = 1},
        {.status = WIRE_REFUSED, .count = 1, .field = text_of("a")}};
    cr_assert_eq(run_count(fields, 2), 2);
}

Test(wire_submit, a_quick_look_knows_no_deadline_and_no_policy_in_any_encoding)
{
    static const struct {
        const char *bytes; /* policy and deadline */
        size_t size;
        bool has_policy;
        bool has_deadline;
    } cases[] = {
        {"\xc0\x00", 2, false, false},
        {"\xc0\xcc\x00", 3, false, false},
        {"\xc0\xcf\0\0\0\0\0\0\0\0", 10, false, false},
        {"\xc0\xd3\0\0\0\0\0\0\0\0", 10, false, false},
        {"\xa0\x00", 2, false, false},
        {"\xd9\x00\x00", 3, false, false},
        {"\xc0\xcf\0\0\0\0\0\0\0\1", 10, false, true},
        {"\xc0\xcd\1\0", 4, false, true},
        {"\xa2"
         "1s"
         "\x05",
         4, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[32] = {0x96, 0xa1, 'a', 0xa1, 'b', 0xc4, 0, 0};
        memcpy(bytes + 8, cases[i].bytes, cases[i].size);
        struct wire_notification read;
        cr_assert_eq(wire_notification_decode(bytes, 8 + cases[i].size, &read, NULL), ERR_OK,
                     "case %zu", i);
        struct wire_peek peek = wire_notification_peek(bytes, 8 + cases[i].size);
        cr_assert_eq(peek.has_policy, cases[i].has_policy, "case %zu", i);
        cr_assert_eq(peek.has_deadline, cases[i].has_deadline, "case %zu", i);
        cr_assert_eq(read.deadline_unix_ms != 0, cases[i].has_deadline, "case %zu", i);
    }
}
