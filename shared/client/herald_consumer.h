/*
 * A receiver of notifications.
 *
 * The consumer says HELLO to the producer, learns from it where everything else is, and receives
 * from the producer, the retry scheduler and the compensator over sockets of its own thread. Your
 * handlers run in whatever thread calls herald_consumer_step, one batch at a time. When a handler
 * hangs, the consumer's thread hands back what was not started, which burns no attempt, and stays
 * away until it has returned.
 *
 * A notification may come more than once, late, in any order. A handler must apply it once for its
 * biz_id: effect and a row with the biz_id as UNIQUE key in one transaction, DONE after the commit.
 */
#ifndef HERALD_CONSUMER_H
#define HERALD_CONSUMER_H

#include "base/limits.h"
#include "base/why_text.h"
#include "client/herald_err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HERALD_CONSUMER_IDENTITY_BYTES 16
#define HERALD_CONSUMER_BATCH_MAX LIMIT_FRAME_NOTIFICATIONS

typedef struct herald_consumer herald_consumer_t;

/* What a handler says of a notification. */
enum herald_consumer_outcome {
    HERALD_CONSUMER_DONE = 1,      /* the effect is committed */
    HERALD_CONSUMER_DUPLICATE = 2, /* it was committed before */
    HERALD_CONSUMER_RETRY = 3,     /* not now; burns an attempt */
    HERALD_CONSUMER_REJECT = 4,    /* never */
    HERALD_CONSUMER_FENCED = 7,    /* a fence stands under the key */
    HERALD_CONSUMER_DOWN = 8,      /* not now, my own infrastructure; burns no attempt */
    HERALD_CONSUMER_UNDONE = 9,    /* answers undo: fenced, and the undoing action has run */
};

/* All texts and bytes are borrowed for the time of the handler's call and not terminated. */
struct herald_consumer_delivery {
    const char *topic;
    size_t topic_size;
    const char *biz_id;
    size_t biz_id_size;
    const uint8_t *payload;
    size_t payload_size;
    uint64_t version;
    int64_t deadline_unix_ms;   /* 0: none */
    int64_t first_sent_unix_ms; /* 0: now for the first time */
    uint32_t turn;
    uint16_t attempt; /* n of limit, from 1 */
    uint16_t attempts_limit;
};

struct herald_consumer_answer {
    enum herald_consumer_outcome outcome;
    uint32_t not_before_ms;              /* RETRY: not sooner than this from now; 0: as scheduled */
    char reason[LIMIT_REASON_BYTES + 1]; /* UTF-8, to its first control character; also undo's */
};

/*
 * Handlers get `count` deliveries, 1 to batch_max, and fill in as many answers. They return false
 * to answer nothing at all: then leases run out, as if the process had died. For one biz_id the
 * database holds the effect or a fence, under one UNIQUE key (docs/PROTOCOL.md, 9):
 *
 *             nothing there              the effect is there  a fence is there
 *   apply     apply it: DONE             DUPLICATE            FENCED
 *             or RETRY, REJECT, DOWN
 *   fence     put a fence: FENCED        DONE                 FENCED
 *   undo      put a fence, undo: UNDONE  DONE                 undo again: UNDONE
 *
 * An answer that this handler may not give, 0 too, is sent as RETRY and so burns an attempt. RETRY
 * and DOWN may be given for any; not_before_ms counts with RETRY, up to 7 days.
 */
typedef bool herald_consumer_fn(void *context, const struct herald_consumer_delivery *deliveries,
                                struct herald_consumer_answer *answers, size_t count);

struct herald_consumer_options {
    const char *producer;    /* endpoint of its front door, 1 to LIMIT_ENDPOINT_BYTES bytes */
    const char *group;       /* 1 to LIMIT_NAME_BYTES bytes, UTF-8 */
    const char *name;        /* of this receiver, likewise; for people */
    const uint8_t *identity; /* HERALD_CONSUMER_IDENTITY_BYTES of the group's database, or NULL */
    void *context;           /* handed to all functions below */
    herald_consumer_fn *apply;
    herald_consumer_fn *fence; /* NULL: this group cannot fence */
    herald_consumer_fn *undo;  /* NULL: it has no undoing action; needs fence */
    size_t batch_max;          /* 1 to HERALD_CONSUMER_BATCH_MAX; 0: the most */
    uint32_t hang_ms;          /* a handler that runs longer hangs; 0: 30000 */
    const char *keys; /* CURVE: directory of secret.key and servers.zpl, which names the producer's
                       * public key; NULL: without */
    /* Worth a log line: joined, refused, lost, hung, recovered, malformed. Called from the
     * consumer's thread, texts borrowed; may only stop and count. May be NULL. */
    void (*event)(void *context, const char *event, const char *detail);
};

struct herald_consumer_counts {
    uint64_t received;    /* deliveries and jobs that came in */
    uint64_t handed_back; /* of them: not started */
    uint64_t expired;     /* of them: not started, their lease had run out */
    uint64_t malformed;   /* messages, and deliveries whose content does not match its hash */
    uint64_t waiting;     /* received and not started now */
    uint32_t joined;      /* senders that we receive from now: 0 to 3 */
    bool hung;
};

/*
 * Start receiving. Options are copied, but for context. why may be NULL.
 *
 * ERR_INVALID, ERR_DENIED, ERR_NOT_FOUND, ERR_IO  why names the option or the file of keys, and
 *              what is wrong with it
 * ERR_FULL     no descriptors or threads are left, as with herald_client_new: it takes 9 and 3, and
 *              as it joins up to 17 descriptors more; want of those is told as `refused`
 *
 * Nothing has to be there yet: the consumer keeps saying HELLO. *self_p must be NULL, and stays so
 * on an error. A broken contract and no memory left end the process (abort).
 */
err_t herald_consumer_new(herald_consumer_t **self_p, const struct herald_consumer_options *options,
                          struct why *why);

/* Would herald_consumer_new take these? Its errors; connects nothing, and needs no handlers. */
err_t herald_consumer_check(const struct herald_consumer_options *options, struct why *why);

/* Hand back what was not started, send what was answered (up to 2 s), leave. Not while a step runs,
 * nor from a function of the options. NULL inside is fine. */
void herald_consumer_destroy(herald_consumer_t **self_p);

/* Wait up to wait_ms (0 or less: not at all) for work, let a handler do one batch of it, and have
 * the answers sent. Returns the number of deliveries handled; 0: nothing came, or
 * herald_consumer_stop was called. From any thread, but one at a time. */
size_t herald_consumer_step(herald_consumer_t *self, int wait_ms);

/* From any thread: a step that waits returns now, and none waits any more. */
void herald_consumer_stop(herald_consumer_t *self);

/* From within a handler: the present batch takes longer; extends its leases, up to a limit. */
void herald_consumer_working(herald_consumer_t *self);

/* From any thread. */
void herald_consumer_count(herald_consumer_t *self, struct herald_consumer_counts *counts);

#ifdef __cplusplus
}
#endif

#endif
