#include "producer_watch.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define BUCKETS 65536U
#define NONE UINT32_MAX
#define SWEEP_EVERY_MS 1000
#define EVENT_BYTES (LIMIT_BIZ_ID_BYTES + LIMIT_NAME_BYTES + 64)

static_assert(WIRE_QUERY_MAX * EVENT_BYTES + 1024 <= LIMIT_FRAME_BYTES,
              "so many events fit a frame");

void
producer_watches_init(struct producer_watches *self, uint32_t capacity)
{
    *self = (struct producer_watches){.capacity = capacity, .free = NONE};
    self->entries = mem_array(capacity, sizeof *self->entries);
    self->buckets = mem_array(BUCKETS, sizeof *self->buckets);
    memset(self->buckets, 0xff, BUCKETS * sizeof *self->buckets);
}

void
producer_watches_fini(struct producer_watches *self)
{
    wire_out_fini(&self->gathered);
    mem_free(self->entries);
    mem_free(self->buckets);
    *self = (struct producer_watches){0};
}

static uint32_t *
bucket_of(struct producer_watches *self, uint64_t position)
{
    return &self->buckets[(position * UINT64_C(0x9E3779B97F4A7C15)) >> 48];
}

bool
producer_watches_add(struct producer_watches *self, const struct producer_watch_entry *entry)
{
    uint32_t *bucket = bucket_of(self, entry->position);
    for (uint32_t at = *bucket; at != NONE; at = self->entries[at].next) {
        struct producer_watch_entry *known = &self->entries[at];
        if (known->position == entry->position &&
            outbox_route_equal(&known->route, &entry->route)) {
            known->until_ms = entry->until_ms;
            return true;
        }
    }
    uint32_t at = self->free;
    if (at != NONE) {
        self->free = self->entries[at].next;
    } else if (self->used < self->capacity) {
        at = self->used++;
    } else {
        return false;
    }
    self->entries[at] = *entry;
    self->entries[at].next = *bucket;
    *bucket = at;
    self->count++;
    return true;
}

static void
unlink_entry(struct producer_watches *self, uint32_t *link)
{
    uint32_t at = *link;
    struct producer_watch_entry *entry = &self->entries[at];
    *link = entry->next;
    entry->position = 0;
    entry->next = self->free;
    self->free = at;
    self->count--;
}

void
producer_watches_remove(struct producer_watches *self, uint64_t position,
                        const struct outbox_route *route)
{
    for (uint32_t *link = bucket_of(self, position); *link != NONE;
         link = &self->entries[*link].next) {
        struct producer_watch_entry *entry = &self->entries[*link];
        if (entry->position == position && outbox_route_equal(&entry->route, route)) {
            unlink_entry(self, link);
            return;
        }
    }
}

void
producer_watches_expire(struct producer_watches *self, int64_t now_ms)
{
    if (self->count == 0 || now_ms < self->swept_ms + SWEEP_EVERY_MS) {
        return;
    }
    self->swept_ms = now_ms;
    for (uint32_t i = 0; i < self->used; i++) {
        struct producer_watch_entry *entry = &self->entries[i];
        if (entry->position != 0 && entry->until_ms <= now_ms) {
            struct outbox_route route = entry->route;
            producer_watches_remove(self, entry->position, &route);
        }
    }
}

void
producer_watches_tell_one(struct producer_watches *self, outbox_t *outbox, uint64_t after,
                          const struct outbox_route *route, const struct wire_event *event)
{
    if (self->gathered.data != NULL &&
        (!outbox_route_equal(&self->route, route) || self->events.count >= WIRE_QUERY_MAX)) {
        producer_watches_flush(self, outbox, after);
    }
    if (self->gathered.data == NULL) {
        wire_out_init(&self->gathered, 512);
        self->events = wire_events_begin(&self->gathered);
        self->route = *route;
    }
    wire_event_add(&self->events, event);
}

void
producer_watches_tell(struct producer_watches *self, outbox_t *outbox, uint64_t after,
                      struct wire_event *event)
{
    if (self->count == 0) {
        return;
    }
    for (uint32_t at = *bucket_of(self, event->position); at != NONE; at = self->entries[at].next) {
        const struct producer_watch_entry *entry = &self->entries[at];
        if (entry->position == event->position) {
            event->biz_id = (struct wire_text){.data = entry->biz_id, .size = entry->biz_id_size};
            producer_watches_tell_one(self, outbox, after, &entry->route, event);
        }
    }
}

void
producer_watches_flush(struct producer_watches *self, outbox_t *outbox, uint64_t after)
{
    if (self->gathered.data == NULL) {
        return;
    }
    wire_ids_end(&self->events);
    size_t size = 0;
    uint8_t *body = wire_out_take(&self->gathered, &size);
    outbox_front(outbox, after, &self->route, body, size);
}
