/*
 * First attempts. Each subscription has a cursor over the log: full windows or an absent receiver
 * hold it, and a backlog drains in order from the journal. Whatever is not DONE at once changes
 * hands: waiting is the scheduler's business, never the producer's.
 */
#include "producer_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/content_hash.h"

#include <string.h>

#define SENT_A_STEP 16384U /* so that a backlog does not keep frames from being taken */
#define DOWN_PAUSE_MS 1000

static struct producer_queue *
queue_new(producer_core_t *self, uint16_t subscription)
{
    struct producer_queue *queue = mem_zeroed(sizeof *queue);
    producer_open_init(&queue->open, 1);
    queue->retries = producer_retries(self, subscription);
    log_cursor_init(&queue->cursor, self->log, log_next(self->log),
                    LOG_KIND_BIT(RECORD_NOTIFICATION));
    self->queues[subscription] = queue;
    if (subscription > self->queue_count) {
        self->queue_count = subscription;
    }
    return queue;
}

struct producer_queue *
producer_queue_of(producer_core_t *self, uint16_t subscription)
{
    CHECK(subscription > 0 && subscription <= LIMIT_SUBSCRIPTIONS);
    struct producer_queue *queue = self->queues[subscription];
    return queue != NULL ? queue : queue_new(self, subscription);
}

void
producer_close(producer_core_t *self, struct delivery_key key, uint32_t ended_weight)
{
    (void)producer_open_close(&producer_queue_of(self, key.subscription)->open, key.position);
    if (ended_weight > 0) {
        producer_load_remove(self, key.subscription, 1, ended_weight);
    }
}

bool
producer_is_for(const struct record_notification *record, uint16_t subscription)
{
    for (unsigned i = 0; i < record->subscription_count; i++) {
        if (record->subscriptions[i] == subscription) {
            return true;
        }
    }
    return false;
}

/* What sending asks of a notification, beside its bytes. */
struct facts {
    uint64_t id;
    uint32_t weight;
    uint16_t attempts;
};

/* A policy of the notification's own is rare: only then is it decoded again. */
static struct facts
read_facts(const struct catalog_subscription *subscription,
           const struct record_notification *record)
{
    struct policy own;
    struct wire_notification notification = {.version = 0};
    struct wire_peek peek = wire_notification_peek(record->encoded, record->encoded_size);
    if (peek.has_policy && wire_notification_decode(record->encoded, record->encoded_size,
                                                    &notification, NULL) != ERR_OK) {
        notification.policy.size = 0;
    }
    return (struct facts){
        .id = content_hash_id(peek.biz_id.data, peek.biz_id.size),
        .weight = producer_weight(&notification, record->encoded_size),
        .attempts = policy_attempts(
            catalog_policy(subscription, notification.policy.data, notification.policy.size, &own)),
    };
}

/* As its admission left them, or read. */
static struct facts
facts_of(const producer_core_t *self, const struct catalog_subscription *subscription,
         const struct log_record *at, const struct record_notification *record)
{
    const struct producer_fresh *fresh = &self->fresh[at->position % PRODUCER_FRESH];
    return fresh->position == at->position
               ? (struct facts){.id = fresh->id,
                                .weight = fresh->weight,
                                .attempts = policy_attempts(&subscription->policy)}
               : read_facts(subscription, record);
}

static bool
send_one(producer_core_t *self, const struct catalog_subscription *subscription,
         const struct log_record *at, const struct record_notification *record)
{
    const struct catalog_group *group = catalog_group_at(self->catalog, subscription->group);
    struct facts facts = facts_of(self, subscription, at, record);
    struct sender_offer offer = {
        .group = {.data = group->name, .size = group->name_size},
        .item =
            {
                .position = at->position,
                .subscription = subscription->id,
                .turn = 1,
                .attempt = 1,
                .attempts_limit = facts.attempts,
                .first_sent_unix_ms = self->now_unix_ms,
                .lease_ms = subscription->lease_ms,
                .hash = record->hash,
                .notification = {.data = record->encoded, .size = record->encoded_size},
            },
        .lease_limit_ms = subscription->lease_limit_ms,
        .user = facts.id,
        .weight = facts.weight,
    };
    return sender_send(self->sender, &offer, self->depends, self->now_ms);
}

/* Nothing below the oldest open one is to be sent. Not read over: after a long silence, or when all
 * that waited was cancelled, it may have been trimmed away. */
static void
pass_closed(producer_core_t *self, struct producer_queue *queue)
{
    if (queue->open.count > 0 && queue->cursor.position < queue->open.low) {
        log_cursor_fini(&queue->cursor);
        log_cursor_init(&queue->cursor, self->log, queue->open.low,
                        LOG_KIND_BIT(RECORD_NOTIFICATION));
    }
}

/* Send from one subscription's cursor while there is room. */
static err_t
drain(producer_core_t *self, uint16_t id, uint32_t *left, struct why *why)
{
    struct producer_queue *queue = self->queues[id];
    const struct catalog_subscription *subscription = catalog_subscription(self->catalog, id);
    const struct catalog_group *group = catalog_group_at(self->catalog, subscription->group);
    struct wire_text name = {.data = group->name, .size = group->name_size};
    pass_closed(self, queue);
    while (*left > 0 && queue->open.count > 0 && queue->cursor.position <= log_durable(self->log) &&
           sender_has_room(self->sender, name)) {
        struct log_record at;
        struct record_notification record;
        err_t rc = log_cursor_next(&queue->cursor, &at, why);
        if (rc != ERR_OK) {
            return rc == ERR_AGAIN ? ERR_OK : rc;
        }
        rc = record_notification_decode(at.body, at.size, &record, why);
        if (rc != ERR_OK) {
            return rc;
        }
        if (producer_is_for(&record, id) && producer_open_has(&queue->open, at.position)) {
            bool sent = send_one(self, subscription, &at, &record);
            CHECK(sent); /* there was room */
            (*left)--;
        }
    }
    return ERR_OK;
}

/* Whatever waits for a receiver for long is somebody's business. */
static void
watch_absence(producer_core_t *self, uint16_t id)
{
    struct producer_queue *queue = self->queues[id];
    const struct catalog_subscription *subscription = catalog_subscription(self->catalog, id);
    const struct catalog_group *group = catalog_group_at(self->catalog, subscription->group);
    struct wire_text name = {.data = group->name, .size = group->name_size};
    if (queue->open.count > 0) {
        absence_waits(&queue->absence, self->now_ms, self->now_ms);
    } else {
        absence_answered(&queue->absence);
    }
    if (absence_due(&queue->absence, self->now_ms, self->settings.absent_alarm_ms)) {
        const struct alarm_facts facts = {
            .kind = "receiver_absent",
            .subject = group->name,
            .text = sender_present(self->sender, name)
                        ? "deliveries wait for a receiver that answers none of them"
                        : "deliveries wait for a receiver that is not there",
        };
        outbox_alarm(self->outbox, 0, &facts); /* it follows from no record */
    }
}

bool
producer_can_dispatch(const producer_core_t *self)
{
    uint64_t durable = log_durable(self->log);
    uint64_t last = self->newest < durable ? self->newest : durable;
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        const struct producer_queue *queue = self->queues[id];
        if (queue == NULL || queue->open.count == 0 || queue->cursor.position > last) {
            continue;
        }
        const struct catalog_subscription *subscription = catalog_subscription(self->catalog, id);
        const struct catalog_group *group = catalog_group_at(self->catalog, subscription->group);
        struct wire_text name = {.data = group->name, .size = group->name_size};
        if (sender_has_room(self->sender, name)) {
            return true;
        }
    }
    return false;
}

err_t
producer_dispatch(producer_core_t *self, struct why *why)
{
    uint32_t left = SENT_A_STEP;
    /* A delivery depends on its notification, which is read back only when it is durable, and not
     * on what may wait: without that it is sent in the same way. All else that was appended (who
     * receives, what changed hands) must be durable before a delivery leaves. */
    self->depends = log_newest_appended(self->log, ~PRODUCER_CORE_MAY_WAIT);
    err_t rc = ERR_OK;
    for (uint16_t id = 1; id <= self->queue_count && rc == ERR_OK; id++) {
        if (self->queues[id] != NULL) {
            rc = drain(self, id, &left, why);
            watch_absence(self, id);
        }
    }
    sender_flush(self->sender, self->depends);
    return rc;
}

void
producer_told(producer_core_t *self, struct delivery_key key, uint8_t state, uint32_t turn)
{
    if (self->watches.count == 0) {
        return;
    }
    const struct catalog_subscription *subscription =
        catalog_subscription(self->catalog, key.subscription);
    struct wire_event event = {
        .position = key.position,
        .subscription = {.data = subscription->name, .size = strlen(subscription->name)},
        .state = state,
        .turn = turn,
        .at_unix_ms = self->now_unix_ms,
    };
    producer_watches_tell(&self->watches, self->outbox, log_next(self->log) - 1, &event);
}

void
producer_move(producer_core_t *self, uint64_t hash, struct record_custody *custody, uint32_t weight)
{
    custody->turn = 2; /* the producer has the first turn and never another */
    uint64_t position = producer_append_custody(self, hash, custody);
    struct producer_moved_entry moved = {.key = custody->key};
    fold_accept(&moved.fold, custody->key.position);
    fold_custody(&moved.fold, LOG_PRODUCER, position, RECORD_MOVED, custody);
    moved.due_unix_ms = custody->due_unix_ms;
    moved.weight = weight;
    producer_moved_put(&self->moved, &moved);
    producer_close(self, custody->key, 0);
    self->counts.moved++;
}

/* How the schedule goes on after a first attempt that burnt: 0, or why it does not. */
static void
schedule(producer_core_t *self, struct record_custody *custody, const struct wire_outcome *outcome,
         const struct wire_notification *notification)
{
    struct policy own;
    const struct policy *policy =
        catalog_policy(catalog_subscription(self->catalog, custody->key.subscription),
                       notification->policy.data, notification->policy.size, &own);
    self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int64_t delay_ms = policy_delay_ms(policy, 1, self->random >> 16);
    custody->attempts = 1;
    if (delay_ms < 0) {
        custody->to = LOG_COMPENSATOR;
        return;
    }
    int64_t not_before_ms = (int64_t)outcome->not_before_ms; /* the wire takes no longer delay */
    custody->due_unix_ms =
        self->now_unix_ms + (not_before_ms > delay_ms ? not_before_ms : delay_ms);
    if (notification->deadline_unix_ms != 0 &&
        custody->due_unix_ms >= notification->deadline_unix_ms) {
        custody->to = LOG_COMPENSATOR;
        custody->cause = OUTCOME_DEADLINE;
    }
}

static void
take_failure(producer_core_t *self, const struct sender_entry *entry,
             const struct wire_outcome *outcome, const struct wire_notification *notification)
{
    struct record_custody custody = {
        .key = entry->key,
        .to = LOG_SCHEDULER,
        .cause = outcome->outcome,
        .sent = true,
        .first_sent_unix_ms = entry->sent_unix_ms,
        .reason = {.data = outcome->reason.data, .size = outcome->reason.size},
    };
    if (custody.reason.size > peers_reason_bytes(self->peers)) {
        custody.reason.size =
            wire_in_utf8_prefix(custody.reason.data, peers_reason_bytes(self->peers));
    }
    switch (outcome->outcome) {
    case OUTCOME_LEASE:
        custody.alone = true;
        schedule(self, &custody, outcome, notification);
        break;
    case OUTCOME_RETRY:
        schedule(self, &custody, outcome, notification);
        break;
    case OUTCOME_REJECT:
    case OUTCOME_FENCED:
        custody.attempts = 1;
        custody.to = LOG_COMPENSATOR;
        break;
    case OUTCOME_DOWN:
        custody.unburnt = 1;
        custody.due_unix_ms = self->now_unix_ms + DOWN_PAUSE_MS;
        break;
    case OUTCOME_LOST:
        custody.alone = true;
        break;
    default:
        break; /* NOT_STARTED: at once, burning nothing */
    }
    producer_move(self, entry->user, &custody, entry->weight);
}

void
producer_answered(void *context, const struct sender_entry *entry,
                  const struct wire_outcome *outcome, bool outstanding)
{
    producer_core_t *self = context;
    struct producer_queue *queue = producer_queue_of(self, entry->key.subscription);
    if (!outstanding || !producer_open_has(&queue->open, entry->key.position)) {
        producer_done_late(self, entry, outcome->outcome);
        return;
    }
    CHECK(outcome->outcome != OUTCOME_DONE && outcome->outcome != OUTCOME_DUPLICATE);
    if (absence_is_answer(outcome->outcome)) {
        absence_answered(&queue->absence);
    }
    struct producer_stored stored;
    err_t rc = producer_stored_read(self, entry->key.position, &stored, NULL);
    if (rc != ERR_OK) {
        self->fault = rc; /* the step ends the service: our own log cannot be read */
        return;
    }
    take_failure(self, entry, outcome, &stored.notification);
    producer_stored_release(&stored);
}
