/* What the producer core's files share; nobody else includes it. */
#ifndef HERALD_PRODUCER_PRIVATE_H
#define HERALD_PRODUCER_PRIVATE_H

#include "producer_core.h"
#include "producer_index.h"
#include "producer_moved.h"
#include "producer_open.h"
#include "producer_watch.h"

#include "delivery/catalog.h"
#include "delivery/deadline_heap.h"
#include "delivery/record_codec.h"
#include "runtime/sender.h"
#include "wire/wire_submit.h"

#define PRODUCER_TOPICS 64U

/* One subscription's first attempts. */
struct producer_queue {
    struct log_cursor cursor;  /* what is before it was offered to the sender in this run */
    struct producer_open open; /* in our custody, without an end */
};

/* Which subscriptions match a topic: looked up once for each topic that is in use. */
struct producer_topic {
    size_t size; /* 0: empty */
    char topic[LIMIT_TOPIC_BYTES];
    uint8_t count;
    uint16_t subscriptions[LIMIT_SUBSCRIPTIONS];
};

/* A notification with a deadline that may be still unsent. */
struct producer_deadline {
    uint64_t position;
    uint32_t place; /* in the heap; while free: the next free one */
};

struct producer_deadlines {
    struct producer_deadline *slots; /* owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t free; /* head of the free list; DEADLINE_HEAP_NOWHERE: none */
    struct deadline_heap heap;
};

struct producer_counts {
    uint64_t accepted;
    uint64_t duplicates;
    uint64_t conflicts;
    uint64_t refused;
    uint64_t busy;
    uint64_t unrouted;
    uint64_t done;
    uint64_t moved;
    uint64_t cancelled;
    uint64_t evidence;
    uint64_t bad_outcomes;
    uint64_t checkpoints;
};

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
    struct producer_moved moved;
    struct producer_watches watches;
    struct producer_deadlines deadlines;
    struct producer_queue *queues[LIMIT_SUBSCRIPTIONS + 1]; /* owned; by subscription id */
    uint16_t queue_count;                                   /* highest id */
    struct producer_topic topics[PRODUCER_TOPICS];
    struct producer_counts counts;
    struct producer_mark marks[PRODUCER_MARKS]; /* a ring */
    uint32_t mark_first;
    uint32_t mark_count;
    uint64_t open_count; /* deliveries without an end, wherever they are */
    uint64_t open_bytes; /* of their notifications */
    uint64_t total;      /* notifications accepted over the log's life */
    uint64_t gone;       /* of them: trimmed */
    uint64_t run_first;  /* positions from here on were accepted in this run */
    uint64_t expired;    /* positions below are not kept any more */
    uint64_t random;
    uint64_t checkpoint_at;           /* position of the newest checkpoint's BEGIN; 0: none */
    uint64_t index_chain;             /* position of the newest INDEX record; 0: none */
    struct producer_touched *touched; /* owned */
    size_t touched_count;
    size_t touched_capacity;
    int64_t trimmed_ms;
    int64_t started_ms;
    bool more;   /* dispatch stopped at its bound */
    err_t fault; /* a log that cannot be read: the next step ends the service */
    int64_t now_ms;
    int64_t now_unix_ms;
};

/* An index entry that the newest checkpoint does not know as it is. */
struct producer_touched {
    uint64_t hash;
    uint64_t position;
};

/* A stored notification, decoded. The block holds its bytes until producer_stored_release. */
struct producer_stored {
    log_block_t *block; /* owned */
    struct record_notification record;
    struct wire_notification notification;
};

/* producer_store.c: reading notifications, and the chain of records of each. */
err_t producer_stored_read(producer_core_t *self, uint64_t position, struct producer_stored *stored,
                           struct why *why);
void producer_stored_release(struct producer_stored *stored);
/* Sync up to here at once, where something must be read back in the round that wrote it. */
bool producer_make_durable(producer_core_t *self, uint64_t position);
/* The entry of the notification with this biz_id; NULL: none. ERR_... only when a log fails. */
struct producer_index_entry *producer_find(producer_core_t *self, struct wire_text biz_id,
                                           struct producer_stored *stored);
/* Append an event or custody record, linked to the notification's records before it. */
uint64_t producer_append_event(producer_core_t *self, uint64_t hash, struct record_event *event);
uint64_t producer_append_custody(producer_core_t *self, uint64_t hash,
                                 struct record_custody *custody);
void producer_touch(producer_core_t *self, uint64_t hash, uint64_t position);

/* producer_admission.c */
void producer_submit(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                     const struct wire_head *head);

/* producer_dispatch.c: first attempts and what becomes of them. */
struct producer_queue *producer_queue_of(producer_core_t *self, uint16_t subscription);
bool producer_is_for(const struct record_notification *record, uint16_t subscription);
err_t producer_dispatch(producer_core_t *self, struct why *why);
void producer_answered(void *self, const struct sender_entry *entry,
                       const struct wire_outcome *outcome, bool outstanding);
void producer_answer_ahead(const void *self, const struct sender_entry *entry);
/* Give a delivery of our custody to another; custody->to, cause and what else is set. */
void producer_move(producer_core_t *self, uint64_t hash, struct record_custody *custody,
                   uint32_t notification_bytes);
/* It is in our custody no more. bytes: of its notification; 0: it lives on elsewhere. */
void producer_close(producer_core_t *self, struct delivery_key key, uint32_t ended_bytes);

/* Tell who watches it: it has reached this state. */
void producer_told(producer_core_t *self, struct delivery_key key, uint8_t state, uint32_t turn);

/* producer_deadline.c */
void producer_deadlines_init(struct producer_deadlines *self);
void producer_deadlines_fini(struct producer_deadlines *self);
void producer_deadline_add(producer_core_t *self, uint64_t position, int64_t deadline_unix_ms);
void producer_deadline_expire(producer_core_t *self);

/* producer_follow.c: what the other services' logs say. */
err_t producer_follow(producer_core_t *self, uint32_t max, struct why *why);
/* The hash of a kept notification's biz_id; 0: it is not kept. */
uint64_t producer_hash_of(producer_core_t *self, uint64_t position);
/* A record of a delivery that has left our custody: an end is told, and noted in the own log. */
void producer_learned(producer_core_t *self, struct producer_moved_entry *moved, enum log_id log,
                      uint64_t position, const struct record_event *event);
/* producer_session.c, producer_query.c, producer_cancel.c: one message each. */
void producer_hello(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_ping(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                   const struct wire_head *head);
void producer_leave(producer_core_t *self, struct wire_in *in, const struct wire_head *head);
void producer_group(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_query(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_watch(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_cancel(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                     const struct wire_head *head);

/* Answers that all of them give. */
void producer_answer(producer_core_t *self, const struct outbox_route *route, struct wire_out *out);
void producer_refuse(producer_core_t *self, const struct outbox_route *route, uint64_t request,
                     uint8_t status, const char *text);

/* producer_retention.c: once in a while. */
err_t producer_retain(producer_core_t *self, struct why *why);

/* producer_checkpoint.c: written when it is due. */
void producer_checkpoint_write(producer_core_t *self);
/* producer_restore.c: ERR_NOT_FOUND: there is none. *from: where to read the own log on from;
 * read: how far the others' logs were read by then. */
err_t producer_checkpoint_read(producer_core_t *self, uint64_t *from, uint64_t read[LOG_ID_COUNT],
                               struct why *why);

/* What a CHECKPOINT_ITEM holds; the formats are drawn in producer_checkpoint.c. */
enum producer_item {
    PRODUCER_ITEM_OPEN = 1,
    PRODUCER_ITEM_MOVED = 2,
    PRODUCER_ITEM_DEADLINE = 3,
    PRODUCER_ITEM_SUBSCRIPTION = 4,
    PRODUCER_ITEM_GROUP = 5,
    PRODUCER_ITEM_MARK = 6,
};

#endif
