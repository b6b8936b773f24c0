#include "runtime/outbox.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

struct outbox {
    struct outbox_message *ring; /* owned, capacity entries, a power of two */
    size_t capacity;
    size_t head; /* of the oldest */
    size_t count;
    size_t bytes;
};

outbox_t *
outbox_new(void)
{
    outbox_t *self = mem_zeroed(sizeof *self);
    self->capacity = 64;
    self->ring = mem_array(self->capacity, sizeof *self->ring);
    return self;
}

void
outbox_destroy(outbox_t **self_p)
{
    CHECK(self_p != NULL);
    outbox_t *self = *self_p;
    if (self != NULL) {
        while (self->count > 0) {
            outbox_pop(self);
        }
        mem_free(self->ring);
        mem_free(self);
        *self_p = NULL;
    }
}

static void
outbox_grow(outbox_t *self)
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
outbox_add(outbox_t *self, uint64_t after, uint8_t *body, size_t size)
{
    CHECK(body != NULL && size > 0);
    if (self->count == self->capacity) {
        outbox_grow(self);
    }
    struct outbox_message *message = &self->ring[(self->head + self->count) & (self->capacity - 1)];
    *message = (struct outbox_message){.body = body, .size = size, .after = after};
    self->count++;
    self->bytes += size;
    return message;
}

void
outbox_front(outbox_t *self, uint64_t after, const struct outbox_route *route, uint8_t *body,
             size_t size)
{
    struct outbox_message *message = outbox_add(self, after, body, size);
    message->channel = OUTBOX_FRONT;
    message->route = *route;
}

void
outbox_lane(outbox_t *self, uint64_t after, uint32_t lane, uint8_t *body, size_t size)
{
    struct outbox_message *message = outbox_add(self, after, body, size);
    message->channel = OUTBOX_LANE;
    message->lane = lane;
}

void
outbox_wake(outbox_t *self, uint64_t after, uint8_t *body, size_t size)
{
    outbox_add(self, after, body, size)->channel = OUTBOX_WAKE;
}

struct outbox_message *
outbox_next(outbox_t *self, uint64_t durable)
{
    if (self->count == 0) {
        return NULL;
    }
    struct outbox_message *oldest = &self->ring[self->head];
    return oldest->after <= durable ? oldest : NULL;
}

void
outbox_pop(outbox_t *self)
{
    CHECK(self->count > 0);
    struct outbox_message *oldest = &self->ring[self->head];
    self->bytes -= oldest->size;
    mem_free(oldest->body); /* NULL when it was taken */
    *oldest = (struct outbox_message){0};
    self->head = (self->head + 1) & (self->capacity - 1);
    self->count--;
}

size_t
outbox_count(const outbox_t *self)
{
    return self->count;
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
