/* What is kept, and what may go: trimming, open cases, deadlines, a full disk. */
#include "producer_fixture.h"

#include "delivery/content_hash.h"

#include <stdio.h>
#include <string.h>

static char payload[4096];

static struct fixture *
begin(uint64_t checkpoint_records, uint64_t retained_max)
{
    struct fixture *self = fixture_open(1);
    self->settings.retention_ms = 3600000;
    self->settings.checkpoint_records = checkpoint_records;
    self->settings.retained_max = retained_max;
    fixture_restart(self);
    memset(payload, 'x', sizeof payload - 1);
    return self;
}

/* So many notifications succeed, five seconds apart. */
static void
pass(struct fixture *self, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char biz_id[32];
        (void)snprintf(biz_id, sizeof biz_id, "n%d", i);
        fixture_join(self, "shop", 1);
        if (i % 100 == 0) {
            fixture_others_have_read(self);
        }
        if (fixture_submit(self, "order.paid", biz_id, payload).status == WIRE_ACCEPTED) {
            fixture_outcome(self, self->delivery_count - 1, OUTCOME_DONE, 0);
        }
        self->delivery_count = 0;
        fixture_advance(self, 5000);
    }
}

static struct delivery_key
fail_first(struct fixture *self, const char *biz_id, uint8_t outcome)
{
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", biz_id, "p");
    struct delivery_key key = self->deliveries[self->delivery_count - 1].key;
    fixture_outcome(self, self->delivery_count - 1, outcome, 0);
    return key;
}

static void
open_case(struct fixture *self)
{
    struct delivery_key key = fail_first(self, "case", OUTCOME_REJECT);
    (void)fixture_other_case(self, key, 2); /* found by its delivery */
    fixture_step(self);
}

static void
case_is_known(struct fixture *self)
{
    uint8_t status = 0;
    cr_assert_gt(fixture_counter(self, "log_first"), 10, "nothing was trimmed");
    cr_assert_eq(fixture_query(self, "case", "orders", &status).state, WIRE_STATE_CASE);
    cr_assert_eq(fixture_submit(self, "order.paid", "case", "p").status, WIRE_DUPLICATE);
}

Test(producer_keeps, an_open_case_is_known_after_its_segment_has_gone)
{
    struct fixture *self = begin(500, 100000);
    open_case(self);
    pass(self, 0, 3000);
    case_is_known(self);
    fixture_close(self);
}

Test(producer_keeps, the_newest_records_of_what_has_gone_go_too_but_not_a_cases)
{
    struct fixture *self = begin(500, 100000);
    open_case(self);
    const struct producer_heads *heads = &self->core->heads;
    for (uint64_t position = 1; heads->low == 0 && position < 100; position++) {
        pass(self, (int)position * 500, 500);
    }
    uint64_t bytes = heads->bytes;
    pass(self, 100000, 9000);
    case_is_known(self);
    cr_assert_gt(heads->low, 8192);
    cr_assert_eq(heads->old_count, 1);
    cr_assert_gt(heads->old[0].newest, heads->old[0].position);
    cr_assert_leq(heads->bytes, bytes + 2 * sizeof(struct producer_heads_leaf));
    fixture_close(self);
}

Test(producer_keeps, an_open_case_is_known_after_a_restart_between_trim_and_checkpoint)
{
    struct fixture *self = begin(1000, 100000);
    open_case(self);
    for (int i = 0; i < 6000 && log_first(peers_own(self->peers)) < 10; i++) {
        pass(self, i, 1);
    }
    fixture_restart(self);
    case_is_known(self);
    fixture_close(self);
}

Test(producer_keeps, a_restored_case_outlives_the_growth_of_the_index)
{
    struct fixture *self = begin(500, 100000);
    open_case(self);
    pass(self, 0, 1000);
    fixture_restart(self);
    pass(self, 1000, 2000);
    uint64_t hash = content_hash_id("case", 4);
    int added = 0;
    for (int i = 0; added < 80; i++) { /* its table must grow */
        char biz_id[32];
        int size = snprintf(biz_id, sizeof biz_id, "same%d", i);
        if (producer_index_table(content_hash_id(biz_id, (size_t)size)) ==
            producer_index_table(hash)) {
            fixture_submit(self, "order.paid", biz_id, "");
            added++;
        }
    }
    case_is_known(self);
    fixture_close(self);
}

Test(producer_keeps, a_segment_with_an_open_delivery_in_it_stays)
{
    struct fixture *self = begin(500, 100000);
    (void)fail_first(self, "open", OUTCOME_RETRY);
    pass(self, 0, 3000);
    uint8_t status = 0;
    cr_assert_lt(fixture_counter(self, "log_first"), 10, "what is open was dropped");
    cr_assert_eq(fixture_query(self, "open", "orders", &status).state, WIRE_STATE_PENDING);
    fixture_close(self);
}

Test(producer_keeps, a_segment_that_a_reader_has_not_passed_stays)
{
    struct fixture *self = begin(500, 100000);
    for (int i = 0; i < 3000; i += 100) {
        pass(self, i + 1, 99); /* not at a hundred: the others read nothing */
    }
    cr_assert_lt(fixture_counter(self, "log_first"), 10, "the others did not read it");
    fixture_close(self);
}

Test(producer_keeps, one_early_retry_does_not_stop_trimming_for_ever)
{
    struct fixture *self = begin(500, 2000);
    struct delivery_key key = fail_first(self, "first", OUTCOME_RETRY);
    struct record_event done = {.key = key, .kind = RECORD_DONE, .turn = 2, .attempt = 2};
    fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    pass(self, 0, 3000);
    cr_assert_eq(fixture_counter(self, "busy"), 0);
    cr_assert_gt(fixture_counter(self, "log_first"), 10);
    fixture_close(self);
}

Test(producer_keeps, the_oldest_finished_go_beyond_the_most_that_are_kept)
{
    struct fixture *self = begin(1000000, 12000);
    self->settings.retention_ms = INT64_C(1000) * 24 * 3600 * 1000;
    fixture_restart(self);
    pass(self, 0, 15000);
    cr_assert_eq(fixture_counter(self, "busy"), 0);
    cr_assert_leq(fixture_counter(self, "retained"), 12000);
    cr_assert_geq(fixture_counter(self, "retained"), 9000, "no more than had to");
    cr_assert_eq(self->alarms, 0, "%s", self->alarm);
    fixture_close(self);
}

Test(producer_keeps, nothing_goes_for_an_end_that_is_not_synced_yet)
{
    struct fixture *self = begin(200, 100000);
    for (int i = 0; i < 1500; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "o%d", i);
        fixture_submit(self, "order.paid", biz_id, payload);
        if (i % 100 == 99) {
            fixture_others_have_read(self);
        }
        fixture_advance(self, 5000);
    }
    fixture_join(self, "shop", 1);
    for (uint32_t i = 1; i < self->delivery_count && i < 1024; i++) {
        fixture_outcome(self, i, OUTCOME_DONE, 0);
    }
    struct wire_out out;
    wire_out_init(&out, 256);
    struct wire_outcomes head = {.run = log_run(peers_own(self->peers)),
                                 .receiver = {"shop", 4},
                                 .lane = self->deliveries[0].lane};
    struct wire_outcome said = {
        .first_token = self->deliveries[0].token, .count = 1, .outcome = OUTCOME_DONE};
    struct wire_outcomes_out list = wire_outcomes_begin(&out, &head);
    wire_outcomes_add(&list, &said);
    wire_outcomes_end(&list);
    producer_core_outcome(self->core, out.data, out.size);
    wire_out_fini(&out);
    struct why why = {{0}};
    self->now_ms += 10000;
    self->now_unix_ms += 10000;
    cr_assert_eq(producer_core_step(self->core, self->now_ms, self->now_unix_ms, &why), ERR_OK);
    fixture_restart(self); /* before that step was committed */
    fixture_join(self, "shop", 1);
    cr_assert_eq(producer_core_step(self->core, self->now_ms, self->now_unix_ms, &why), ERR_OK,
                 "%s", why.text);
    fixture_close(self);
}

Test(producer_keeps, deadlines_go_with_what_has_ended)
{
    struct fixture *self = begin(500, 100000);
    for (int i = 0; i < 1000; i++) {
        char biz_id[32];
        int size = snprintf(biz_id, sizeof biz_id, "d%d", i);
        fixture_join(self, "shop", 1);
        struct wire_notification notification = {
            .topic = {"order.paid", 10},
            .biz_id = {biz_id, (size_t)size},
            .deadline_unix_ms = self->now_unix_ms + INT64_C(400) * 24 * 3600 * 1000};
        fixture_submit_full(self, &notification);
        fixture_outcome(self, self->delivery_count - 1, OUTCOME_DONE, 0);
        self->delivery_count = 0;
    }
    cr_assert_lt(self->core->deadlines.heap.count, 500);
    fixture_close(self);
}

static void
send_one(struct fixture *self)
{
    struct wire_out out;
    struct wire_notification notification = {
        .topic = {"order.paid", 10}, .biz_id = {"a", 1}, .version = 1};
    wire_out_init(&out, 128);
    struct wire_submit_out submit = wire_submit_begin(&out, 7);
    wire_submit_add(&submit, &notification);
    wire_submit_end(&submit);
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    producer_core_front(self->core, &self->route, out.data, out.size);
    wire_out_fini(&out);
}

Test(producer_keeps, a_repeat_on_a_full_disk_is_busy_and_ends_nothing)
{
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "z", "");
    send_one(self);
    struct sim_disk_fault full = {.kind = SIM_DISK_ERROR, .at = 1, .error = 28, .for_ever = true};
    sim_disk_set_fault(self->disk, &full);
    cr_assert_eq(log_commit(peers_own(self->peers), LOG_STORE_FINISHING, NULL), ERR_FULL);
    send_one(self); /* no answer came, so the client asks again */
    cr_assert_eq(self->core->fault, ERR_OK);
    cr_assert_eq(self->core->counts.busy, 1);
    struct sim_disk_fault none = {.kind = SIM_DISK_NO_FAULT};
    sim_disk_set_fault(self->disk, &none);
    fixture_step(self);
    cr_assert_eq(fixture_submit(self, "order.paid", "a", "").status, WIRE_DUPLICATE);
    fixture_close(self);
}

Test(producer_keeps, while_room_is_short_what_was_sent_is_not_cancelled)
{
    struct fixture *self = fixture_open(1);
    fixture_join(self, "shop", 1);
    fixture_submit(self, "order.paid", "sent", "");
    fixture_outcome(self, self->delivery_count - 1, OUTCOME_RETRY, 0);
    sim_disk_set_capacity(self->disk, 20U * 1024 * 1024);
    sim_disk_set_now(self->disk, 100000); /* room is measured once a second */
    fixture_step(self);
    cr_assert(peers_short(self->peers));
    cr_assert_eq(fixture_cancel(self, "sent"), WIRE_BUSY);
    cr_assert_eq(fixture_count(self, RECORD_ORDER), 0);
    sim_disk_set_capacity(self->disk, UINT64_C(1) << 30);
    sim_disk_set_now(self->disk, 200000);
    fixture_step(self);
    cr_assert_not(peers_short(self->peers));
    cr_assert_eq(fixture_cancel(self, "sent"), WIRE_REQUESTED);
    fixture_close(self);
}

Test(producer_keeps, late_evidence_hides_no_attempt)
{
    struct fixture *self = fixture_open(1);
    uint8_t status = 0;
    struct delivery_key key = fail_first(self, "a", OUTCOME_RETRY);
    struct record_event failed = {.key = key,
                                  .turn = 2,
                                  .kind = RECORD_FAILED,
                                  .outcome = OUTCOME_LEASE,
                                  .attempt = 2,
                                  .at_unix_ms = self->now_unix_ms};
    uint64_t last = fixture_other_event(self->scheduler, &failed);
    struct record_event done = {.key = key,
                                .turn = 2,
                                .kind = RECORD_DONE,
                                .outcome = OUTCOME_DONE,
                                .attempt = 3,
                                .at_unix_ms = self->now_unix_ms,
                                .previous = last};
    fixture_other_event(self->scheduler, &done);
    fixture_step(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).count, 3);
    struct record_event late = done;
    late.kind = RECORD_EVIDENCE;
    late.attempt = 2;
    late.previous = 0;
    fixture_other_event(self->scheduler, &late);
    fixture_step(self);
    cr_assert_eq(fixture_query(self, "a", "orders", &status).count, 3);
    fixture_close(self);
}
