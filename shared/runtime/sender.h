/*
 * A sender of deliveries over lanes: the producer (first attempts) and the retry-scheduler.
 *
 * A lane is one PUSH endpoint with a window of unanswered deliveries of its own, which is wider
 * while answers come quickly: at full speed the way there and back takes a few syncs, and a slow
 * consumer must not hold more than it can answer within their leases. A consumer that
 * says HELLO gets a lane of its own while there are free ones, then shares the least loaded of its
 * group. A lane whose lease expired is paused until something of it is answered or it says HELLO
 * again; since what it lost may have been all that was out, a PING then lets one delivery try. A
 * consumer that is silent for three PING intervals, or whose name says HELLO with another nonce, is
 * lost, and so is what was outstanding with it.
 *
 * Each delivery sent has a token, (run << 40 | counter), never used again; the run is the log's. An
 * answer names tokens. One that is not outstanding any more is reported as late while it is still
 * remembered, and ignored after that. A lane changes hands, and a connection outlives that: what a
 * receiver of another group, or one that has not said HELLO, says of a delivery is not believed,
 * but for NOT_STARTED, with which it gives back what is not its own.
 *
 * No clock, no sockets: frames go to the outbox. One thread.
 */
#ifndef HERALD_RUNTIME_SENDER_H
#define HERALD_RUNTIME_SENDER_H

#include "delivery/record.h"
#include "runtime/outbox.h"
#include "wire/wire_deliver.h"
#include "wire/wire_session.h"

#define SENDER_LANES_MAX 64
#define SENDER_CONSUMERS_MAX 1024
#define SENDER_PING_MS 2000
#define SENDER_UNANSWERED_MAX 65536 /* lanes times window */
#define SENDER_QUICK_MAX 32768 /* unanswered in all, beyond which no lane has its quick window */
#define SENDER_GROUPS_MAX LIMIT_GROUPS

struct sender_entry {
    uint64_t token;
    struct delivery_key key;
    uint32_t turn;
    uint16_t attempt;
    uint8_t state; /* private */
    bool alone;
    uint8_t group; /* private */
    uint32_t lane;
    uint32_t lease_ms;
    uint32_t weight;     /* the owner's, as offered */
    int64_t deadline_ms; /* of the lease */
    int64_t limit_ms;    /* WORKING extends up to this */
    int64_t sent_unix_ms;
    uint64_t user; /* the owner's, as offered */
};

/* What became of one that was sent. outcome->outcome is a receiver's, or OUTCOME_LEASE,
 * OUTCOME_LOST. outstanding: false for a late answer. */
typedef void sender_answered_fn(void *owner, const struct sender_entry *entry,
                                const struct wire_outcome *outcome, bool outstanding);

/* So many at once that were outstanding, sent right behind each other, are DONE or DUPLICATE. The
 * entries are the sender's, and nothing may be sent before this returns. */
typedef void sender_done_fn(void *owner, const struct sender_entry *entries, uint32_t count,
                            uint8_t outcome);

struct sender_settings {
    enum log_id log;
    uint64_t run;
    uint32_t lane_count;
    uint32_t window;       /* unanswered deliveries a lane */
    uint32_t quick_window; /* of one consumer that has so many DONE in 200 ms, with leases of 2 s at
                            * least; 0: as above */
    uint32_t lease_ms;     /* told in WELCOME; each item says its own */
    const char *service;   /* borrowed, static */
    sender_answered_fn *answered;
    sender_done_fn *done; /* NULL: `answered` hears of these too, one by one */
    void *owner;          /* borrowed */
};

typedef struct sender sender_t;

sender_t *sender_new(const struct sender_settings *settings, outbox_t *outbox);
void sender_destroy(sender_t **self_p);

/* What WELCOME says: lane and outcome endpoints, and up to two more (scheduler, compensator). */
void sender_set_endpoint(sender_t *self, uint32_t lane, const char *endpoint);
/* key: of the server there, as sender_set_key. */
void sender_set_common(sender_t *self, const char *name, const char *endpoint, const uint8_t *key);
/* The CURVE key of the lanes' server, WIRE_KEY_BYTES, copied; NULL: without CURVE. */
void sender_set_key(sender_t *self, const uint8_t *key);

/* A consumer's HELLO, after the service has agreed; fills in the welcome. */
void sender_hello(sender_t *self, const struct wire_hello *hello, int64_t now_ms,
                  struct wire_welcome *welcome);
/* Whether the consumer is known; its lane stays. */
bool sender_ping(sender_t *self, const struct wire_ping *ping, int64_t now_ms);

/* A consumer goes by itself: as if it were lost, but at once. */
void sender_leave(sender_t *self, const struct wire_ping *session);

/* Whether anybody of the group is there, and room for one more delivery with one of its lanes. */
bool sender_present(const sender_t *self, struct wire_text group);
bool sender_has_room(const sender_t *self, struct wire_text group);

struct sender_offer {
    struct wire_text group;
    struct wire_item item;
    uint32_t lease_limit_ms;
    uint32_t weight;
    uint64_t user;
};

/* Put one delivery into the frame that is being gathered. False: no consumer or no room, nothing
 * happened. `after` is the own log's position that must be durable before it leaves. */
bool sender_send(sender_t *self, const struct sender_offer *offer, uint64_t after, int64_t now_ms);
void sender_flush(sender_t *self, uint64_t after); /* at the end of a step */

/* Whatever was flushed and has left the outbox by now: its leases begin. However long the sync took
 * that it waited for, or the disk took nothing at all, no receiver has had any of that time. */
void sender_left(sender_t *self, int64_t now_ms);

/* One OUTCOME frame. ERR_INVALID: why; what came before the fault was taken. */
err_t sender_outcome(sender_t *self, const uint8_t *body, size_t size, int64_t now_ms,
                     struct why *why);

/* Leases that ran out of what has left the outbox, consumers that were lost. Cheap when called
 * often. */
void sender_expire(sender_t *self, int64_t now_ms);
int64_t sender_next_ms(const sender_t *self);

uint32_t sender_outstanding(const sender_t *self);
uint32_t sender_consumers(const sender_t *self);
uint32_t sender_paused(const sender_t *self);
uint64_t sender_strange(const sender_t *self); /* outcomes that were not believed */

#endif
