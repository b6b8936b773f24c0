/* Deadlines of notifications that wait behind a held cursor: they pass there too. */
#include "producer_private.h"

#include "base/mem.h"
#include "delivery/content_hash.h"

static uint32_t *
place_of(void *owner, uint32_t item)
{
    struct producer_deadlines *self = owner;
    return &self->slots[item].place;
}

void
producer_deadlines_init(struct producer_deadlines *self)
{
    *self = (struct producer_deadlines){
        .free = DEADLINE_HEAP_NOWHERE,
        .late = DEADLINE_HEAP_NOWHERE,
        .late_from = UINT64_MAX,
        .passed = DEADLINE_HEAP_NOWHERE,
    };
    deadline_heap_init(&self->heap, place_of, self);
}

void
producer_deadlines_fini(struct producer_deadlines *self)
{
    deadline_heap_fini(&self->heap);
    mem_free(self->slots);
    *self = (struct producer_deadlines){0};
}

void
producer_deadline_add(producer_core_t *core, uint64_t position, int64_t deadline_unix_ms)
{
    struct producer_deadlines *self = &core->deadlines;
    uint32_t item = self->free;
    if (item != DEADLINE_HEAP_NOWHERE) {
        self->free = self->slots[item].place;
    } else {
        if (self->count == self->capacity) {
            self->capacity = self->capacity == 0 ? 256 : self->capacity * 2;
            self->slots = mem_resize(self->slots, self->capacity * sizeof *self->slots);
        }
        item = self->count++;
    }
    self->slots[item] =
        (struct producer_deadline){.position = position, .place = DEADLINE_HEAP_NOWHERE};
    deadline_heap_set(&self->heap, item, core->now_ms + (deadline_unix_ms - core->now_unix_ms));
}

/* Where it was not sent yet, the schedule is used up. What is on its way is decided by its answer.
 */
static void
expire_one(producer_core_t *self, uint64_t position)
{
    struct producer_stored stored;
    if (!producer_stored_get(self, position, &stored)) {
        return;
    }
    const struct wire_notification *notification = &stored.notification;
    uint64_t hash = content_hash_id(notification->biz_id.data, notification->biz_id.size);
    uint32_t weight = producer_weight(notification, stored.record.encoded_size);
    for (unsigned i = 0; i < stored.record.subscription_count; i++) {
        struct delivery_key key = {.position = position,
                                   .subscription = stored.record.subscriptions[i]};
        const struct producer_queue *queue = self->queues[key.subscription];
        if (queue == NULL || !producer_open_has(&queue->open, position) ||
            position < queue->cursor.position) {
            continue;
        }
        struct record_custody custody = {
            .key = key,
            .to = LOG_COMPENSATOR,
            .cause = OUTCOME_DEADLINE,
            .sent = position < self->run_first,
            .reason = {.data = "the deadline passed before it was sent", .size = 38},
        };
        producer_move(self, hash, &custody, weight);
    }
    producer_stored_release(&stored);
}

static void
link_to(struct producer_deadlines *self, uint32_t *list, uint32_t item)
{
    self->slots[item].place = *list;
    *list = item;
}

static void
release(struct producer_deadlines *self, uint32_t item)
{
    deadline_heap_remove(&self->heap, item);
    link_to(self, &self->free, item);
}

static bool
is_open(const producer_core_t *core, uint64_t position)
{
    for (uint16_t id = 1; id <= core->queue_count; id++) {
        if (core->queues[id] != NULL && producer_open_has(&core->queues[id]->open, position)) {
            return true;
        }
    }
    return false;
}

void
producer_deadline_prune(producer_core_t *core)
{
    struct producer_deadlines *self = &core->deadlines;
    for (uint32_t i = self->heap.count; i-- > 0;) {
        /* What takes the place of a removed one comes from behind, and was looked at before, or is
         * looked at next time: nothing is lost by it. */
        if (!is_open(core, self->slots[self->heap.items[i]].position)) {
            release(self, self->heap.items[i]);
        }
    }
    uint32_t *list = &self->passed;
    while (*list != DEADLINE_HEAP_NOWHERE) {
        uint32_t item = *list;
        if (is_open(core, self->slots[item].position)) {
            list = &self->slots[item].place;
        } else {
            *list = self->slots[item].place;
            link_to(self, &self->free, item);
        }
    }
}

static bool
late_is_durable(const producer_core_t *core)
{
    return core->deadlines.late_from <= log_durable(core->log);
}

/* Until it is durable it can neither be read nor given away, and others do not wait for it. */
static void
put_off(struct producer_deadlines *self, uint32_t item)
{
    uint64_t position = self->slots[item].position;
    deadline_heap_remove(&self->heap, item);
    link_to(self, &self->late, item);
    self->late_from = position < self->late_from ? position : self->late_from;
}

static void
take_late(producer_core_t *core)
{
    struct producer_deadlines *self = &core->deadlines;
    while (self->late != DEADLINE_HEAP_NOWHERE) {
        uint32_t item = self->late;
        self->late = self->slots[item].place;
        self->slots[item].place = DEADLINE_HEAP_NOWHERE;
        deadline_heap_set(&self->heap, item, core->now_ms);
    }
    self->late_from = UINT64_MAX;
}

void
producer_deadline_expire(producer_core_t *core)
{
    struct producer_deadlines *self = &core->deadlines;
    uint32_t item = 0;
    if (late_is_durable(core)) {
        take_late(core);
    }
    while (deadline_heap_due(&self->heap, core->now_ms, &item)) {
        uint64_t position = self->slots[item].position;
        if (position > log_durable(core->log)) {
            put_off(self, item);
            continue;
        }
        expire_one(core, position);
        if (is_open(core, position)) { /* its answer decides, or the next run if none comes */
            deadline_heap_remove(&self->heap, item);
            link_to(self, &self->passed, item);
        } else {
            release(self, item);
        }
    }
}

bool
producer_deadline_is_due(producer_core_t *core)
{
    struct producer_deadlines *self = &core->deadlines;
    uint32_t item = 0;
    while (deadline_heap_due(&self->heap, core->now_ms, &item)) {
        if (is_open(core, self->slots[item].position)) {
            return true;
        }
        release(self, item);
    }
    return late_is_durable(core);
}

int64_t
producer_deadline_next_ms(const producer_core_t *core)
{
    return late_is_durable(core) ? core->now_ms : deadline_heap_next_ms(&core->deadlines.heap);
}
