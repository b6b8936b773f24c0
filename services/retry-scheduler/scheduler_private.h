/*
 * What the files of the core share. scheduler_core.h is the contract.
 */
#ifndef HERALD_SCHEDULER_PRIVATE_H
#define HERALD_SCHEDULER_PRIVATE_H

#include "delivery/absence.h"
#include "runtime/sender.h"
#include "scheduler_core.h"
#include "scheduler_recover.h"
#include "scheduler_table.h"

#define SCHEDULER_LEASE_MS 10000     /* told in WELCOME; each delivery says its own */
#define SCHEDULER_BACK_FIRST_MS 50   /* after NOT_STARTED, doubled up to the longest */
#define SCHEDULER_DOWN_FIRST_MS 1000 /* the same after DOWN */
#define SCHEDULER_LONGEST_MS 30000
#define SCHEDULER_UNKNOWN_MS 1000 /* until an unknown subscription is looked for again */
#define SCHEDULER_GONE_MS 60000   /* until a missing notification is looked for again */
#define SCHEDULER_READ_A_STEP 10000

#define SCHEDULER_PRODUCER_KINDS                                                                   \
    (LOG_KIND_BIT(RECORD_MOVED) | LOG_KIND_BIT(RECORD_EVIDENCE) | LOG_KIND_BIT(RECORD_ORDER) |     \
     LOG_KIND_BIT(RECORD_SUBSCRIPTION) | LOG_KIND_BIT(RECORD_GROUP))
/* ORDER too: a replay that is read after the producer's cancel is stopped by the copy of it. */
#define SCHEDULER_COMPENSATOR_KINDS                                                                \
    (LOG_KIND_BIT(RECORD_MOVED) | LOG_KIND_BIT(RECORD_DONE) | LOG_KIND_BIT(RECORD_EVIDENCE) |      \
     LOG_KIND_BIT(RECORD_CLOSED) | LOG_KIND_BIT(RECORD_ENDED) | LOG_KIND_BIT(RECORD_CASE) |        \
     LOG_KIND_BIT(RECORD_ORDER))

struct scheduler_checkpoint {
    bool running;
    uint64_t begin;   /* position of the BEGIN being written */
    uint64_t written; /* position of the newest END; 0: none yet */
    uint64_t trim_to; /* its BEGIN, until it is durable and was trimmed to; else 0 */
    uint64_t since;   /* own records are counted from here until the next one */
    uint32_t next;    /* place in the table that comes next */
};

struct scheduler_counters {
    uint64_t taken;
    uint64_t sent;
    uint64_t done;
    uint64_t moved;
    uint64_t failed;
    uint64_t ended;
    uint64_t evidence;
    uint64_t lost; /* notifications that could not be found */
    uint64_t handed_back;
    uint64_t alarms;
    uint64_t malformed;
    uint64_t checkpoints;
};

struct scheduler_core {
    struct scheduler_settings settings;
    peers_t *peers;   /* borrowed */
    log_t *log;       /* borrowed: the own one */
    outbox_t *outbox; /* borrowed */
    struct front front;
    sender_t *sender;   /* owned */
    catalog_t *catalog; /* owned */
    struct scheduler_table table;
    struct scheduler_checkpoint checkpoint;
    struct scheduler_counters counters;
    struct scheduler_ended ended;
    uint64_t random;
    int64_t now_ms;
    int64_t now_unix_ms;
    uint64_t depends;     /* deliveries leave when this is durable */
    uint32_t first_group; /* that is served first in the next step */
    int64_t started_ms;
    struct absence absences[LIMIT_GROUPS]; /* by index in the catalog */
    bool busy;                             /* a step left something for the next */
    err_t fault;                           /* the journal failed where no error could be returned */
    struct why why;                        /* of the fault */
};

void scheduler_event(struct scheduler_core *self, const char *event, struct delivery_key key,
                     const char *text);
/* An alarm about a receiver group; it follows from no own record. */
void scheduler_alarm(struct scheduler_core *self, const char *kind, const char *group,
                     const char *text);

/* scheduler_record.c: records, and what they change in the entry. A longer reason is cut. */
struct scheduler_cause {
    uint8_t outcome; /* enum outcome */
    struct record_text reason;
};
void scheduler_take(struct scheduler_core *self, const struct record_custody *moved, uint64_t copy);
/* After a start: pass on what was asked to be cancelled, where a crash has cut off that record. */
void scheduler_move_cancelled(struct scheduler_core *self);
void scheduler_move(struct scheduler_core *self, struct scheduler_entry *entry,
                    const struct scheduler_cause *cause);
void scheduler_fail(struct scheduler_core *self, struct scheduler_entry *entry,
                    const struct scheduler_cause *cause, int64_t delay_ms);
void scheduler_done(struct scheduler_core *self, struct scheduler_entry *entry, uint8_t outcome);
void scheduler_end(struct scheduler_core *self, struct scheduler_entry *entry, uint8_t end);
void scheduler_order(struct scheduler_core *self, struct scheduler_entry *entry,
                     const struct record_event *order);
void scheduler_evidence(struct scheduler_core *self, const struct sender_entry *sent,
                        uint8_t outcome);

/* scheduler_peer.c: the others' logs. */
err_t scheduler_read_peers(struct scheduler_core *self, uint32_t max, bool *more, struct why *why);

/* scheduler_notification.c: the notification of an entry. */
struct scheduler_notification {
    struct record_notification record;
    log_block_t *block; /* owned: holds the bytes */
};
/* ERR_NOT_FOUND: nowhere any more. */
err_t scheduler_notification(struct scheduler_core *self, const struct scheduler_entry *entry,
                             struct scheduler_notification *found, struct why *why);
/* Where that is so, whether it will stay so: a salvage lost it. */
bool scheduler_notification_lost(struct scheduler_core *self, const struct scheduler_entry *entry);
/* Read deadline and whether it has a policy, once. */
err_t scheduler_describe(struct scheduler_core *self, struct scheduler_entry *entry,
                         struct why *why);
/* Its policy; `own` is the caller's memory. The subscription is known. */
const struct policy *scheduler_policy(struct scheduler_core *self,
                                      const struct scheduler_entry *entry, struct policy *own);

/* scheduler_answer.c: for sender_settings. */
sender_answered_fn scheduler_answered;

/* scheduler_send.c */
err_t scheduler_make_ready(struct scheduler_core *self, struct why *why);
err_t scheduler_send(struct scheduler_core *self, struct why *why);
/* Whoever lets its deliveries wait for too long is an alarm, once until it answers. */
void scheduler_watch(struct scheduler_core *self);
/* That one waits for its receiver until then, as far as is known. */
void scheduler_waits(struct scheduler_core *self, const struct scheduler_entry *entry,
                     int64_t until_ms);
/* Whether waiting for so long from now goes past the notification's deadline. */
bool scheduler_too_late(const struct scheduler_core *self, const struct scheduler_entry *entry,
                        int64_t delay_ms);

/* scheduler_front.c */
void scheduler_front(void *self, const struct outbox_route *route, const uint8_t *body,
                     size_t size);

/* scheduler_checkpoint.c */
void scheduler_checkpoint_step(struct scheduler_core *self);
err_t scheduler_trim(struct scheduler_core *self, struct why *why);
/* One of its items, into the table. Times are as in scheduler_core_recover. */
err_t scheduler_checkpoint_item(struct scheduler_core *self, const struct log_record *record,
                                struct why *why);

#endif
