/* A disk that cannot be read: an error that ends the service, and never an answer. */
#include "producer_fixture.h"

#include "support/odd_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A life with a bit of everything: open, elsewhere, a case, ended, behind a checkpoint and after
 * it. */
static struct fixture *
lived(void)
{
    struct fixture *self = fixture_open(2);
    self->settings.checkpoint_records = 30;
    fixture_restart(self);
    for (uint32_t i = 0; i < 40; i++) {
        static const uint8_t outcomes[] = {OUTCOME_DONE, OUTCOME_RETRY, OUTCOME_REJECT};
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i); /* fits */
        struct wire_notification notification = {.topic = {"order.paid", 10},
                                                 .biz_id = {biz_id, strlen(biz_id)},
                                                 .deadline_unix_ms =
                                                     i % 5 == 0 ? self->now_unix_ms + 3600000 : 0};
        fixture_join(self, "shop", 1);
        fixture_submit_full(self, &notification);
        fixture_outcome(self, self->delivery_count - 1, outcomes[i % 3], 0);
        if (i % 3 == 2) {
            (void)fixture_other_case(self, self->deliveries[self->delivery_count - 1].key, 2);
        }
        fixture_step(self);
    }
    return self;
}

static uint64_t
told(struct fixture *self)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 40; i++) {
        char biz_id[16];
        uint8_t status = 0;
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i); /* fits */
        struct wire_delivery said = fixture_query(self, biz_id, "orders", &status);
        cr_assert_eq(status, WIRE_OK);
        sum = sum * 31 + said.state * 7U + said.custodian * 3U + said.turn;
    }
    return sum;
}

Test(producer_faults, a_disk_that_fails_at_any_operation_of_a_start_is_an_error_and_loses_nothing)
{
    struct fixture *self = lived();
    uint64_t before = told(self);
    bool hit = true;
    uint64_t at = 1;
    for (; hit; at++) {
        struct why why = {{0}};
        const struct sim_disk_fault fault = {
            .kind = SIM_DISK_ERROR, .at = at, .error = EIO, .for_ever = true};
        sim_disk_set_fault(self->disk, &fault);
        err_t rc = fixture_try_restart(self, &why);
        hit = sim_disk_fault_hit(self->disk);
        const struct sim_disk_fault none = {.kind = SIM_DISK_NO_FAULT};
        sim_disk_set_fault(self->disk, &none);
        cr_assert_eq(rc != ERR_OK, hit, "operation %llu: %d", (unsigned long long)at, rc);
        cr_assert(rc == ERR_OK || why.text[0] != '\0', "it says why");
    }
    cr_assert_gt(at, 30, "a start reads more than that");
    fixture_restart(self);
    cr_assert_eq(told(self), before);
    fixture_close(self);
}

/* Each read of a start fails once, and is not tried again. */
Test(producer_faults, one_read_that_fails_at_a_start_is_an_error_too)
{
    struct fixture *self = lived();
    uint64_t before = told(self);
    odd_call_read_fails(0, false);
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        odd_call_read_fails(at, false);
        err_t rc = fixture_try_restart(self, NULL);
        hit = odd_call_count() > 0;
        odd_call_read_fails(0, false);
        cr_assert(hit || rc == ERR_OK);
        if (rc == ERR_OK) { /* it was of no importance, then */
            fixture_restart(self);
            cr_assert_eq(told(self), before, "read %llu", (unsigned long long)at);
        }
    }
    fixture_close(self);
}

/* So much in every log that nothing of what came before is kept in memory. */
static struct fixture *
lived_long(void)
{
    static char payload[60000];
    memset(payload, 'x', sizeof payload - 1);
    struct fixture *self = lived();
    for (int i = 0; i < 250; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "filler%d", i); /* fits */
        fixture_submit(self, "order.sent", biz_id, payload);
        (void)fixture_spelt(self->scheduler, RECORD_POSITION, "z60000");
        (void)fixture_spelt(self->compensator, RECORD_POSITION, "z60000");
    }
    odd_call_read_fails(0, false);
    return self;
}

static void
hand_in(struct fixture *self, struct wire_out *out)
{
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    producer_core_front(self->core, &self->route, out->data, out->size);
    wire_out_fini(out);
}

static void
ask_about_all(struct fixture *self)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_query_begin(&out, 5);
    for (unsigned i = 0; i < 40; i++) {
        char biz_id[16];
        wire_ids_add(&ids, biz_id, (size_t)snprintf(biz_id, sizeof biz_id, "n%u", i));
    }
    wire_ids_end(&ids);
    hand_in(self, &out);
}

static void
watch_all(struct fixture *self)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_watch_begin(&out, 5, 1000);
    for (unsigned i = 0; i < 40; i++) {
        char biz_id[16];
        wire_ids_add(&ids, biz_id, (size_t)snprintf(biz_id, sizeof biz_id, "n%u", i));
    }
    wire_ids_end(&ids);
    hand_in(self, &out);
}

static void
cancel_one(struct fixture *self)
{
    struct wire_cancel cancel = {.biz_id = {"n1", 2}, .by = {"wang", 4}};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_cancel_encode(&out, 6, &cancel);
    hand_in(self, &out);
}

static void
submit_again(struct fixture *self)
{
    struct wire_notification again = {.topic = {"order.paid", 10}, .biz_id = {"n0", 2}};
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_submit_out submit = wire_submit_begin(&out, 7);
    wire_submit_add(&submit, &again);
    wire_submit_end(&submit);
    hand_in(self, &out);
}

/* What is open is sent to it. */
static void
join(struct fixture *self)
{
    struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER, .name = {"audit", 5}, .group = {"audit", 5}, .nonce = 77};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_hello_encode(&out, 3, &hello);
    hand_in(self, &out);
}

static void
let_deadlines_pass(struct fixture *self)
{
    self->now_ms += 7200000;
    self->now_unix_ms += 7200000;
}

/* The compensator ends a case whose notification is only to be read. */
static void
resolve(struct fixture *self)
{
    struct record_event closed = {.key = self->deliveries[2].key,
                                  .turn = 2,
                                  .kind = RECORD_CLOSED,
                                  .end = END_RESOLVED,
                                  .at_unix_ms = self->now_unix_ms};
    (void)fixture_other_event(self->compensator, &closed);
}

static void
replay_of_all(struct fixture *self)
{
    producer_checkpoint_write(self->core);
}

Test(producer_faults, a_read_that_fails_is_never_an_answer)
{
    static void (*const acts[])(struct fixture *) = {
        ask_about_all, watch_all,          cancel_one, submit_again,
        join,          let_deadlines_pass, resolve,    replay_of_all};
    struct fixture *self = lived_long();
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        bool hit = true;
        for (uint64_t at = 1; hit && at < 200; at++) {
            struct why why = {{0}};
            fixture_restart(self);
            odd_call_read_fails(at, true);
            acts[i](self);
            err_t rc = fixture_try_step(self, &why);
            hit = odd_call_count() > 0;
            odd_call_read_fails(0, false);
            cr_assert(!hit || rc != ERR_OK, "act %zu, read %llu", i, (unsigned long long)at);
        }
    }
    fixture_close(self);
}

/* It goes over many blocks, each of which is read by itself. */
Test(producer_faults, a_checkpoint_of_which_a_part_cannot_be_read_is_an_error)
{
    char end[32];
    struct fixture *self = fixture_open(1);
    log_t *own = peers_own(self->peers);
    uint64_t begin = fixture_spelt(own, RECORD_CHECKPOINT_BEGIN, "v0 v0 v0 v0 v0 v1 v1");
    for (int i = 0; i < 40; i++) {
        (void)fixture_spelt(own, RECORD_CHECKPOINT_ITEM, "b77 z60000"); /* a newer version's */
    }
    (void)fixture_spelt(own, RECORD_CHECKPOINT_ITEM, "b2 v1 v1 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1");
    (void)snprintf(end, sizeof end, "v%llu", (unsigned long long)begin); /* fits */
    (void)fixture_spelt(own, RECORD_CHECKPOINT_END, end);
    fixture_catalog_again(self);
    odd_call_read_fails(0, false);
    for (int once = 0; once < 2; once++) {
        bool hit = true;
        uint64_t at = 1;
        for (; hit; at++) {
            struct why why = {{0}};
            odd_call_read_fails(at, once == 0);
            err_t rc = fixture_try_restart(self, &why);
            hit = odd_call_count() > 0;
            odd_call_read_fails(0, false);
            cr_assert(once == 1 || (rc != ERR_OK) == hit, "read %llu", (unsigned long long)at);
            cr_assert(rc == ERR_OK || why.text[0] != '\0', "it says why");
            cr_assert(rc != ERR_OK || fixture_counter(self, "left_custody") == 1,
                      "read %llu: what comes last is not forgotten", (unsigned long long)at);
        }
        cr_assert_gt(at, 20, "a checkpoint is read block by block");
    }
    fixture_close(self);
}

/* What is asked for is not synced yet, and cannot be. */
Test(producer_faults, a_disk_that_fails_while_an_answer_waits_for_it_ends_the_service)
{
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    struct wire_out out;
    submit_again(self); /* for the first time */
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_query_begin(&out, 5);
    wire_ids_add(&ids, "n0", 2);
    wire_ids_end(&ids);
    const struct sim_disk_fault fault = {
        .kind = SIM_DISK_ERROR, .at = 1, .error = EIO, .for_ever = true};
    sim_disk_set_fault(self->disk, &fault);
    hand_in(self, &out);
    const struct sim_disk_fault none = {.kind = SIM_DISK_NO_FAULT};
    sim_disk_set_fault(self->disk, &none);
    cr_assert_neq(fixture_try_step(self, &why), ERR_OK);
    fixture_close(self);
}
