#include "scheduler_fixture.h"

#include "base/mem.h"
#include "delivery/record_codec.h"
#include "support/lose_records.h"
#include "wire/wire_submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct record_text
text_of(const char *text)
{
    return (struct record_text){.data = text, .size = strlen(text)};
}

static struct log_settings
journal_of(const struct fixture *self)
{
    return (struct log_settings){
        .directory = self->directory,
        .segment_bytes = 64U * 1024,
        .no_write_ahead = true,
    };
}

static uint64_t
durable(log_t *log, uint64_t position)
{
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, LOG_STORE_FINISHING, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_reap(log, &why), ERR_OK, "%s", why.text);
    return position;
}

static void
on_event(void *owner, const char *event, struct delivery_key key, const char *text)
{
    (void)event;
    (void)key;
    (void)text;
    ((struct fixture *)owner)->events++;
}

static err_t
try_start(struct fixture *self, struct why *why)
{
    struct log_settings journal = journal_of(self);
    err_t rc = peers_open(&self->peers, &journal, LOG_SCHEDULER, why);
    if (rc != ERR_OK) {
        return rc;
    }
    self->outbox = outbox_new();
    self->core = scheduler_core_new(&self->settings, self->peers, self->outbox);
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        scheduler_core_set_lane(self->core, i, "ipc://lane");
    }
    scheduler_core_set_outcome(self->core, "ipc://outcome", NULL);
    self->shell = scheduler_core_shell(self->core);
    self->nonce++;
    return scheduler_core_recover(self->core, self->now_ms, self->now_unix_ms, why);
}

static void
start_core(struct fixture *self)
{
    struct why why = {{0}};
    cr_assert_eq(try_start(self, &why), ERR_OK, "%s", why.text);
}

static void
stop_core(struct fixture *self)
{
    scheduler_core_destroy(&self->core);
    outbox_destroy(&self->outbox);
    peers_close(&self->peers);
}

void
fixture_open(struct fixture *self, const char *policy)
{
    memset(self, 0, sizeof *self);
    strcpy(self->directory, "/tmp/herald-scheduler-XXXXXX");
    cr_assert_not_null(mkdtemp(self->directory));
    struct log_settings journal = journal_of(self);
    struct why why = {{0}};
    cr_assert_eq(log_own(&self->producer, &journal, "producer", 0, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_own(&self->compensator, &journal, "compensator", 0, &why), ERR_OK, "%s",
                 why.text);
    self->settings = (struct scheduler_settings){
        .lane_count = 4,
        .window = 64,
        .down_limit = 4,
        .checkpoint_every = 1000000,
        .absent_alarm_ms = 600000,
        .seed = 7,
        .event = on_event,
        .owner = self,
    };
    self->now_ms = 1000000;
    self->now_unix_ms = FIXTURE_START_UNIX_MS;
    self->present = true;
    fixture_subscribe(self, 1, "orders", policy);
    start_core(self);
    fixture_step(self);
}

void
fixture_close(struct fixture *self)
{
    stop_core(self);
    log_close(&self->producer);
    log_close(&self->compensator);
    fixture_forget(self);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", self->directory); /* fits */
    cr_assert_eq(system(command), 0);
}

void
fixture_subscribe(struct fixture *self, uint16_t id, const char *group, const char *policy)
{
    struct record_subscription record = {
        .id = id,
        .active = true,
        .compensation = COMPENSATION_REAPPLY,
        .lease_ms = FIXTURE_LEASE_MS,
        .lease_limit_ms = 10 * FIXTURE_LEASE_MS,
        .name = text_of(group),
        .pattern = text_of("*"),
        .group = text_of(group),
        .policy = text_of(policy),
    };
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    size_t size = record_subscription_encode(&record, body);
    (void)durable(self->producer, log_append(self->producer, RECORD_SUBSCRIPTION, body, size));
}

void
fixture_identity(struct fixture *self, const char *group, uint8_t byte)
{
    struct record_group record = {.name = text_of(group), .can_fence = true};
    memset(record.identity, byte, sizeof record.identity);
    uint8_t body[RECORD_GROUP_MAX];
    size_t size = record_group_encode(&record, body);
    (void)durable(self->producer, log_append(self->producer, RECORD_GROUP, body, size));
}

static struct wire_out
encode_notification(uint64_t number, const char *policy, int64_t deadline_unix_ms)
{
    char biz_id[32];
    (void)snprintf(biz_id, sizeof biz_id, "biz-%llu", (unsigned long long)number); /* fits */
    struct wire_notification notification = {
        .topic = {.data = "order.paid", .size = 10},
        .biz_id = {.data = biz_id, .size = strlen(biz_id)},
        .payload = {.data = (const uint8_t *)"{}", .size = 2},
        .policy = {.data = policy, .size = policy == NULL ? 0 : strlen(policy)},
        .deadline_unix_ms = deadline_unix_ms,
    };
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_notification_encode(&out, &notification);
    return out;
}

static struct record_notification
record_of(const struct fixture *self, const struct wire_out *out)
{
    return (struct record_notification){
        .received_unix_ms = self->now_unix_ms,
        .hash = {1, 2, 3},
        .subscription_count = 1,
        .subscriptions = {1},
        .encoded = out->data,
        .encoded_size = wire_out_size(out),
    };
}

struct delivery_key
fixture_notify(struct fixture *self, const char *policy, int64_t deadline_unix_ms)
{
    struct wire_out out = encode_notification(log_next(self->producer), policy, deadline_unix_ms);
    struct record_notification record = record_of(self, &out);
    uint64_t position;
    size_t size = record_notification_size(&record);
    uint8_t *body = log_append_space(self->producer, RECORD_NOTIFICATION, size, &position);
    (void)record_notification_encode(&record, body);
    wire_out_fini(&out);
    (void)durable(self->producer, position);
    return (struct delivery_key){.position = position, .subscription = 1};
}

uint64_t
fixture_custody(log_t *log, uint8_t kind, const struct record_custody *custody)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    size_t size = record_custody_encode(custody, body);
    return durable(log, log_append(log, kind, body, size));
}

void
fixture_short(struct fixture *self, bool is_short)
{
    log_reserve(self->producer, is_short ? UINT64_C(1) << 50 : 0);
    fixture_identity(self, "elsewhere", 9); /* whatever: the next record publishes it */
    fixture_step(self);
}

uint64_t
fixture_give(struct fixture *self, struct delivery_key key, int64_t due_in_ms)
{
    struct record_custody moved = {
        .key = key,
        .turn = 2,
        .to = LOG_SCHEDULER,
        .cause = OUTCOME_RETRY,
        .attempts = 1,
        .sent = true,
        .at_unix_ms = self->now_unix_ms,
        .due_unix_ms = due_in_ms == 0 ? 0 : self->now_unix_ms + due_in_ms,
        .first_sent_unix_ms = self->now_unix_ms - 5,
        .reason = text_of("busy"),
        .previous = key.position,
    };
    return fixture_custody(self->producer, RECORD_MOVED, &moved);
}

uint64_t
fixture_event(log_t *log, const struct record_event *event)
{
    uint8_t body[RECORD_EVENT_MAX];
    size_t size = record_event_encode(event, body);
    return durable(log, log_append(log, event->kind, body, size));
}

uint64_t
fixture_case(struct fixture *self, struct delivery_key key, uint32_t turn)
{
    struct wire_out out = encode_notification(key.position, NULL, 0);
    struct record_case opened = {
        .custody = {.key = key, .turn = turn, .to = LOG_COMPENSATOR, .cause = OUTCOME_RETRY},
        .notification = record_of(self, &out),
    };
    uint8_t *body = mem_alloc(RECORD_CASE_MAX);
    size_t size = record_case_encode(&opened, body);
    uint64_t position =
        durable(self->compensator, log_append(self->compensator, RECORD_CASE, body, size));
    mem_free(body);
    wire_out_fini(&out);
    return position;
}

uint64_t
fixture_cancel(struct fixture *self, log_t *log, struct delivery_key key)
{
    return fixture_cancel_in(self, log, key, 2);
}

uint64_t
fixture_cancel_in(struct fixture *self, log_t *log, struct delivery_key key, uint32_t turn)
{
    struct record_event order = {
        .key = key,
        .turn = turn,
        .kind = RECORD_ORDER,
        .order = ORDER_CANCEL,
        .at_unix_ms = self->now_unix_ms,
        .by = text_of("ann"),
        .reason = text_of("a mistake"),
    };
    return fixture_event(log, &order);
}

err_t
fixture_try_step(struct fixture *self, struct why *why)
{
    if (self->present) {
        fixture_hello(self, "orders", 0);
    }
    return self->shell.step(self->shell.self, self->now_ms, self->now_unix_ms, why);
}

void
fixture_step(struct fixture *self)
{
    struct why why = {{0}};
    cr_assert_eq(fixture_try_step(self, &why), ERR_OK, "%s", why.text);
    (void)durable(peers_own(self->peers), 0);
    fixture_collect(self);
    cr_assert_eq(outbox_count(self->outbox), 0, "nothing waits for more than is written");
}

void
fixture_advance(struct fixture *self, int64_t ms)
{
    self->now_ms += ms;
    self->now_unix_ms += ms;
    fixture_step(self);
}

void
fixture_restart(struct fixture *self, int64_t later_ms)
{
    stop_core(self);
    self->now_ms += later_ms;
    self->now_unix_ms += later_ms;
    start_core(self);
}

void
fixture_lose(struct fixture *self, uint64_t from, uint64_t to)
{
    struct log_settings journal = journal_of(self);
    stop_core(self);
    lose_records(&journal, "scheduler", from, to);
    start_core(self);
}

err_t
fixture_try_restart(struct fixture *self, struct why *why)
{
    stop_core(self);
    err_t rc = try_start(self, why);
    if (rc != ERR_OK) {
        stop_core(self);
    }
    return rc;
}

void
fixture_forget(struct fixture *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        mem_free((void *)(uintptr_t)self->deliveries[i].item.notification.data);
    }
    self->count = 0;
}

void
fixture_take_answer(struct fixture *self, uint32_t number, uint8_t outcome, uint64_t not_before_ms)
{
    cr_assert_lt(number, self->count);
    const struct fixture_delivery *delivery = &self->deliveries[number];
    struct wire_outcomes head = {
        .run = delivery->token >> 40,
        .receiver = {.data = "consumer", .size = 8},
        .lane = delivery->lane,
    };
    struct wire_outcome answer = {
        .first_token = delivery->token,
        .count = 1,
        .outcome = outcome,
        .not_before_ms = not_before_ms,
        .reason = {.data = "why not", .size = 7},
    };
    struct wire_out out;
    wire_out_init(&out, 256);
    struct wire_outcomes_out outcomes = wire_outcomes_begin(&out, &head);
    wire_outcomes_add(&outcomes, &answer);
    wire_outcomes_end(&outcomes);
    self->shell.now(self->shell.self, self->now_ms, self->now_unix_ms);
    self->shell.outcome(self->shell.self, out.data, wire_out_size(&out));
    wire_out_fini(&out);
}

void
fixture_answer(struct fixture *self, uint32_t number, uint8_t outcome, uint64_t not_before_ms)
{
    fixture_take_answer(self, number, outcome, not_before_ms);
    fixture_step(self);
}
