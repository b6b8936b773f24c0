/*
 * Room on disk: what everything open may still need in all three logs is kept free, or is set aside
 * in segments that only this log can use. New work is admitted above that.
 */
#include "producer_private.h"

#include "base/check.h"
#include "delivery/delivery_cost.h"

uint64_t
producer_retries(const producer_core_t *self, uint16_t subscription)
{
    struct policy own;
    const struct catalog_subscription *known = catalog_subscription(self->catalog, subscription);
    return known == NULL
               ? 0
               : delivery_cost_retries(policy_attempts(catalog_policy(known, "", 0, &own)));
}

uint32_t
producer_weight(const struct wire_notification *notification, size_t encoded_size)
{
    struct policy own;
    uint16_t attempts = 0;
    if (notification->policy.size > 0 &&
        policy_parse(&own, notification->policy.data, notification->policy.size, NULL) == ERR_OK) {
        attempts = policy_attempts(&own);
    }
    return delivery_cost_weight(encoded_size, attempts);
}

uint32_t
producer_weight_of(const struct record_notification *record)
{
    struct wire_notification notification = {.version = 0};
    struct wire_peek peek = wire_notification_peek(record->encoded, record->encoded_size);
    if (peek.has_policy && wire_notification_decode(record->encoded, record->encoded_size,
                                                    &notification, NULL) != ERR_OK) {
        notification.policy.size = 0; /* it was decoded when it was accepted */
    }
    return producer_weight(&notification, record->encoded_size);
}

void
producer_load_add(producer_core_t *self, struct producer_queue *queue, uint32_t weight)
{
    queue->held++;
    self->load.deliveries++;
    self->load.retries += queue->retries;
    self->load.bytes += weight;
}

void
producer_load_remove(producer_core_t *self, uint16_t subscription, uint32_t count, uint64_t weight)
{
    struct producer_queue *queue = producer_queue_of(self, subscription);
    uint64_t retries = count * queue->retries;
    CHECK(queue->held >= count && self->load.deliveries >= count && self->load.retries >= retries);
    queue->held -= count;
    self->load.deliveries -= count;
    self->load.retries -= retries;
    /* What a checkpoint of an older version says lacks the policies of notifications; what a
     * salvage lost was closed without its weight. */
    self->load.bytes -= weight < self->load.bytes ? weight : self->load.bytes;
    self->load.bytes = self->load.deliveries == 0 ? 0 : self->load.bytes;
}

void
producer_load_recount(producer_core_t *self)
{
    self->load.deliveries = 0;
    self->load.retries = 0;
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        struct producer_queue *queue = self->queues[id];
        if (queue != NULL) {
            queue->retries = producer_retries(self, id);
            self->load.deliveries += queue->held;
            self->load.retries += queue->held * queue->retries;
        }
    }
}

/* What must stay free beside what is set aside for this log alone, when so many bytes more are
 * still to be written of it. */
static uint64_t
to_keep(const struct delivery_load *load, const struct log_store_state *seen, uint64_t unwritten)
{
    struct delivery_cost cost = delivery_cost(load, seen->segment_bytes);
    cost.own += unwritten;
    return cost.others + (cost.own > seen->own_bytes ? cost.own - seen->own_bytes : 0);
}

static struct delivery_load
load_of(producer_core_t *self, const struct producer_topic *topic, uint32_t weight)
{
    struct delivery_load load = {.deliveries = topic->count,
                                 .bytes = (uint64_t)topic->count * weight};
    for (unsigned i = 0; i < topic->count; i++) {
        load.retries += producer_queue_of(self, topic->subscriptions[i])->retries;
    }
    return load;
}

/* The costs of two loads apart are not less than of both together, but for what rounding takes
 * away, which is less than ROUNDED: delivery_cost is made of products, of shares of them rounded
 * down, and of one sum that is cut off. */
#define ROUNDED 4

uint64_t
producer_room_most(producer_core_t *self, const struct producer_topic *topic)
{
    struct delivery_load load = load_of(self, topic, 0);
    struct delivery_cost cost = delivery_cost(&load, 0);
    return cost.own + cost.others + ROUNDED;
}

void
producer_room_look(producer_core_t *self)
{
    self->spare = producer_room(self);
}

/* As to_keep has it, for one more: what its record adds to what is unwritten, at most. */
static uint64_t
record_most(size_t encoded_size)
{
    return RECORD_NOTIFICATION_MAX - LIMIT_NOTIFICATION_BYTES + encoded_size;
}

static bool
counted_room_for(producer_core_t *self, const struct producer_topic *topic, uint32_t weight,
                 size_t encoded_size)
{
    struct delivery_load load = load_of(self, topic, weight);
    load.deliveries += self->load.deliveries;
    load.retries += self->load.retries;
    load.bytes += self->load.bytes;
    const struct log_store_state *seen = log_seen(self->log);
    uint64_t unwritten = log_gathered(self->log) + record_most(encoded_size);
    return seen->free_bytes > to_keep(&load, seen, unwritten);
}

bool
producer_room_for(producer_core_t *self, const struct producer_topic *topic, uint32_t weight,
                  size_t encoded_size)
{
    uint64_t bytes = (uint64_t)topic->count * weight;
    uint64_t most = topic->most + bytes + delivery_cost_share(bytes) + record_most(encoded_size);
    if (most >= self->spare) { /* only then is it worth being exact, and then to the frame's end: */
        self->spare = 0;       /* what is counted here is not taken from it */
        return counted_room_for(self, topic, weight, encoded_size);
    }
    self->spare -= most;
    return true;
}

uint64_t
producer_room(const producer_core_t *self)
{
    const struct log_store_state *seen = log_seen(self->log);
    uint64_t keep = to_keep(&self->load, seen, log_gathered(self->log));
    return seen->free_bytes > keep ? seen->free_bytes - keep : 0;
}

void
producer_room_keep(producer_core_t *self)
{
    const struct log_store_state *seen = log_seen(self->log);
    uint64_t keep = to_keep(&self->load, seen, log_gathered(self->log));
    if (keep != seen->reserve) {
        log_reserve(self->log, keep);
    }
}
