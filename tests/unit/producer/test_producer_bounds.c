/* What an answer and a HELLO may at most be: frames have a limit, and 16 zeros are no database. */
#include "producer_fixture.h"

#include <stdio.h>
#include <string.h>

#define NOTES 60

static struct record_text
text_of(const char *text)
{
    return (struct record_text){.data = text, .size = strlen(text)};
}

/* Given away, and tried by the scheduler as often as a history can tell, each with a long reason.
 */
static void
long_history(struct fixture *self, uint32_t number)
{
    char biz_id[16];
    char reason[LIMIT_REASON_BYTES + 1];
    memset(reason, 'r', LIMIT_REASON_BYTES);
    reason[LIMIT_REASON_BYTES] = '\0';
    (void)snprintf(biz_id, sizeof biz_id, "n%u", number); /* fits */
    uint32_t delivery = self->delivery_count;
    fixture_submit(self, "order.paid", biz_id, "{}");
    fixture_outcome(self, delivery, OUTCOME_RETRY, 0);
    uint64_t previous = 0;
    for (uint16_t i = 0; i < WIRE_HISTORY_MAX + 5; i++) {
        const struct record_event failed = {
            .key = self->deliveries[delivery].key,
            .turn = 2,
            .kind = RECORD_FAILED,
            .outcome = OUTCOME_RETRY,
            .attempt = (uint16_t)(i + 2),
            .at_unix_ms = self->now_unix_ms + i,
            .due_unix_ms = self->now_unix_ms + i + 1,
            .reason = text_of(reason),
            .previous = previous,
        };
        previous = fixture_other_event(self->scheduler, &failed);
    }
}

/* The type of the answer to a QUERY of the first so many. */
static uint8_t
ask(struct fixture *self, uint32_t count)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_query_begin(&out, 5);
    for (uint32_t i = 0; i < count; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i); /* fits */
        wire_ids_add(&ids, biz_id, strlen(biz_id));
    }
    wire_ids_end(&ids);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, &head, &why), ERR_OK, "%s",
                 why.text);
    return head.type;
}

Test(producer_bounds, an_answer_that_would_not_fit_a_frame_is_refused_in_so_many_words)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    for (uint32_t i = 0; i < NOTES; i++) {
        long_history(self, i);
    }
    fixture_step(self);
    cr_assert_eq(ask(self, 20), WIRE_ANSWER);
    cr_assert_gt(self->answer_size, 20 * WIRE_HISTORY_MAX * LIMIT_REASON_BYTES / 2);
    cr_assert_eq(ask(self, NOTES), WIRE_ERROR);
    cr_assert_lt(self->answer_size, 1024);
    bool says = false;
    for (size_t i = 0; i + 5 < self->answer_size; i++) {
        says = says || memcmp(self->answer + i, "fewer", 5) == 0;
    }
    cr_assert(says, "it says what to do");
    fixture_close(self);
}

static uint8_t
join_with(struct fixture *self, const uint8_t *identity, size_t size)
{
    const struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER,
        .name = {.data = "shop", .size = 4},
        .group = {.data = "shop", .size = 4},
        .identity = {.data = identity, .size = size},
        .capabilities = WIRE_CAN_FENCE,
        .nonce = 78,
    };
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_hello_encode(&out, 3, &hello);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct wire_welcome welcome;
    struct why why = {{0}};
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, &head, &why), ERR_OK);
    cr_assert_eq(wire_welcome_decode(&in, &head, &welcome, &why), ERR_OK, "%s", why.text);
    return welcome.status;
}

Test(producer_bounds, sixteen_zeros_are_no_identity_and_cost_no_record)
{
    static const uint8_t zeros[WIRE_IDENTITY_BYTES];
    struct fixture *self = fixture_open(1);
    cr_assert_eq(join_with(self, zeros, sizeof zeros), WIRE_OK);
    uint32_t records = fixture_count(self, RECORD_GROUP);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(join_with(self, zeros, sizeof zeros), WIRE_OK);
        cr_assert_eq(join_with(self, NULL, 0), WIRE_OK);
    }
    cr_assert_eq(fixture_count(self, RECORD_GROUP), records, "nothing new was said");
    cr_assert_eq(fixture_join(self, "shop", 7), WIRE_OK, "the first real one is the group's");
    cr_assert_eq(join_with(self, zeros, sizeof zeros), WIRE_DENIED);
    fixture_close(self);
}
