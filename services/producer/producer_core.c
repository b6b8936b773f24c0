#include "producer_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/topic_pattern.h"

#include <string.h>

#define FOLLOWED_A_STEP 16384U
#define LOOK_EVERY_MS 100 /* at the other logs, should a wake be lost */
#define IDLE_LOOK_MS 1000

producer_core_t *
producer_core_new(const struct producer_settings *settings, peers_t *peers, outbox_t *outbox)
{
    producer_core_t *self = mem_zeroed(sizeof *self);
    self->settings = *settings;
    self->peers = peers;
    self->log = peers_own(peers);
    self->outbox = outbox;
    self->front = (struct front){
        .service = "producer",
        .takes = PRODUCER_CORE_TAKES,
        .log = self->log,
        .outbox = outbox,
    };
    self->catalog = catalog_new();
    self->index = producer_index_new();
    producer_heads_init(&self->heads);
    self->random = settings->seed;
    self->newest = log_next(self->log) - 1;
    struct sender_settings sender = {
        .log = LOG_PRODUCER,
        .run = log_run(self->log),
        .lane_count = settings->lane_count,
        .window = settings->window,
        .quick_window = settings->quick_window,
        .lease_ms = 10000,
        .service = self->front.service,
        .answered = producer_answered,
        .done = producer_done,
        .owner = self,
    };
    self->sender = sender_new(&sender, outbox);
    producer_watches_init(&self->watches, settings->watch_max);
    producer_deadlines_init(&self->deadlines);
    return self;
}

void
producer_core_destroy(producer_core_t **self_p)
{
    producer_core_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        if (self->queues[id] != NULL) {
            log_cursor_fini(&self->queues[id]->cursor);
            producer_open_fini(&self->queues[id]->open);
            mem_free(self->queues[id]);
        }
    }
    producer_deadlines_fini(&self->deadlines);
    producer_watches_fini(&self->watches);
    producer_moved_fini(&self->moved);
    producer_index_destroy(&self->index);
    producer_heads_fini(&self->heads);
    catalog_destroy(&self->catalog);
    sender_destroy(&self->sender);
    mem_free(self->touched);
    mem_free(self);
    *self_p = NULL;
}

void
producer_core_lane(producer_core_t *self, uint32_t lane, const char *endpoint)
{
    sender_set_endpoint(self->sender, lane, endpoint);
}

void
producer_core_endpoint(producer_core_t *self, const char *name, const char *endpoint,
                       const uint8_t *key)
{
    sender_set_common(self->sender, name, endpoint, key);
}

void
producer_core_key(producer_core_t *self, const uint8_t *key)
{
    sender_set_key(self->sender, key);
}

void
producer_core_now(void *context, int64_t now_ms, int64_t now_unix_ms)
{
    producer_core_t *self = context;
    self->now_ms = now_ms;
    self->now_unix_ms = now_unix_ms > 0 ? now_unix_ms : 1;
}

void
producer_core_left(void *context, int64_t now_ms)
{
    sender_left(((producer_core_t *)context)->sender, now_ms);
}

void
producer_answer(producer_core_t *self, const struct outbox_route *route, struct wire_out *out)
{
    front_answer(&self->front, route, out);
}

void
producer_alarm(producer_core_t *self, const char *kind, const char *group, const char *text)
{
    const struct alarm_facts facts = {.kind = kind, .subject = group, .text = text};
    outbox_alarm(self->outbox, log_next(self->log) - 1, &facts);
}

void
producer_refuse(producer_core_t *self, const struct outbox_route *route, uint64_t request,
                uint8_t status, const char *text)
{
    self->counts.refused++;
    front_error(&self->front, route, request, status, text);
}

void
producer_core_front(void *context, const struct outbox_route *route, const uint8_t *body,
                    size_t size)
{
    producer_core_t *self = context;
    struct wire_in in;
    struct wire_head head;
    struct why why;
    wire_message_reopen(&in, body, size, &head);
    switch (head.type) {
    case WIRE_SUBMIT:
        producer_submit(self, route, &in, &head);
        break;
    case WIRE_HELLO:
        producer_hello(self, route, &in, &head);
        break;
    case WIRE_PING:
        producer_ping(self, route, &in, &head);
        break;
    case WIRE_LEAVE:
        producer_leave(self, &in, &head);
        break;
    case WIRE_QUERY:
        producer_query(self, route, &in, &head);
        break;
    case WIRE_WATCH:
        producer_watch(self, route, &in, &head);
        break;
    case WIRE_CANCEL:
        producer_cancel(self, route, &in, &head);
        break;
    case WIRE_GROUP:
        producer_group(self, route, &in, &head);
        break;
    default:
        (void)front_unsupported(self->front.service, self->front.takes, head.type, &why);
        producer_refuse(self, route, head.request, WIRE_UNSUPPORTED, why.text);
        break;
    }
}

void
producer_core_outcome(void *context, const uint8_t *body, size_t size)
{
    producer_core_t *self = context;
    if (sender_outcome(self->sender, body, size, self->now_ms, NULL) != ERR_OK) {
        self->counts.bad_outcomes++;
    }
}

err_t
producer_core_step(void *context, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    producer_core_t *self = context;
    producer_core_now(self, now_ms, now_unix_ms);
    err_t rc = producer_follow(self, FOLLOWED_A_STEP, why);
    if (rc == ERR_OK) {
        producer_deadline_expire(self);
        sender_expire(self->sender, now_ms);
        rc = producer_dispatch(self, why);
    }
    if (rc == ERR_OK) {
        rc = producer_retain(self, why);
    }
    if (rc == ERR_OK && self->fault != ERR_OK) {
        rc = why_set(why, self->fault, "what an answer or a delivery needs cannot be read back");
    }
    producer_room_keep(self);
    producer_watches_expire(&self->watches, now_ms);
    producer_watches_flush(&self->watches, self->outbox, log_next(self->log) - 1);
    return rc;
}

err_t
producer_core_dispatch(void *context, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    producer_core_t *self = context;
    producer_core_now(self, now_ms, now_unix_ms);
    /* A deadline that passed during the commit comes first: the next step, at once, sees to it. */
    bool may = producer_can_dispatch(self) && !producer_deadline_is_due(self);
    return may ? producer_dispatch(self, why) : ERR_OK;
}

int64_t
producer_core_next_ms(void *context)
{
    producer_core_t *self = context;
    if (producer_can_dispatch(self)) {
        return self->now_ms;
    }
    int64_t next_ms = self->now_ms + (self->moved.count > 0 ? LOOK_EVERY_MS : IDLE_LOOK_MS);
    int64_t sender_ms = sender_next_ms(self->sender);
    int64_t deadline_ms = producer_deadline_next_ms(self);
    next_ms = sender_ms < next_ms ? sender_ms : next_ms;
    return deadline_ms < next_ms ? deadline_ms : next_ms;
}

uint32_t
producer_core_counters(void *context, struct wire_counter *counters, uint32_t max)
{
    producer_core_t *self = context;
    const struct producer_counts *counts = &self->counts;
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {
        {"accepted", counts->accepted},
        {"duplicates", counts->duplicates},
        {"conflicts", counts->conflicts},
        {"refused", counts->refused},
        {"busy", counts->busy},
        {"busy_retained", counts->busy_retained},
        {"unrouted", counts->unrouted},
        {"done", counts->done},
        {"moved", counts->moved},
        {"cancelled", counts->cancelled},
        {"evidence", counts->evidence},
        {"bad_outcomes", counts->bad_outcomes},
        {"strange_outcomes", sender_strange(self->sender)},
        {"open", self->load.deliveries},
        {"open_bytes", self->load.bytes},
        {"retained", self->total - self->gone},
        {"retained_held", self->held.count},
        {"retained_max", self->settings.retained_max},
        {"index_bytes", producer_index_bytes(self->index) + self->heads.bytes},
        {"left_custody", self->moved.count},
        {"left_custody_bytes", producer_moved_bytes(&self->moved)},
        {"outstanding", sender_outstanding(self->sender)},
        {"consumers", sender_consumers(self->sender)},
        {"paused_lanes", sender_paused(self->sender)},
        {"watches", self->watches.count},
        {"checkpoints", counts->checkpoints},
        {"log_first", log_first(self->log)},
        {"room", producer_room(self)},
        {"room_kept", log_seen(self->log)->reserve},
    };
    uint32_t count = sizeof all / sizeof all[0];
    CHECK(count <= max);
    for (uint32_t i = 0; i < count; i++) {
        counters[i].name = (struct wire_text){.data = all[i].name, .size = strlen(all[i].name)};
        counters[i].value = all[i].value;
    }
    return count;
}
