#include "runtime/outbox.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* An alarm and its texts. */
struct held_alarm {
    uint64_t after;
    struct alarm_facts facts; /* points into the two below */
    char subject[LIMIT_NAME_BYTES + 1];
    char text[WHY_TEXT_SIZE];
};

/* Messages of one channel, in the order in which they were added. */
struct queue {
    struct outbox_message *ring; /* owned, capacity entries, a power of two */
    size_t capacity;
    size_t head; /* of the oldest */
    size_t count;
    uint64_t added; /* so far */
};

struct outbox {
    struct queue queues[OUTBOX_CHANNELS];
    struct queue *next; /* of the message that outbox_next has returned; NULL: none */
    uint64_t followed;  /* so many answers go before what is added to lanes */
    size_t bytes;
    uint64_t newest;            /* of the positions that messages wait for, or waited for */
    struct held_alarm **alarms; /* owned, as are those in it; oldest first */
    size_t alarm_count;
    size_t alarm_capacity;
    size_t alarm_next; /* which outbox_alarm_next has returned; alarm_count: none */
};

outbox_t *
outbox_new(void)
{
    outbox_t *self = mem_zeroed(sizeof *self);
    for (int i = 0; i < OUTBOX_CHANNELS; i++) {
        self->queues[i].capacity = 64;
        self->queues[i].ring = mem_array(64, sizeof(struct outbox_message));
    }
    return self;
}

void
outbox_destroy(outbox_t **self_p)
{
    CHECK(self_p != NULL);
    outbox_t *self = *self_p;
    if (self != NULL) {
        while (outbox_next(self, UINT64_MAX) != NULL) {
            outbox_pop(self);
        }
        for (size_t i = 0; i < self->alarm_count; i++) {
            mem_free(self->alarms[i]);
        }
        mem_free(self->alarms);
        for (int i = 0; i < OUTBOX_CHANNELS; i++) {
            mem_free(self->queues[i].ring);
        }
        mem_free(self);
        *self_p = NULL;
    }
}

static void
queue_grow(struct queue *self)
{
    struct outbox_message *larger = mem_array(self->capacity * 2, sizeof *larger);
    for (size_t i = 0; i < self->count; i++) {
        larger[i] = self->ring[(self->head + i) & (self->capacity - 1)];
    }
    mem_free(self->ring);
    self->ring = larger;
    self->capacity *= 2;
    self->head = 0;
}

static struct outbox_message *
outbox_add(outbox_t *self, enum outbox_channel channel, uint64_t after, uint8_t *body, size_t size)
{
    CHECK(body != NULL && size > 0);
    struct queue *queue = &self->queues[channel];
    if (queue->count == queue->capacity) {
        queue_grow(queue);
    }
    struct outbox_message *message =
        &queue->ring[(queue->head + queue->count) & (queue->capacity - 1)];
    *message = (struct outbox_message){
        .body = body, .size = size, .after = after, .channel = (uint8_t)channel};
    queue->count++;
    queue->added++;
    self->bytes += size;
    self->newest = after > self->newest ? after : self->newest;
    return message;
}

void
outbox_front(outbox_t *self, uint64_t after, const struct outbox_route *route, uint8_t *body,
             size_t size)
{
    outbox_add(self, OUTBOX_FRONT, after, body, size)->route = *route;
}

void
outbox_lane(outbox_t *self, uint64_t after, uint32_t lane, uint8_t *body, size_t size)
{
    struct outbox_message *message = outbox_add(self, OUTBOX_LANE, after, body, size);
    message->lane = lane;
    message->behind = self->followed;
}

void
outbox_lanes_follow(outbox_t *self)
{
    self->followed = self->queues[OUTBOX_FRONT].added;
}

void
outbox_alarm(outbox_t *self, uint64_t after, const struct alarm_facts *facts)
{
    if (self->alarm_count == self->alarm_capacity) {
        self->alarm_capacity = self->alarm_capacity == 0 ? 8 : self->alarm_capacity * 2;
        self->alarms = mem_resize(self->alarms, self->alarm_capacity * sizeof *self->alarms);
    }
    struct held_alarm *alarm = mem_zeroed(sizeof *alarm);
    alarm->after = after;
    alarm->facts = *facts;
    (void)snprintf(alarm->subject, sizeof alarm->subject, "%s", facts->subject); /* cut */
    (void)snprintf(alarm->text, sizeof alarm->text, "%s", facts->text);          /* cut */
    alarm->facts.subject = alarm->subject;
    alarm->facts.text = alarm->text;
    self->alarms[self->alarm_count++] = alarm;
    self->bytes += sizeof *alarm;
}

const struct alarm_facts *
outbox_alarm_next(outbox_t *self, uint64_t durable)
{
    self->alarm_next = 0;
    while (self->alarm_next < self->alarm_count &&
           self->alarms[self->alarm_next]->after > durable) {
        self->alarm_next++;
    }
    return self->alarm_next < self->alarm_count ? &self->alarms[self->alarm_next]->facts : NULL;
}

void
outbox_alarm_pop(outbox_t *self)
{
    CHECK(self->alarm_next < self->alarm_count);
    mem_free(self->alarms[self->alarm_next]);
    self->alarm_count--;
    self->bytes -= sizeof **self->alarms;
    memmove(self->alarms + self->alarm_next, self->alarms + self->alarm_next + 1,
            (self->alarm_count - self->alarm_next) * sizeof *self->alarms);
    self->alarm_next = self->alarm_count;
}

struct outbox_message *
outbox_next(outbox_t *self, uint64_t durable)
{
    for (int i = 0; i < OUTBOX_CHANNELS; i++) {
        struct queue *queue = &self->queues[i];
        struct outbox_message *oldest = &queue->ring[queue->head];
        if (queue->count > 0 && oldest->after <= durable &&
            oldest->behind <= outbox_left(self, OUTBOX_FRONT)) {
            self->next = queue;
            return oldest;
        }
    }
    self->next = NULL;
    return NULL;
}

void
outbox_pop(outbox_t *self)
{
    CHECK(self->next != NULL);
    struct queue *queue = self->next;
    struct outbox_message *oldest = &queue->ring[queue->head];
    self->next = NULL;
    self->bytes -= oldest->size;
    mem_free(oldest->body); /* NULL when it was taken */
    *oldest = (struct outbox_message){0};
    queue->head = (queue->head + 1) & (queue->capacity - 1);
    queue->count--;
}

size_t
outbox_count(const outbox_t *self)
{
    size_t count = 0;
    for (int i = 0; i < OUTBOX_CHANNELS; i++) {
        count += self->queues[i].count;
    }
    return count;
}

uint64_t
outbox_newest(const outbox_t *self)
{
    return self->newest;
}

uint64_t
outbox_added(const outbox_t *self, enum outbox_channel channel)
{
    return self->queues[channel].added;
}

uint64_t
outbox_left(const outbox_t *self, enum outbox_channel channel)
{
    return self->queues[channel].added - self->queues[channel].count;
}

size_t
outbox_bytes(const outbox_t *self)
{
    return self->bytes;
}

bool
outbox_route_equal(const struct outbox_route *a, const struct outbox_route *b)
{
    return a->size == b->size && memcmp(a->id, b->id, a->size) == 0;
}
