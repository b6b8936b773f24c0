/* What the other services' logs say, in any order. */
#include "producer_fixture.h"

static struct delivery_key
begin(struct fixture *self)
{
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "a", "{}");
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    return self->deliveries[0].key;
}

Test(producer_follow, an_effect_after_an_end_by_hand_changes_the_end_and_frees_nothing_twice)
{
    uint8_t status = 0;
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    struct record_event closed = {
        .key = key, .turn = 2, .kind = RECORD_CLOSED, .end = END_CANCELLED};
    (void)fixture_other_event(self->compensator, &closed);
    fixture_step(self);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    struct record_event done = {.key = key, .turn = 2, .kind = RECORD_EVIDENCE};
    (void)fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_DONE);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}

/* Late evidence that is linked to nothing hides nothing; what is linked is the newest. */
Test(producer_follow, evidence_is_the_newest_record_unless_it_is_linked_to_nothing)
{
    uint8_t status = 0;
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    struct record_event evidence = {.key = key, .turn = 2, .kind = RECORD_EVIDENCE, .attempt = 2};
    uint64_t last = fixture_other_event(self->scheduler, &evidence);
    fixture_step(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).count, 2, "there was none before");
    evidence.previous = last;
    (void)fixture_other_event(self->scheduler, &evidence);
    fixture_step(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).count, 3);
    evidence.previous = 0;
    (void)fixture_other_event(self->scheduler, &evidence);
    fixture_step(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).count, 3);
    fixture_close(self);
}

Test(producer_follow, evidence_that_makes_no_sense_is_refused_behind_other_records_too)
{
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    struct record_event failed = {
        .key = key, .turn = 2, .kind = RECORD_FAILED, .outcome = OUTCOME_RETRY, .attempt = 2};
    (void)fixture_other_event(self->scheduler, &failed);
    uint8_t body[RECORD_EVENT_MAX];
    failed.kind = RECORD_EVIDENCE;
    size_t size = record_event_encode(&failed, body);
    (void)fixture_record(self->scheduler, RECORD_EVIDENCE, body, size / 2);
    cr_assert_eq(fixture_try_step(self, &why), ERR_CORRUPT);
    fixture_close(self);
}

Test(producer_follow, a_step_reads_so_many_records_and_the_next_one_goes_on)
{
    enum { MANY = 20000 };
    struct fixture *self = fixture_open(1);
    const struct record_event other = {
        .key = {.position = 1234, .subscription = 1}, .turn = 2, .kind = RECORD_DONE};
    uint8_t body[RECORD_EVENT_MAX];
    size_t size = record_event_encode(&other, body);
    for (int i = 0; i < MANY; i++) {
        (void)log_append(self->scheduler, RECORD_DONE, body, size);
    }
    (void)fixture_other_event(self->scheduler, &other);
    cr_assert_eq(fixture_try_step(self, NULL), ERR_OK);
    uint64_t read = peers_read(self->peers, LOG_SCHEDULER);
    cr_assert_lt(read, MANY);
    cr_assert_eq(fixture_try_step(self, NULL), ERR_OK);
    cr_assert_gt(peers_read(self->peers, LOG_SCHEDULER), MANY);
    fixture_close(self);
}

#define ANOTHERS (UINT64_C(1) << 41) /* a bit of the hash */

/* A case of which the notification's name is not in the index any more: nothing to be pinned. */
Test(producer_follow, a_case_that_the_index_has_lost_is_a_case)
{
    uint8_t status = 0;
    struct fixture *self = fixture_open(1);
    struct delivery_key key = begin(self);
    uint32_t cursor = 0;
    struct producer_index_entry *entry =
        producer_index_find(self->core->index, producer_hash_of(self->core, key.position), &cursor);
    entry->bits ^= ANOTHERS;
    (void)fixture_other_case(self, key, 2);
    fixture_step(self);
    entry->bits ^= ANOTHERS;
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_CASE);
    entry->bits ^= ANOTHERS;
    (void)fixture_cancel(self, "a");
    struct record_event closed = {
        .key = key, .turn = 2, .kind = RECORD_CLOSED, .end = END_RESOLVED};
    (void)fixture_other_event(self->compensator, &closed);
    fixture_step(self);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}

/* What has left our custody is asked for more often than when nothing has. */
Test(producer_follow, the_others_are_looked_at_soon_while_they_have_something)
{
    struct fixture *self = fixture_open(1);
    int64_t idle_ms = producer_core_next_ms(self->core) - self->now_ms;
    (void)begin(self);
    cr_assert_lt(producer_core_next_ms(self->core) - self->now_ms, idle_ms);
    fixture_close(self);
}
