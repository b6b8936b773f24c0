#include "scheduler_core.h"

#include "base/check.h"
#include "base/mem.h"
#include "scheduler_private.h"

#include <stdio.h>
#include <string.h>

scheduler_core_t *
scheduler_core_new(const struct scheduler_settings *settings, peers_t *peers, outbox_t *outbox)
{
    scheduler_core_t *self = mem_zeroed(sizeof *self);
    self->settings = *settings;
    self->peers = peers;
    self->log = peers_own(peers);
    self->outbox = outbox;
    self->front = (struct front){
        .service = "retry-scheduler",
        .takes = FRONT_TAKES(WIRE_HELLO) | FRONT_TAKES(WIRE_PING) | FRONT_TAKES(WIRE_LEAVE),
        .log = self->log,
        .outbox = outbox,
    };
    self->random = settings->seed;
    self->depends = log_next(self->log) - 1;
    self->catalog = catalog_new();
    scheduler_table_init(&self->table);
    struct sender_settings sender = {
        .log = LOG_SCHEDULER,
        .run = log_run(self->log),
        .lane_count = settings->lane_count,
        .window = settings->window,
        .lease_ms = SCHEDULER_LEASE_MS,
        .service = self->front.service,
        .answered = scheduler_answered,
        .owner = self,
    };
    self->sender = sender_new(&sender, outbox);
    return self;
}

void
scheduler_core_destroy(scheduler_core_t **self_p)
{
    scheduler_core_t *self = *self_p;
    if (self != NULL) {
        sender_destroy(&self->sender);
        catalog_destroy(&self->catalog);
        scheduler_table_fini(&self->table);
        mem_free(self);
        *self_p = NULL;
    }
}

void
scheduler_event(struct scheduler_core *self, const char *event, struct delivery_key key,
                const char *text)
{
    if (self->settings.event != NULL) {
        self->settings.event(self->settings.owner, event, key, text);
    }
}

void
scheduler_alarm(struct scheduler_core *self, const char *kind, const char *group, const char *text)
{
    const struct alarm_facts facts = {.kind = kind, .subject = group, .text = text};
    self->counters.alarms++;
    outbox_alarm(self->outbox, 0, &facts);
}

void
scheduler_core_set_lane(scheduler_core_t *self, uint32_t lane, const char *endpoint)
{
    sender_set_endpoint(self->sender, lane, endpoint);
}

void
scheduler_core_set_outcome(scheduler_core_t *self, const char *endpoint, const uint8_t *key)
{
    sender_set_key(self->sender, key);
    sender_set_common(self->sender, "outcome", endpoint, key);
}

static void
set_now(void *core, int64_t now_ms, int64_t now_unix_ms)
{
    struct scheduler_core *self = core;
    self->now_ms = now_ms;
    self->now_unix_ms = now_unix_ms;
}

static void
left(void *core, int64_t now_ms)
{
    sender_left(((struct scheduler_core *)core)->sender, now_ms);
}

static void
take_outcome(void *core, const uint8_t *body, size_t size)
{
    struct scheduler_core *self = core;
    struct why why;
    if (sender_outcome(self->sender, body, size, self->now_ms, &why) != ERR_OK) {
        self->counters.malformed++;
        scheduler_event(self, "outcome_malformed", (struct delivery_key){0}, why.text);
    }
}

static err_t
step(void *core, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    struct scheduler_core *self = core;
    set_now(self, now_ms, now_unix_ms);
    self->busy = false;
    err_t rc = peers_refresh(self->peers, why);
    if (rc == ERR_OK) {
        rc = scheduler_read_peers(self, SCHEDULER_READ_A_STEP, &self->busy, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    peers_note(self->peers);
    sender_expire(self->sender, now_ms);
    rc = scheduler_make_ready(self, why);
    if (rc == ERR_OK) {
        rc = scheduler_send(self, why);
    }
    scheduler_watch(self);
    if (rc == ERR_OK && self->fault != ERR_OK) {
        rc = why_set(why, self->fault, "%s", self->why.text);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    scheduler_checkpoint_step(self);
    return scheduler_trim(self, why);
}

static int64_t
next_ms(void *core)
{
    struct scheduler_core *self = core;
    if (self->busy) {
        return self->now_ms;
    }
    int64_t sender_ms = sender_next_ms(self->sender);
    int64_t heap_ms = deadline_heap_next_ms(&self->table.heap);
    return sender_ms < heap_ms ? sender_ms : heap_ms;
}

static uint32_t
counters(void *core, struct wire_counter *to, uint32_t max)
{
    const struct scheduler_core *self = core;
    const struct scheduler_counters *counts = &self->counters;
    const uint32_t *states = self->table.counts;
    const struct {
        const char *name;
        uint64_t value;
    } own[] = {
        {"open", scheduler_table_count(&self->table)},
        {"waiting", states[SCHEDULER_WAITING]},
        {"ready", states[SCHEDULER_READY]},
        {"out", states[SCHEDULER_OUT]},
        {"away", states[SCHEDULER_AWAY]},
        {"taken", counts->taken},
        {"sent", counts->sent},
        {"done", counts->done},
        {"moved", counts->moved},
        {"failed", counts->failed},
        {"ended", counts->ended},
        {"evidence", counts->evidence},
        {"handed_back", counts->handed_back},
        {"alarms", counts->alarms},
        {"notifications_gone", counts->lost},
        {"malformed", counts->malformed},
        {"strange_outcomes", sender_strange(self->sender)},
        {"checkpoints", counts->checkpoints},
        {"consumers", sender_consumers(self->sender)},
        {"paused", sender_paused(self->sender)},
        {"read_producer", peers_read(self->peers, LOG_PRODUCER) - 1},
        {"read_compensator", peers_read(self->peers, LOG_COMPENSATOR) - 1},
    };
    uint32_t count = sizeof own / sizeof own[0];
    CHECK(count <= max);
    for (uint32_t i = 0; i < count; i++) {
        to[i] = (struct wire_counter){
            .name = {.data = own[i].name, .size = strlen(own[i].name)},
            .value = own[i].value,
        };
    }
    return count;
}

struct shell_core
scheduler_core_shell(scheduler_core_t *self)
{
    return (struct shell_core){
        .takes = self->front.takes,
        .may_wait = SCHEDULER_MAY_WAIT,
        .self = self,
        .peers = self->peers,
        .front = scheduler_front,
        .outcome = take_outcome,
        .step = step,
        .next_ms = next_ms,
        .counters = counters,
        .now = set_now,
        .left = left,
    };
}
