/*
 * The retry-scheduler's core: takes custody of what failed, waits as the schedule says, tries
 * again, and ends it or gives it to the compensator. DESIGN 3 and 5.
 *
 * No clock, no sockets, no log lines: time and randomness are handed in, frames go to the outbox,
 * events to a callback. The logs of the journal are the caller's peers. One thread.
 */
#ifndef HERALD_SCHEDULER_CORE_H
#define HERALD_SCHEDULER_CORE_H

#include "delivery/catalog.h"
#include "runtime/outbox.h"
#include "runtime/peers.h"
#include "runtime/shell.h"

/* All but what the compensator acts on: the next attempt waits in the outbox for the records of its
 * own delivery, and of the rest the others only learn how far it is. */
#define SCHEDULER_MAY_WAIT                                                                         \
    (~(LOG_KIND_BIT(RECORD_MOVED) | LOG_KIND_BIT(RECORD_EVIDENCE) | LOG_KIND_BIT(RECORD_ORDER)))

/* More waits to be written only where the disk takes nothing. */
#define SCHEDULER_UNWRITTEN_BYTES (4U * 1024 * 1024)

/* Something that an operator may want to read of; alarms go to the outbox. `key` is all zero when
 * it is about no delivery. */
typedef void scheduler_event_fn(void *owner, const char *event, struct delivery_key key,
                                const char *text);

struct scheduler_settings {
    uint32_t lane_count;
    uint32_t window;           /* unanswered deliveries a lane */
    uint32_t down_limit;       /* DOWN answers of a delivery that burn no attempt */
    uint64_t checkpoint_every; /* own records */
    int64_t absent_alarm_ms;   /* alarm when deliveries have waited so long for a receiver */
    int64_t retention_ms;      /* of the own log's ended records */
    uint64_t seed;             /* of the jitter */
    scheduler_event_fn *event; /* NULL: nobody listens */
    void *owner;               /* borrowed, for event */
};

typedef struct scheduler_core scheduler_core_t;

/* peers and outbox are borrowed for the core's life. */
scheduler_core_t *scheduler_core_new(const struct scheduler_settings *settings, peers_t *peers,
                                     outbox_t *outbox);
void scheduler_core_destroy(scheduler_core_t **self_p);

/*
 * Before anything else: read the own log, the catalog, and the others' logs to their durable ends;
 * what is learned meanwhile is committed. Errors are those of the journal.
 */
err_t scheduler_core_recover(scheduler_core_t *self, int64_t now_ms, int64_t now_unix_ms,
                             struct why *why);

/* Where consumers get deliveries and send what became of them. */
void scheduler_core_set_lane(scheduler_core_t *self, uint32_t lane, const char *endpoint);
/* key: of CURVE, for both; NULL: none. */
void scheduler_core_set_outcome(scheduler_core_t *self, const char *endpoint, const uint8_t *key);

/* What the shell calls; see runtime/shell.h. `core` borrows self. */
struct shell_core scheduler_core_shell(scheduler_core_t *self);

#endif
