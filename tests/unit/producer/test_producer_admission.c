#include "producer_fixture.h"

#include <stdio.h>
#include <string.h>

Test(producer_admission, accepts_and_answers_only_what_is_durable)
{
    struct fixture *self = fixture_open(1);
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_submit_out submit = wire_submit_begin(&out, 1);
    struct wire_notification notification = {.topic = {"order.paid", 10}, .biz_id = {"a", 1}};
    wire_submit_add(&submit, &notification);
    wire_submit_end(&submit);
    producer_core_front(self->core, &self->route, out.data, out.size);
    wire_out_fini(&out);
    fixture_step_unsynced(self);
    cr_assert_eq(self->answers, 0, "answered before the sync");
    fixture_step(self);
    cr_assert_eq(self->answers, 1);
    fixture_close(self);
}

Test(producer_admission, answers_a_repeat_as_the_first_time)
{
    struct fixture *self = fixture_open(1);
    struct wire_result first = fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(first.status, WIRE_ACCEPTED);
    struct wire_result again = fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(again.status, WIRE_DUPLICATE);
    cr_assert_eq(again.position, first.position);
    fixture_restart(self);
    again = fixture_submit(self, "order.paid", "a", "{}");
    cr_assert_eq(again.status, WIRE_DUPLICATE);
    cr_assert_eq(again.position, first.position);
    cr_assert_eq(fixture_count(self, RECORD_NOTIFICATION), 1);
    fixture_close(self);
}

Test(producer_admission, a_repeat_in_the_same_frame_is_a_duplicate)
{
    struct fixture *self = fixture_open(1);
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_submit_out submit = wire_submit_begin(&out, 1);
    struct wire_notification notification = {.topic = {"order.paid", 10}, .biz_id = {"a", 1}};
    for (int i = 0; i < 3; i++) {
        wire_submit_add(&submit, &notification);
    }
    wire_submit_end(&submit);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct wire_result result;
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, &head, NULL), ERR_OK);
    cr_assert_eq(wire_results_open(&in), 3); /* the same position twice is no run */
    cr_assert(wire_results_next(&in, &result));
    cr_assert_eq(result.status, WIRE_ACCEPTED);
    cr_assert(wire_results_next(&in, &result));
    cr_assert_eq(result.status, WIRE_DUPLICATE);
    cr_assert_eq(fixture_count(self, RECORD_NOTIFICATION), 1);
    fixture_close(self);
}

/* What number i of a frame repeats: the one before, also across two of the fews whose places are
 * fetched together, or the one 16 before; itself: it is new. */
static uint32_t
original_of(uint32_t i)
{
    if (i % 7 == 6 || (i % 64 == 0 && i > 0 && (i - 1) % 7 != 6)) {
        return i - 1;
    }
    return i >= 16 && i % 16 == 9 ? i - 16 : i;
}

/* By itself, whatever it repeats. */
static uint8_t
alone(uint32_t i)
{
    if (i % 5 == 3) {
        return WIRE_REFUSED;
    }
    return i % 11 == 10 ? WIRE_UNROUTED : WIRE_ACCEPTED;
}

static void
put_mixed(struct wire_submit_out *submit, uint32_t i)
{
    char id[16];
    int size = snprintf(id, sizeof id, "id-%u", original_of(i));
    bool routed = alone(i) != WIRE_UNROUTED;
    struct wire_notification notification = {
        .topic = {routed ? "order.paid" : "nobody.asks", routed ? 10 : 11},
        .biz_id = {id, alone(i) == WIRE_REFUSED ? 0 : (size_t)size},
    };
    wire_submit_add(submit, &notification);
}

/* The answer to number i, by what was accepted of its name before: where, or 0. */
static uint8_t
expected_of(uint32_t i, const uint64_t *positions)
{
    uint64_t before = original_of(i) == i ? 0 : positions[original_of(i)];
    if (alone(i) == WIRE_REFUSED || before == 0) {
        return alone(i);
    }
    return alone(i) == WIRE_UNROUTED ? WIRE_CONFLICT : WIRE_DUPLICATE;
}

static void
submit_mixed(uint32_t count)
{
    struct fixture *self = fixture_open(1);
    uint64_t positions[LIMIT_FRAME_NOTIFICATIONS] = {0}; /* by the number in the name */
    uint64_t next = log_next(peers_own(self->peers));
    struct wire_out out;
    wire_out_init(&out, 4096);
    struct wire_submit_out submit = wire_submit_begin(&out, 1);
    for (uint32_t i = 0; i < count; i++) {
        put_mixed(&submit, i);
    }
    wire_submit_end(&submit);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct wire_result run;
    uint32_t i = 0;
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, &head, NULL), ERR_OK);
    for (uint32_t runs = wire_results_open(&in); runs > 0; runs--) {
        cr_assert(wire_results_next(&in, &run));
        for (uint32_t k = 0; k < run.count; k++, i++) {
            uint8_t wanted = expected_of(i, positions);
            cr_assert_eq(run.status, wanted, "%u of %u: %u, not %u", i, count, run.status, wanted);
            if (wanted == WIRE_ACCEPTED) {
                positions[original_of(i)] = next++;
            }
            if (wanted == WIRE_ACCEPTED || wanted == WIRE_DUPLICATE) {
                cr_assert_eq(run.position + k, positions[original_of(i)], "%u of %u", i, count);
            }
        }
    }
    cr_assert_eq(i, count);
    fixture_close(self);
}

Test(producer_admission, each_of_a_frame_gets_its_own_answer)
{
    static const uint32_t counts[] = {1, 15, 16, 17, 32, 33, 200, LIMIT_FRAME_NOTIFICATIONS};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        submit_mixed(counts[i]);
    }
}

Test(producer_admission, the_same_biz_id_for_something_else_is_a_conflict_that_says_for_what)
{
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    struct wire_result result = fixture_submit(self, "order.shipped", "a", "{}");
    cr_assert_eq(result.status, WIRE_CONFLICT);
    char text[512];
    (void)snprintf(text, sizeof text, "%.*s", (int)result.text.size, result.text.data);
    cr_assert_not_null(strstr(text, "order.paid"), "%s", text);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "{1}").status, WIRE_CONFLICT);
    cr_assert_eq(fixture_counter(self, "conflicts"), 2);
    fixture_close(self);
}

Test(producer_admission, refuses_what_is_malformed_by_field)
{
    struct fixture *self = fixture_open(1);
    struct {
        struct wire_notification notification;
        uint8_t status;
        const char *field;
        const char *text; /* it begins so, and does not say the field again */
    } cases[] = {
        {{.topic = {"order..paid", 11}, .biz_id = {"a", 1}},
         WIRE_REFUSED,
         "topic",
         "\"order..paid\" has an empty level"},
        {{.topic = {"other.paid", 10}, .biz_id = {"a", 1}}, WIRE_UNROUTED, "topic", "no sub"},
        {{.topic = {"order.paid", 10}, .biz_id = {"", 0}},
         WIRE_REFUSED,
         "biz_id",
         "0 bytes, must be 1 to 64"},
        {{.topic = {"order.paid", 10}, .biz_id = {"a\xff", 2}},
         WIRE_REFUSED,
         "biz_id",
         "must be UTF-8"},
        {{.topic = {"order.paid", 10}, .biz_id = {"a", 1}, .policy = {"soon", 4}},
         WIRE_REFUSED,
         "policy",
         "\"soon\" is neither"},
        {{.topic = {"order.paid", 10}, .biz_id = {"a", 1}, .deadline_unix_ms = 5},
         WIRE_REFUSED,
         "deadline",
         "the deadline"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_result result = fixture_submit_full(self, &cases[i].notification);
        cr_assert_eq(result.status, cases[i].status, "case %zu", i);
        cr_assert_eq(result.field.size, strlen(cases[i].field), "case %zu", i);
        cr_assert_eq(memcmp(result.field.data, cases[i].field, result.field.size), 0);
        cr_assert_geq(result.text.size, strlen(cases[i].text));
        cr_assert_eq(memcmp(result.text.data, cases[i].text, strlen(cases[i].text)), 0,
                     "case %zu: %.*s", i, (int)result.text.size, result.text.data);
    }
    cr_assert_eq(fixture_count(self, RECORD_NOTIFICATION), 0);
    fixture_close(self);
}

/* Its fields of a newer version have no names. */
Test(producer_admission, a_reason_that_begins_with_no_field_is_told_whole)
{
    static const char encoded[] = "\x97\xaaorder.paid\xa1"
                                  "b\xc4\x00\x00\xc0\x00\x80";
    struct fixture *self = fixture_open(1);
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_submit_out submit = wire_submit_begin(&out, 7);
    wire_out_raw(&out, encoded, sizeof encoded - 1);
    submit.count++;
    wire_submit_end(&submit);
    struct wire_result result = fixture_submit_message(self, &out);
    cr_assert_eq(result.status, WIRE_REFUSED);
    cr_assert_eq(result.field.size, 12);
    cr_assert_eq(memcmp(result.field.data, "notification", 12), 0);
    cr_assert_eq(memcmp(result.text.data, "a field of a newer version: maps", 32), 0);
    fixture_close(self);
}

Test(producer_admission, is_busy_when_nothing_kept_may_go)
{
    struct fixture *self = fixture_open(1);
    self->core->settings.retained_max = 2;
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_ACCEPTED);
    cr_assert_eq(fixture_submit(self, "order.paid", "b", "").status, WIRE_ACCEPTED);
    cr_assert_eq(fixture_submit(self, "order.paid", "c", "").status, WIRE_BUSY);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_DUPLICATE);
    fixture_close(self);
}

Test(producer_admission, keeps_room_for_what_is_open)
{
    struct fixture *self = fixture_open(1);
    self->core->load.deliveries = UINT64_C(1) << 40; /* more than any disk holds */
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_BUSY);
    self->core->load.deliveries = 0;
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_ACCEPTED);
    fixture_close(self);
}

Test(producer_admission, a_message_of_another_service_is_answered_with_what_is_spoken)
{
    struct fixture *self = fixture_open(1);
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_plain_encode(&out, WIRE_CASES, 9);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, &head, NULL), ERR_OK);
    cr_assert_eq(head.type, WIRE_ERROR);
    cr_assert_eq(head.request, 9);
    fixture_close(self);
}

Test(producer_admission, of_one_groups_subscriptions_the_first_that_matches_gets_it)
{
    struct fixture *self = fixture_open(1);
    self->subscriptions[1].name = "more orders";
    self->subscriptions[1].group = "shop";
    self->subscription_count = 2;
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "{}").status, WIRE_ACCEPTED);
    cr_assert_eq(self->delivery_count, 1);
    cr_assert_eq(self->deliveries[0].key.subscription, 1);
    fixture_close(self);
}
