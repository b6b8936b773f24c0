/* Notifications as they are stored: names of one hash, and what makes no sense any more. */
#include "producer_fixture.h"

#include "delivery/content_hash.h"
#include "support/odd_call.h"

#include <string.h>

/* No two names with one hash are known: here the index says of "b" that it might be "a". */
static struct fixture *
with_a_namesake(void)
{
    struct fixture *self = fixture_open(1);
    uint64_t position = fixture_submit(self, "order.paid", "b", "{}").position;
    producer_index_add(self->core->index, content_hash_id("a", 1), position, 0);
    producer_touch(self->core, content_hash_id("a", 1), position);
    producer_index_add(self->core->index, content_hash_id("a", 1),
                       fixture_submit(self, "order.paid", "bb", "{}").position, 0);
    return self;
}

static void
restart_from_checkpoint(struct fixture *self)
{
    producer_checkpoint_write(self->core);
    fixture_step(self);
    fixture_restart(self);
}

Test(producer_store, two_names_of_one_hash_are_kept_apart)
{
    uint8_t status = 0;
    struct fixture *self = with_a_namesake();
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "{}").status, WIRE_ACCEPTED);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "{}").status, WIRE_DUPLICATE);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 3);
    cr_assert_str_eq(self->deliveries[2].biz_id, "a");
    restart_from_checkpoint(self);
    fixture_join(self, "shop", 1);
    fixture_outcome(self, 5, OUTCOME_REJECT, 0);
    struct delivery_key key = self->deliveries[5].key;
    (void)fixture_other_case(self, key, 2);
    fixture_step(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_CASE);
    fixture_restart(self); /* what came after the checkpoint is linked again */
    cr_assert_eq(fixture_query(self, "a", "orders", &status).count, 2);
    cr_assert_eq(fixture_query(self, "b", "orders", &status).state, WIRE_STATE_PENDING);
    restart_from_checkpoint(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_CASE);
    fixture_close(self);
}

Test(producer_store, an_entry_that_has_expired_before_its_checkpoint_does_no_harm)
{
    uint8_t status = 0;
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    producer_touch(self->core, 12345, 1);
    restart_from_checkpoint(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).state, WIRE_STATE_PENDING);
    fixture_close(self);
}

Test(producer_store, as_much_may_change_between_checkpoints_as_will)
{
    struct fixture *self = fixture_open(1);
    for (uint64_t i = 0; i < 70000; i++) {
        producer_touch(self->core, i, 1);
    }
    cr_assert_eq(self->core->touched_count, 70000);
    restart_from_checkpoint(self);
    cr_assert_eq(self->core->touched_count, 0);
    fixture_close(self);
}

/* An index entry says where "a" is, and there is something else. */
Test(producer_store, what_the_index_names_must_be_a_notification)
{
    static const char *const fields[] = {NULL, "", "v1 z16 b1 v1 b147 b161"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct why why = {{0}};
        struct wire_out out;
        struct fixture *self = fixture_open(1);
        uint64_t position =
            i == 0 ? 1 /* a SUBSCRIPTION */
                   : fixture_spelt(peers_own(self->peers), RECORD_NOTIFICATION, fields[i]);
        producer_index_add(self->core->index, content_hash_id("a", 1), position, 0);
        wire_out_init(&out, 128);
        struct wire_ids_out ids = wire_query_begin(&out, 5);
        wire_ids_add(&ids, "a", 1);
        wire_ids_end(&ids);
        producer_core_front(self->core, &self->route, out.data, out.size);
        wire_out_fini(&out);
        cr_assert_eq(fixture_try_step(self, &why), ERR_CORRUPT, "number %zu", i);
        fixture_close(self);
    }
}

/* A notification that came in well-formed and is not any more: what can be done with it is done. */
static uint64_t
store(struct fixture *self, const char *policy, int64_t deadline_unix_ms, bool well_formed)
{
    uint8_t body[512];
    const struct wire_notification notification = {
        .topic = {"order.paid", well_formed ? 10 : 0},
        .biz_id = {"a", 1},
        .policy = {.data = policy, .size = strlen(policy)},
        .deadline_unix_ms = deadline_unix_ms};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_notification_encode(&out, &notification);
    const struct record_notification record = {.received_unix_ms = self->now_unix_ms,
                                               .subscription_count = 1,
                                               .subscriptions = {1},
                                               .encoded = out.data,
                                               .encoded_size = wire_out_size(&out)};
    size_t size = record_notification_encode(&record, body);
    wire_out_fini(&out);
    return fixture_record(peers_own(self->peers), RECORD_NOTIFICATION, body, size);
}

Test(producer_store, a_policy_that_makes_no_sense_any_more_is_the_subscriptions)
{
    struct fixture *self = fixture_open(1);
    (void)store(self, "now and then", 0, true);
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 1);
    fixture_outcome(self, 0, OUTCOME_RETRY, 0);
    cr_assert_eq(fixture_last_moved(self).to, LOG_SCHEDULER);
    fixture_close(self);
}

Test(producer_store, one_that_makes_no_sense_is_sent_and_its_failure_ends_the_service)
{
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    (void)store(self, "1s", self->now_unix_ms + 60000, false);
    fixture_restart(self);
    fixture_join(self, "shop", 1);
    cr_assert_eq(self->delivery_count, 1, "the receiver refuses it");
    fixture_take_outcome(self, 0, OUTCOME_REJECT, 0);
    cr_assert_eq(fixture_try_step(self, &why), ERR_CORRUPT);
    fixture_close(self);
}

/* The own log's oldest part is gone, and a checkpoint says so. */
static void
begin_without_the_oldest(struct fixture *self, const char *item)
{
    for (int i = 0; i < 200; i++) {
        (void)fixture_spelt(peers_own(self->peers), RECORD_INDEX, "z60000");
    }
    fixture_checkpoint(self, "v0 v0 v0 v0 v0 v1 v1", item);
    cr_assert_eq(log_trim(peers_own(self->peers), 150, NULL), ERR_OK);
    cr_assert_gt(log_first(peers_own(self->peers)), 1);
}

/* As the compensator makes it of what a salvage lost. */
static void
case_without_notification(log_t *log)
{
    static uint8_t body[RECORD_CASE_MAX];
    const struct record_case opened = {
        .custody = {.key = {1, 1}, .turn = 2, .to = LOG_COMPENSATOR, .cause = OUTCOME_REJECT},
        .notification = {.subscription_count = 1, .subscriptions = {1}},
    };
    (void)fixture_record(log, RECORD_CASE, body, record_case_encode(&opened, body));
}

/* Of each copy that a case holds, only one that can be read is good for anything. */
Test(producer_store, the_copy_in_a_case_is_read_where_the_original_has_gone)
{
    static const struct {
        const char *what;
        const char *item; /* key, scheduler's, compensator's, CASE, ... */
        err_t rc;
    } all[] = {
        {"no case of it", "b2 v1 v1 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b0", ERR_NOT_FOUND},
        {"a case that is not there yet", "b2 v1 v1 v0 v0 v9999 v0 v0 v0 v2 v1 b2 b0 b2",
         ERR_NOT_FOUND},
        {"a case that was trimmed", "b2 v1 v1 v0 v0 v1 v0 v0 v0 v2 v1 b2 b0 b2", ERR_NOT_FOUND},
        {"a case that a salvage lost", "b2 v1 v1 v0 v0 v399 v0 v0 v0 v2 v1 b2 b0 b2",
         ERR_NOT_FOUND},
        {"a case of what a salvage lost", "b2 v1 v1 v0 v0 v398 v0 v0 v0 v2 v1 b2 b0 b2",
         ERR_NOT_FOUND},
        {"a case that makes no sense", "b2 v1 v1 v0 v0 v400 v0 v0 v0 v2 v1 b2 b0 b2", ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct producer_stored stored;
        struct why why = {{0}};
        struct fixture *self = fixture_open(1);
        for (int k = 0; k < 400; k++) {
            bool lost = k == 398;
            if (k == 397 && strstr(all[i].item, "v398") != NULL) {
                case_without_notification(self->compensator);
                continue;
            }
            (void)fixture_spelt(self->compensator, lost ? LOG_KIND_LOST : RECORD_POSITION,
                                lost ? "" : "z60000");
        }
        cr_assert_eq(log_trim(self->compensator, 300, NULL), ERR_OK);
        begin_without_the_oldest(self, all[i].item);
        err_t rc = fixture_try_restart(self, &why);
        if (rc == ERR_OK) {
            rc = producer_stored_read(self->core, 1, &stored, &why);
            producer_checkpoint_write(self->core); /* of what is known */
        }
        cr_assert_eq(rc, all[i].rc, "%s: %d, %s", all[i].what, rc, why.text);
        fixture_close(self);
    }
}

Test(producer_store, a_copy_that_cannot_be_read_is_an_error_and_not_gone)
{
    struct producer_stored stored;
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    uint64_t at = fixture_spelt(self->compensator, RECORD_POSITION, "z60"); /* whatever */
    begin_without_the_oldest(self, "b2 v1 v1 v0 v0 v1 v0 v0 v0 v2 v1 b2 b0 b0");
    cr_assert_eq(at, 1);
    for (int i = 0; i < 250; i++) { /* so much that it is not in memory any more */
        (void)fixture_spelt(self->compensator, RECORD_POSITION, "z60000");
    }
    odd_call_read_fails(0, false);
    fixture_restart(self);
    odd_call_read_fails(1, true);
    cr_assert_eq(producer_stored_read(self->core, 1, &stored, &why), ERR_IO, "%s", why.text);
    odd_call_read_fails(0, false);
    fixture_close(self);
}

Test(producer_store, an_end_of_what_no_log_keeps_any_more_is_an_end)
{
    const struct delivery_key key = {.position = 1, .subscription = 1};
    struct record_event ended = {
        .key = key, .turn = 2, .kind = RECORD_ENDED, .end = END_DONE, .at_unix_ms = 1};
    struct record_event closed = {
        .key = key, .turn = 2, .kind = RECORD_CLOSED, .end = END_RESOLVED, .at_unix_ms = 1};
    for (int own = 0; own < 2; own++) {
        struct fixture *self = fixture_open(1);
        for (int i = 0; i < 400; i++) {
            (void)fixture_spelt(self->compensator, RECORD_POSITION, "z60000");
        }
        cr_assert_eq(log_trim(self->compensator, 300, NULL), ERR_OK);
        begin_without_the_oldest(self, own == 1 ? "" : "b2 v1 v1 v0 v0 v1 v0 v0 v0 v2 v1 b2 b0 b2");
        if (own == 1) {
            (void)fixture_other_event(peers_own(self->peers), &ended);
        }
        fixture_restart(self);
        if (own == 0) {
            (void)fixture_other_event(self->compensator, &closed);
            fixture_step(self);
        }
        cr_assert_eq(fixture_count(self, RECORD_ENDED), 1);
        cr_assert_eq(fixture_counter(self, "open"), 0);
        fixture_close(self);
    }
}
