/*
 * Who is to be told how a notification ends. One entry for each notification and client, with a
 * lease that the client renews; bounded. Pure but for the outbox.
 */
#ifndef HERALD_PRODUCER_WATCH_H
#define HERALD_PRODUCER_WATCH_H

#include "base/limits.h"
#include "runtime/outbox.h"
#include "wire/wire_query.h"

struct producer_watch_entry {
    uint64_t position; /* of the notification; 0: free */
    int64_t until_ms;
    uint32_t next; /* in its bucket, or in the free list; UINT32_MAX: the last */
    struct outbox_route route;
    uint8_t biz_id_size;
    char biz_id[LIMIT_BIZ_ID_BYTES];
};

struct producer_watches {
    struct producer_watch_entry *entries; /* owned */
    uint32_t *buckets;                    /* owned */
    uint32_t capacity;                    /* of entries */
    uint32_t used;                        /* entries ever used */
    uint32_t free;
    uint32_t count;
    int64_t swept_ms;
    struct wire_out gathered; /* events for one route; data NULL: none */
    struct wire_ids_out events;
    struct outbox_route route;
};

void producer_watches_init(struct producer_watches *self, uint32_t capacity);
void producer_watches_fini(struct producer_watches *self);

/* False: no room for one more. Renewing needs none. */
bool producer_watches_add(struct producer_watches *self, const struct producer_watch_entry *entry);
void producer_watches_remove(struct producer_watches *self, uint64_t position,
                             const struct outbox_route *route);
void producer_watches_expire(struct producer_watches *self, int64_t now_ms);

/* Tell everybody who watches event->position; biz_id is filled in. Gathered until the flush. */
void producer_watches_tell(struct producer_watches *self, outbox_t *outbox, uint64_t after,
                           struct wire_event *event);
/* Tell one client, whether it watches or not. */
void producer_watches_tell_one(struct producer_watches *self, outbox_t *outbox, uint64_t after,
                               const struct outbox_route *route, const struct wire_event *event);
void producer_watches_flush(struct producer_watches *self, outbox_t *outbox, uint64_t after);

#endif
