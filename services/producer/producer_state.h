/* What the producer core holds in memory; only its own files include it. */
#ifndef HERALD_PRODUCER_STATE_H
#define HERALD_PRODUCER_STATE_H

#include "producer_core.h"
#include "producer_heads.h"
#include "producer_held.h"
#include "producer_index.h"
#include "producer_moved.h"
#include "producer_open.h"
#include "producer_watch.h"

#include "delivery/absence.h"
#include "delivery/catalog.h"
#include "delivery/content_hash.h"
#include "delivery/deadline_heap.h"
#include "delivery/delivery_cost.h"
#include "delivery/record_codec.h"
#include "runtime/sender.h"
#include "wire/wire_submit.h"

#define PRODUCER_TOPICS 64U

/* One subscription's first attempts. */
struct producer_queue {
    struct log_cursor cursor;  /* what is before it was offered to the sender in this run */
    struct producer_open open; /* in our custody, without an end */
    uint64_t held;             /* without an end, wherever they are */
    uint64_t retries;          /* of each of them, at most, by the subscription's policy of now */
    struct absence absence;
};

/* Which subscriptions match a topic: looked up once for each topic that is in use. */
struct producer_topic {
    size_t size; /* 0: empty */
    char topic[LIMIT_TOPIC_BYTES];
    uint64_t most; /* bytes that deliveries to them may cost, beside the notification's own */
    uint8_t count;
    uint16_t subscriptions[LIMIT_SUBSCRIPTIONS];
};

/* A notification with a deadline that may be still unsent. */
struct producer_deadline {
    uint64_t position;
    uint32_t place; /* in the heap; while free, late or passed: the next one that is */
};

struct producer_deadlines {
    struct producer_deadline *slots; /* owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t free;      /* head of the free list; DEADLINE_HEAP_NOWHERE: none */
    uint32_t late;      /* of those that are due, not durable yet and so in no heap, linked alike */
    uint64_t late_from; /* the lowest position of them; UINT64_MAX: none */
    uint32_t passed;    /* of those that passed while out: checkpoints hold them; linked alike */
    struct deadline_heap heap;
};

struct producer_counts {
    uint64_t accepted;
    uint64_t duplicates;
    uint64_t conflicts;
    uint64_t refused;
    uint64_t busy;
    uint64_t busy_retained; /* of them: for retained_max */
    uint64_t unrouted;
    uint64_t done;
    uint64_t moved;
    uint64_t cancelled;
    uint64_t evidence;
    uint64_t bad_outcomes;
    uint64_t checkpoints;
};

/* What is asked of a notification when it is sent, kept from its admission: its bytes need not be
 * taken apart again. Those with a policy of their own, and older ones, are read. */
struct producer_fresh {
    uint64_t position; /* 0: none */
    uint64_t id;       /* hash of its biz_id */
    uint32_t weight;
};
#define PRODUCER_FRESH 8192U /* positions: those of what is under way, and of the ends between */

/* Where positions stood at a time, for retention by age and by count. */
struct producer_mark {
    uint64_t position;
    uint64_t total; /* notifications before it, over the log's life */
    int64_t unix_ms;
};
#define PRODUCER_MARKS 1024U

struct producer_core {
    struct producer_settings settings;
    peers_t *peers;          /* borrowed */
    log_t *log;              /* borrowed from peers */
    outbox_t *outbox;        /* borrowed */
    sender_t *sender;        /* owned */
    catalog_t *catalog;      /* owned */
    producer_index_t *index; /* owned */
    struct producer_heads heads;
    struct producer_moved moved;
    struct producer_watches watches;
    struct producer_deadlines deadlines;
    struct producer_queue *queues[LIMIT_SUBSCRIPTIONS + 1]; /* owned; by subscription id */
    uint16_t queue_count;                                   /* highest id */
    struct producer_topic topics[PRODUCER_TOPICS];
    struct producer_topic *last_topic;           /* in topics; NULL: none yet */
    struct producer_fresh fresh[PRODUCER_FRESH]; /* at position % PRODUCER_FRESH */
    struct content_hasher hasher;
    struct producer_counts counts;
    struct producer_mark marks[PRODUCER_MARKS]; /* a ring */
    uint32_t mark_first;
    uint32_t mark_count;
    struct producer_held held;
    struct delivery_load load; /* deliveries without an end, wherever they are */
    uint64_t spare;            /* see producer_room_look */
    uint64_t total;            /* notifications accepted over the log's life */
    uint64_t gone;             /* of them: trimmed */
    uint64_t newest;           /* position of the newest notification, at least */
    uint64_t depends;          /* deliveries leave when this is durable */
    uint64_t run_first;        /* positions from here on were accepted in this run */
    uint64_t expired;          /* positions below are not kept any more */
    uint64_t random;
    uint64_t checkpoint_at; /* position of the newest checkpoint's BEGIN; 0: none */
    uint64_t index_chain;   /* position of the newest INDEX record; 0: none */
    uint64_t together;      /* deliveries since then that DONEs are of beside their first */
    struct producer_touched *touched; /* owned */
    size_t touched_count;
    size_t touched_capacity;
    int64_t looked_ms; /* at what may be trimmed */
    int64_t started_ms;
    struct front front;
    bool unreadable;     /* producer_find could not tell */
    uint64_t trim_to;    /* 0: nothing is to be trimmed */
    uint64_t trim_after; /* once this is durable: what it follows from */
    err_t fault;         /* a log that cannot be read: the next step ends the service */
    int64_t now_ms;
    int64_t now_unix_ms;
};

/* A notification whose index entry or newest record the newest checkpoint does not know. */
struct producer_touched {
    uint64_t hash;
    uint64_t position;
};

#endif
