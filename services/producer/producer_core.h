/*
 * The producer: admission, the first attempt of every delivery, and the answers to whoever asks.
 *
 * A core: it is handed frames and the time, reads and appends through the logs, and adds messages
 * to the outbox, which holds them until the records they depend on are durable. No sockets, no
 * clock, no logging, no randomness but the seed.
 *
 * One thread.
 */
#ifndef HERALD_PRODUCER_CORE_H
#define HERALD_PRODUCER_CORE_H

#include "runtime/front.h"
#include "runtime/outbox.h"
#include "runtime/peers.h"
#include "wire/wire_session.h"

#define PRODUCER_CORE_TAKES                                                                        \
    (FRONT_TAKES(WIRE_HELLO) | FRONT_TAKES(WIRE_PING) | FRONT_TAKES(WIRE_LEAVE) |                  \
     FRONT_TAKES(WIRE_SUBMIT) | FRONT_TAKES(WIRE_QUERY) | FRONT_TAKES(WIRE_WATCH) |                \
     FRONT_TAKES(WIRE_CANCEL) | FRONT_TAKES(WIRE_GROUP))

/* Nobody waits for these: no other service follows them, and no delivery depends on them. What an
 * answer depends on is in the outbox with it. */
#define PRODUCER_CORE_MAY_WAIT PEERS_UNREAD_OF_PRODUCER

#define PRODUCER_KINDS_SCHEDULER                                                                   \
    (LOG_KIND_BIT(RECORD_TAKEN) | LOG_KIND_BIT(RECORD_FAILED) | LOG_KIND_BIT(RECORD_MOVED) |       \
     LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_EVIDENCE) | LOG_KIND_BIT(RECORD_ENDED) |      \
     LOG_KIND_BIT(RECORD_ORDER))
#define PRODUCER_KINDS_COMPENSATOR                                                                 \
    (PRODUCER_KINDS_SCHEDULER | LOG_KIND_BIT(RECORD_CLOSED) | LOG_KIND_BIT(RECORD_FENCED) |        \
     LOG_KIND_BIT(RECORD_CASE))

struct producer_settings {
    uint32_t lane_count;         /* 1 to SENDER_LANES_MAX */
    uint32_t window;             /* unanswered deliveries a lane */
    uint32_t quick_window;       /* of one that answers quickly (sender.h) */
    uint32_t watch_max;          /* watched notifications, of all clients together */
    uint64_t retained_max;       /* notifications kept; more: the oldest finished go */
    int64_t absent_alarm_ms;     /* a receiver that deliveries wait for, gone for this long */
    int64_t retention_ms;        /* how long what is finished is kept */
    uint64_t checkpoint_records; /* own records between checkpoints */
    uint64_t seed;               /* for jitter */
    /* What is worth a line in the log and no alarm; event is static. NULL: nobody wants it. */
    void (*event)(const char *event, const char *text);
};

/* A configured subscription, for producer_core_configure. Texts are borrowed for the call. */
struct producer_subscription_settings {
    const char *name;
    const char *pattern; /* topic patterns with spaces between them */
    const char *group;
    const char *policy;
    uint8_t compensation; /* enum compensation */
    uint32_t lease_ms;
    uint32_t lease_limit_ms;
};

typedef struct producer_core producer_core_t;

/* Peers and outbox are borrowed for the core's life. */
producer_core_t *producer_core_new(const struct producer_settings *settings, peers_t *peers,
                                   outbox_t *outbox);
void producer_core_destroy(producer_core_t **self_p);

/* Read all three logs to their durable ends. Before anything else. ERR_CORRUPT, ERR_IO; why. */
err_t producer_core_recover(producer_core_t *self, int64_t now_ms, int64_t now_unix_ms,
                            struct why *why);

/* What producer_core_configure refuses of a subscription whatever the log says: sizes, topic
 * patterns, the policy. ERR_INVALID; why. */
err_t producer_core_check(const struct producer_subscription_settings *wanted, struct why *why);

/*
 * The configured subscriptions; what has changed is appended to the log, what is not configured any
 * more matches no new notification.
 *
 * ERR_INVALID  a value, or a group that differs from the one of earlier; why; nothing was appended
 */
err_t producer_core_configure(producer_core_t *self,
                              const struct producer_subscription_settings *subscriptions,
                              size_t count, struct why *why);

/* Where everything is, for WELCOME; see sender.h. */
void producer_core_lane(producer_core_t *self, uint32_t lane, const char *endpoint);
void producer_core_endpoint(producer_core_t *self, const char *name, const char *endpoint,
                            const uint8_t *key);
void producer_core_key(producer_core_t *self, const uint8_t *key);

/* As struct shell_core wants them (runtime/shell.h). */
void producer_core_front(void *self, const struct outbox_route *route, const uint8_t *body,
                         size_t size);
void producer_core_outcome(void *self, const uint8_t *body, size_t size);
err_t producer_core_step(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why);
err_t producer_core_dispatch(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why);
int64_t producer_core_next_ms(void *self);
uint32_t producer_core_counters(void *self, struct wire_counter *counters, uint32_t max);
void producer_core_now(void *self, int64_t now_ms, int64_t now_unix_ms);
void producer_core_left(void *self, int64_t now_ms);

#endif
