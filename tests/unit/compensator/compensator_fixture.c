#include "compensator_fixture.h"

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

uint64_t
fixture_durable(log_t *log, uint64_t position)
{
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, LOG_STORE_FINISHING, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_reap(log, &why), ERR_OK, "%s", why.text);
    return position;
}

/* The n-th read of the recovery fails, and all after it; 0: none. */
static err_t
start_core(struct fixture *self, uint64_t failing_read, struct why *why)
{
    struct log_settings journal = journal_of(self);
    cr_assert_eq(peers_open(&self->peers, &journal, LOG_COMPENSATOR, why), ERR_OK, "%s", why->text);
    self->outbox = outbox_new();
    self->core = compensator_new(&self->settings, self->peers, self->outbox);
    self->nonce++;
    fixture_fail_reads(failing_read);
    err_t rc = compensator_recover(self->core, self->now_ms, self->now_unix_ms, why);
    fixture_fail_reads(0);
    return rc;
}

static void
stop_core(struct fixture *self)
{
    compensator_destroy(&self->core);
    outbox_destroy(&self->outbox);
    peers_close(&self->peers);
}

void
fixture_subscribe(struct fixture *self, uint16_t id, const char *group, uint8_t compensation)
{
    struct record_subscription record = {
        .id = id,
        .active = true,
        .compensation = compensation,
        .lease_ms = FIXTURE_LEASE_MS,
        .lease_limit_ms = 3 * FIXTURE_LEASE_MS,
        .name = text_of(group),
        .pattern = text_of("*"),
        .group = text_of(group),
        .policy = text_of("default"),
    };
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    size_t size = record_subscription_encode(&record, body);
    (void)fixture_durable(self->producer,
                          log_append(self->producer, RECORD_SUBSCRIPTION, body, size));
}

void
fixture_group(struct fixture *self, const char *group, uint8_t identity, bool fence, bool undo)
{
    struct record_group record = {.name = text_of(group), .can_fence = fence, .can_undo = undo};
    memset(record.identity, identity, sizeof record.identity);
    uint8_t body[RECORD_GROUP_MAX];
    size_t size = record_group_encode(&record, body);
    (void)fixture_durable(self->producer, log_append(self->producer, RECORD_GROUP, body, size));
}

void
fixture_open(struct fixture *self)
{
    memset(self, 0, sizeof *self);
    fixture_install_faults();
    strcpy(self->directory, "/tmp/herald-compensator-XXXXXX");
    cr_assert_not_null(mkdtemp(self->directory));
    struct log_settings journal = journal_of(self);
    struct why why = {{0}};
    cr_assert_eq(log_own(&self->producer, &journal, "producer", 0, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_own(&self->scheduler, &journal, "scheduler", 0, &why), ERR_OK, "%s", why.text);
    self->settings = (struct compensator_settings){
        .tries = 3,
        .delay_count = 3,
        .delays_ms = {0, 1000, 2000},
        .absent_alarm_ms = 600000,
        .window = 4,
        .checkpoint_every = 1000000,
    };
    self->now_ms = 1000000;
    self->now_unix_ms = FIXTURE_START_UNIX_MS;
    self->present = true;
    fixture_subscribe(self, FIXTURE_REAPPLY, "plain", COMPENSATION_REAPPLY);
    fixture_subscribe(self, FIXTURE_UNDO, "undoer", COMPENSATION_UNDO);
    fixture_subscribe(self, FIXTURE_BARE, "bare", COMPENSATION_UNDO);
    fixture_group(self, "plain", 0, true, false);
    fixture_group(self, "undoer", 0, true, true);
    fixture_group(self, "bare", 0, false, false);
    cr_assert_eq(start_core(self, 0, &why), ERR_OK, "%s", why.text);
    fixture_step(self);
}

void
fixture_close(struct fixture *self)
{
    stop_core(self);
    log_close(&self->producer);
    log_close(&self->scheduler);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", self->directory); /* fits */
    cr_assert_eq(system(command), 0);
}

void
fixture_restart(struct fixture *self)
{
    struct why why = {{0}};
    cr_assert_eq(fixture_recover(self, 0, &why), ERR_OK, "%s", why.text);
    fixture_step(self);
}

err_t
fixture_recover(struct fixture *self, uint64_t failing_read, struct why *why)
{
    stop_core(self);
    return start_core(self, failing_read, why);
}

void
fixture_lose(struct fixture *self, uint64_t from, uint64_t to)
{
    struct log_settings journal = journal_of(self);
    struct why why = {{0}};
    stop_core(self);
    lose_records(&journal, "compensator", from, to);
    cr_assert_eq(start_core(self, 0, &why), ERR_OK, "%s", why.text);
    fixture_step(self);
}

void
fixture_short(struct fixture *self, bool is_short)
{
    log_reserve(self->producer, is_short ? UINT64_C(1) << 50 : 0);
    fixture_group(self, "elsewhere", 9, false, false); /* whatever: the next record publishes it */
    fixture_step(self);
}

struct delivery_key
fixture_notify(struct fixture *self, uint16_t subscription)
{
    struct delivery_key key = fixture_append_notification(self, subscription);
    (void)fixture_durable(self->producer, key.position);
    return key;
}

struct delivery_key
fixture_append_notification(struct fixture *self, uint16_t subscription)
{
    char biz_id[32];
    (void)snprintf(biz_id, sizeof biz_id, "biz-%llu",
                   (unsigned long long)log_next(self->producer)); /* fits */
    struct wire_notification notification = {
        .topic = {.data = "order.paid", .size = 10},
        .biz_id = {.data = biz_id, .size = strlen(biz_id)},
        .payload = {.data = (const uint8_t *)"{\"a\":1}", .size = 7},
    };
    if (self->payload_bytes > 0) {
        notification.payload = (struct wire_bytes){self->big, self->payload_bytes};
    }
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_notification_encode(&out, &notification);
    struct record_notification record = {
        .received_unix_ms = self->now_unix_ms,
        .hash = {1, 2, 3},
        .subscription_count = 1,
        .subscriptions = {subscription},
        .encoded = out.data,
        .encoded_size = wire_out_size(&out),
    };
    uint64_t position = 0;
    uint8_t *body = log_append_space(self->producer, RECORD_NOTIFICATION,
                                     record_notification_size(&record), &position);
    (void)record_notification_encode(&record, body);
    wire_out_fini(&out);
    return (struct delivery_key){.position = position, .subscription = subscription};
}

uint64_t
fixture_custody(log_t *log, uint8_t kind, const struct record_custody *custody)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    return fixture_durable(log, log_append(log, kind, body, record_custody_encode(custody, body)));
}

uint64_t
fixture_raw(log_t *log, uint8_t kind, const void *body, size_t size)
{
    return fixture_durable(log, log_append(log, kind, body, size));
}

uint64_t
fixture_event(log_t *log, const struct record_event *event)
{
    uint8_t body[RECORD_EVENT_MAX];
    return fixture_durable(log,
                           log_append(log, event->kind, body, record_event_encode(event, body)));
}

uint64_t
fixture_move(struct fixture *self, log_t *log, struct delivery_key key, uint32_t turn,
             uint8_t cause)
{
    struct record_custody moved = {
        .key = key,
        .turn = turn,
        .to = LOG_COMPENSATOR,
        .cause = cause,
        .attempts = 4,
        .sent = true,
        .at_unix_ms = self->now_unix_ms,
        .first_sent_unix_ms = self->now_unix_ms - 5000,
        .reason = text_of("not today"),
    };
    return fixture_custody(log, RECORD_MOVED, &moved);
}

void
fixture_done(log_t *log, uint8_t kind, struct delivery_key key, uint32_t turn)
{
    struct record_event event = {.key = key, .turn = turn, .kind = kind, .at_unix_ms = 1};
    event.outcome = kind == RECORD_ENDED ? 0 : OUTCOME_DONE;
    event.end = kind == RECORD_ENDED ? END_DONE : END_NONE;
    (void)fixture_event(log, &event);
}

void
fixture_cancel(log_t *log, struct delivery_key key, uint32_t turn)
{
    struct record_event event = {
        .key = key,
        .turn = turn,
        .kind = RECORD_ORDER,
        .order = ORDER_CANCEL,
        .at_unix_ms = 1,
        .by = text_of("ada"),
        .reason = text_of("changed her mind"),
    };
    (void)fixture_event(log, &event);
}

static void
take_jobs(struct fixture *self, struct wire_in *in)
{
    struct wire_jobs head;
    cr_assert(wire_jobs_open(in, &head));
    cr_assert_eq(head.run, log_run(peers_own(self->peers)));
    self->frames++;
    for (uint32_t i = 0; i < head.count; i++) {
        struct wire_job job;
        cr_assert(wire_job_next(in, &job), "%s", in->why.text);
        cr_assert_lt(self->count, FIXTURE_JOBS);
        self->jobs[self->count++] = (struct fixture_job){
            .token = job.token,
            .action = job.action,
            .item = job.item,
            .notification_size = job.item.notification.size,
            .at_ms = self->now_ms,
        };
    }
}

static void
collect_alarms(struct fixture *self)
{
    const struct alarm_facts *facts = NULL;
    uint64_t durable = log_durable(peers_own(self->peers));
    while ((facts = outbox_alarm_next(self->outbox, durable)) != NULL) {
        cr_assert_leq(facts->case_id, durable, "a case that may never have been");
        size_t used = strlen(self->alarms);
        (void)snprintf(self->alarms + used, sizeof self->alarms - used, "%s ", facts->kind);
        outbox_alarm_pop(self->outbox);
    }
}

static void
collect(struct fixture *self)
{
    struct outbox_message *message = NULL;
    collect_alarms(self);
    while ((message = outbox_next(self->outbox, log_durable(peers_own(self->peers)))) != NULL) {
        struct wire_in in;
        struct wire_head head;
        struct why why = {{0}};
        cr_assert_eq(wire_message_open(&in, message->body, message->size, &head, &why), ERR_OK,
                     "%s", why.text);
        if (head.type == WIRE_JOB) {
            take_jobs(self, &in);
        } else if (head.type == WIRE_PONG) {
            struct wire_pong pong;
            cr_assert_eq(wire_pong_decode(&in, &head, &pong, &why), ERR_OK, "%s", why.text);
            self->pong_known = pong.known;
        } else {
            cr_assert_leq(message->size, sizeof self->answer);
            memcpy(self->answer, message->body, message->size);
            self->answer_size = message->size;
        }
        outbox_pop(self->outbox);
    }
    compensator_left(self->core, self->now_ms);
}

void
fixture_step(struct fixture *self)
{
    static const char *const groups[] = {"plain", "undoer", "bare"};
    struct why why = {{0}};
    compensator_now(self->core, self->now_ms, self->now_unix_ms);
    if (self->present) {
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
            const struct wire_hello said = fixture_consumer(self, groups[i]);
            fixture_say_hello(self, &said);
        }
    }
    cr_assert_eq(compensator_step(self->core, self->now_ms, self->now_unix_ms, &why), ERR_OK, "%s",
                 why.text);
    if (!self->unsynced) {
        (void)fixture_durable(peers_own(self->peers), 0);
    }
    collect(self);
}

void
fixture_advance(struct fixture *self, int64_t ms)
{
    while (ms > 0) {
        int64_t once = ms < 1000 ? ms : 1000;
        self->now_ms += once;
        self->now_unix_ms += once;
        ms -= once;
        fixture_step(self);
    }
}
