/*
 * What the compensator's tests share: real logs in a directory of their own, of which the test owns
 * the producer's and the scheduler's; a clock that the test moves; a consumer that stays present;
 * and what the core has sent, decoded.
 */
#ifndef HERALD_TESTS_UNIT_COMPENSATOR_FIXTURE_H
#define HERALD_TESTS_UNIT_COMPENSATOR_FIXTURE_H

#include "compensator_state.h"
#include "delivery/record_codec.h"

#include <criterion/criterion.h>

#define FIXTURE_START_UNIX_MS INT64_C(1800000000000)
#define FIXTURE_LEASE_MS 3000
#define FIXTURE_JOBS 4096
#define FIXTURE_SHOWN 2048
#define FIXTURE_REAPPLY 1 /* subscription of group "plain", which can fence */
#define FIXTURE_UNDO 2    /* of group "undoer": compensation undo; can fence and undo */
#define FIXTURE_BARE 3    /* of group "bare": compensation undo; can neither */

struct fixture_job {
    uint64_t token;
    uint8_t action;
    struct wire_item item; /* its borrowed bytes are gone */
    size_t notification_size;
    int64_t at_ms;
};

struct fixture {
    char directory[64];
    log_t *producer;
    log_t *scheduler;
    peers_t *peers;
    outbox_t *outbox;
    compensator_t *core;
    struct compensator_settings settings;
    int64_t now_ms;
    int64_t now_unix_ms;
    bool present;         /* a consumer of each group says HELLO and PINGs */
    bool unsynced;        /* the steps append, and no sync ends */
    size_t payload_bytes; /* of the next notifications; 0: a short one */
    uint8_t big[LIMIT_PAYLOAD_BYTES];
    uint64_t nonce;
    struct fixture_job jobs[FIXTURE_JOBS];
    uint32_t count;             /* of jobs, since the start */
    uint32_t frames;            /* in which they came */
    uint8_t answer[256 * 1024]; /* the last front answer */
    size_t answer_size;
    bool pong_known;   /* the last PONG */
    char alarms[1024]; /* kinds, each followed by a blank */
};

/* Fresh logs and a running core, with the three subscriptions above. */
void fixture_open(struct fixture *self);
void fixture_close(struct fixture *self);

/* Commit and sync; returns `position`. */
uint64_t fixture_durable(log_t *log, uint64_t position);

/* Records of the others, durable at once. */
struct delivery_key fixture_notify(struct fixture *self, uint16_t subscription);
struct delivery_key fixture_append_notification(struct fixture *self,
                                                uint16_t subscription); /* not durable yet */
/* The producer publishes that it wants more kept than any disk has; or nothing. */
void fixture_short(struct fixture *self, bool is_short);
/* MOVED to the compensator in this turn by the log's owner. */
uint64_t fixture_move(struct fixture *self, log_t *log, struct delivery_key key, uint32_t turn,
                      uint8_t cause);
uint64_t fixture_raw(log_t *log, uint8_t kind, const void *body, size_t size);
uint64_t fixture_custody(log_t *log, uint8_t kind, const struct record_custody *custody);
uint64_t fixture_event(log_t *log, const struct record_event *event);
void fixture_done(log_t *log, uint8_t kind, struct delivery_key key, uint32_t turn);
void fixture_cancel(log_t *log, struct delivery_key key, uint32_t turn); /* asked in this turn */
void fixture_subscribe(struct fixture *self, uint16_t id, const char *group, uint8_t compensation);
void fixture_group(struct fixture *self, const char *group, uint8_t identity, bool fence,
                   bool undo);

/* A delivery of the subscription that the scheduler has given up on, taken. */
struct delivery_key fixture_given(struct fixture *self, uint16_t subscription);
/* The same, rejected at once, so that it is a case. Its id. */
struct delivery_key fixture_case(struct fixture *self, uint16_t subscription, uint64_t *id);

/* One step at the present time, then commit, sync and collect what may leave. */
void fixture_step(struct fixture *self);
void fixture_advance(struct fixture *self, int64_t ms); /* in steps of a second, pinging */
/* The core is destroyed without a word and recovers over the same logs. */
void fixture_restart(struct fixture *self);
/* The same without a step, and may fail: its n-th read of a file and all after it do; 0: none. */
err_t fixture_recover(struct fixture *self, uint64_t failing_read, struct why *why);
/* A restart after a salvage that has lost these records of the own log. */
void fixture_lose(struct fixture *self, uint64_t from, uint64_t to);

/* compensator_fixture_faults.c: from now on the n-th read of a file and all after it fail with EIO;
 * 0: none. And whether one did. */
void fixture_install_faults(void);
void fixture_fail_reads(uint64_t at);
bool fixture_read_failed(void);

/* The last job gets this answer; then a step. */
void fixture_answer(struct fixture *self, uint8_t outcome);
void fixture_answer_to(struct fixture *self, uint32_t number, uint8_t outcome, const char *reason);
void fixture_front(struct fixture *self, struct wire_out *out); /* then a step */
/* The last answer, opened behind its head. */
struct wire_in fixture_answered(struct fixture *self, uint8_t type, struct wire_head *head);
uint8_t fixture_status(struct fixture *self);

/* A consumer of that name and group, of this start; its HELLO, without a step or with its status.
 */
struct wire_hello fixture_consumer(const struct fixture *self, const char *group);
void fixture_say_hello(struct fixture *self, const struct wire_hello *said);
uint8_t fixture_welcome(struct fixture *self, const struct wire_hello *said);
uint8_t fixture_hello(struct fixture *self, const char *group, uint8_t identity); /* status */

/* A person's order; the answer's status. */
void fixture_ask(struct fixture *self, const struct wire_case_order *order);
uint8_t fixture_order(struct fixture *self, uint64_t id, uint8_t action, bool unfenced);
uint32_t fixture_list(struct fixture *self, const struct wire_cases_ask *ask,
                      struct wire_case *found, bool *more);
/* The attempts as "turn custodian number outcome;" each, valid until the next call. */
const char *fixture_show(struct fixture *self, uint64_t id, struct wire_case *found,
                         size_t *payload_size);

/* The own log: how many records of a kind, and the newest of them. */
uint32_t fixture_count(struct fixture *self, uint8_t kind);
struct record_custody fixture_last_custody(struct fixture *self, uint8_t kind);
struct record_event fixture_last_event(struct fixture *self, uint8_t kind);
struct record_case fixture_last_case(struct fixture *self);

struct compensator_entry *fixture_entry(struct fixture *self, struct delivery_key key);
const struct fixture_job *fixture_last_job(const struct fixture *self);
bool fixture_alarmed(const struct fixture *self, const char *kind);
/* Everything that is held, as text that does not depend on where it stands in memory, or on whether
 * what is due has been sent already. From mem_alloc. */
char *fixture_state(struct fixture *self);

#endif
