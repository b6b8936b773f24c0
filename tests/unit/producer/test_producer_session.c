/* HELLO, PING, LEAVE and GROUP; and messages that make no sense. */
#include "producer_fixture.h"

#include "wire/wire_case.h"

#include "base/mem.h"

#include <string.h>

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

static uint8_t
type_of_answer(struct fixture *self)
{
    struct wire_in in;
    struct wire_head head;
    cr_assert_gt(self->answer_size, 0, "no answer");
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, &head, NULL), ERR_OK);
    return (uint8_t)head.type;
}

static bool
answer_says(struct fixture *self, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i + size <= self->answer_size; i++) {
        if (memcmp(self->answer + i, text, size) == 0) {
            return true;
        }
    }
    return false;
}

Test(producer_session, a_message_that_makes_no_sense_is_refused_and_changes_nothing)
{
    static const enum wire_type types[] = {WIRE_HELLO, WIRE_PING,   WIRE_LEAVE,  WIRE_GROUP,
                                           WIRE_QUERY, WIRE_CANCEL, WIRE_SUBMIT, WIRE_WATCH};
    struct fixture *self = fixture_open(1);
    uint64_t next = log_next(peers_own(self->peers));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        for (unsigned what = 0; what < 2; what++) {
            struct wire_out out;
            wire_out_init(&out, 64);
            wire_message_begin(&out, types[i], 5, what == 0 ? 5 : 3);
            if (what == 0) { /* numbers, where texts and lists belong */
                wire_out_uint(&out, 7);
                wire_out_uint(&out, 7);
            }
            fixture_front(self, &out);
            if (types[i] != WIRE_LEAVE) { /* nobody waits for an answer to it */
                cr_assert_eq(type_of_answer(self), WIRE_ERROR, "%s", wire_type_name(types[i]));
            }
        }
    }
    cr_assert_eq(log_next(peers_own(self->peers)), next);
    fixture_close(self);
}

/* Behind the first one of a list, too. */
Test(producer_session, a_list_that_makes_no_sense_is_refused_as_a_whole)
{
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    for (unsigned watch = 0; watch < 2; watch++) {
        struct wire_out out;
        wire_out_init(&out, 64);
        struct wire_ids_out ids =
            watch == 1 ? wire_watch_begin(&out, 5, 1000) : wire_query_begin(&out, 5);
        wire_ids_add(&ids, "a", 1);
        wire_ids_add(&ids, "", 0); /* no biz_id */
        wire_ids_add(&ids, "a", 1);
        wire_ids_end(&ids);
        fixture_front(self, &out);
        cr_assert_eq(type_of_answer(self), WIRE_ERROR);
        cr_assert(answer_says(self, "biz_id"));
    }
    fixture_close(self);
}

static void
hello(struct fixture *self, uint8_t party, const char *group, uint8_t capabilities)
{
    struct wire_hello said = {.party = party,
                              .name = text_of("shop"),
                              .group = text_of(group),
                              .capabilities = capabilities,
                              .nonce = 77};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_hello_encode(&out, 3, &said);
    fixture_front(self, &out);
}

Test(producer_session, what_a_receiver_can_is_put_on_record_when_it_changes)
{
    struct fixture *self = fixture_open(1);
    static const uint8_t capabilities[] = {WIRE_CAN_FENCE, WIRE_CAN_FENCE | WIRE_CAN_UNDO,
                                           WIRE_CAN_UNDO, 0};
    for (uint32_t i = 0; i < sizeof capabilities; i++) {
        for (int again = 0; again < 2; again++) {
            hello(self, WIRE_PARTY_CONSUMER, "shop", capabilities[i]);
            cr_assert_eq(type_of_answer(self), WIRE_WELCOME);
            cr_assert_eq(fixture_count(self, RECORD_GROUP), i + 1);
        }
    }
    fixture_close(self);
}

/* Whoever has no WELCOME yet is not connected to its lane. */
Test(producer_session, what_is_delivered_after_a_welcome_leaves_behind_it)
{
    struct fixture *self = fixture_open(1);
    hello(self, WIRE_PARTY_CONSUMER, "shop", 0);
    cr_assert_eq(type_of_answer(self), WIRE_WELCOME);
    outbox_lane(self->outbox, 0, 0, mem_zeroed(1), 1);
    const struct outbox_message *next = outbox_next(self->outbox, 0);
    cr_assert_eq(next->channel, OUTBOX_LANE);
    cr_assert_eq(next->behind, outbox_added(self->outbox, OUTBOX_FRONT));
    outbox_pop(self->outbox);
    fixture_close(self);
}

Test(producer_session, only_a_consumer_is_asked_for_its_group)
{
    struct fixture *self = fixture_open(1);
    hello(self, WIRE_PARTY_CLIENT, "", 0);
    cr_assert_eq(type_of_answer(self), WIRE_WELCOME);
    hello(self, WIRE_PARTY_CONSUMER, "nobody's", 0);
    cr_assert(answer_says(self, "no subscription has the group"));
    hello(self, WIRE_PARTY_CONSUMER, "shoP", 0);
    cr_assert(answer_says(self, "no subscription has the group"));
    hello(self, WIRE_PARTY_CONSUMER, "", 0);
    cr_assert_eq(fixture_counter(self, "consumers"), 0);
    fixture_close(self);
}

static void
group(struct fixture *self, const char *name, uint8_t identity, const char *by)
{
    uint8_t bytes[WIRE_IDENTITY_BYTES];
    memset(bytes, identity, sizeof bytes);
    const struct wire_group asked = {
        .group = text_of(name),
        .identity = {.data = bytes, .size = identity == 0 ? 0 : sizeof bytes},
        .by = text_of(by)};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_group_encode(&out, 3, &asked);
    fixture_front(self, &out);
}

Test(producer_session, a_groups_database_is_shown_and_replaced_by_somebody_with_a_name)
{
    struct fixture *self = fixture_open(1);
    group(self, "nobody's", 0, "");
    cr_assert_not(answer_says(self, "database"));
    group(self, "shop", 0, "");
    cr_assert(answer_says(self, "fences: no, undoes: no"));
    hello(self, WIRE_PARTY_CONSUMER, "shop", WIRE_CAN_FENCE | WIRE_CAN_UNDO);
    group(self, "shop", 0, "");
    cr_assert(answer_says(self, "fences: yes, undoes: yes"));
    uint32_t records = fixture_count(self, RECORD_GROUP);
    group(self, "shop", 0xab, "");
    cr_assert(answer_says(self, "needs a name"));
    cr_assert_eq(fixture_count(self, RECORD_GROUP), records);
    group(self, "shop", 0xab, "wang");
    cr_assert(answer_says(self, "database abab"));
    cr_assert_eq(fixture_count(self, RECORD_GROUP), records + 1);
    fixture_close(self);
}

Test(producer_session, who_leaves_is_no_consumer_any_more)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    cr_assert_eq(fixture_counter(self, "consumers"), 1);
    const struct wire_ping session = {.name = text_of("shop"), .nonce = 77};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_leave_encode(&out, &session);
    fixture_front(self, &out);
    cr_assert_eq(fixture_counter(self, "consumers"), 0);
    fixture_close(self);
}
