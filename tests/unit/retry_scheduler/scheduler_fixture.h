/*
 * What the retry-scheduler's tests share: real logs in a directory of their own, of which the test
 * owns the producer's and the compensator's; a clock that the test moves; a consumer that stays
 * present; and what the core has sent, decoded.
 */
#ifndef HERALD_TESTS_UNIT_SCHEDULER_FIXTURE_H
#define HERALD_TESTS_UNIT_SCHEDULER_FIXTURE_H

#include "scheduler_private.h"

#include <criterion/criterion.h>

#define FIXTURE_START_UNIX_MS INT64_C(1800000000000)
#define FIXTURE_DELIVERIES 4096
#define FIXTURE_LEASE_MS 3000

struct fixture_delivery {
    uint64_t token;
    uint32_t lane;
    uint32_t in_frame; /* items in its frame */
    struct wire_item item;
    int64_t at_ms; /* when it was sent */
};

struct fixture {
    char directory[64];
    log_t *producer;
    log_t *compensator;
    peers_t *peers;
    outbox_t *outbox;
    scheduler_core_t *core;
    struct shell_core shell;
    struct scheduler_settings settings;
    int64_t now_ms;
    int64_t now_unix_ms;
    bool present; /* a consumer of "orders" says HELLO and PINGs */
    uint64_t nonce;
    uint32_t lane; /* of the consumer */
    struct fixture_delivery deliveries[FIXTURE_DELIVERIES];
    uint32_t count;            /* of deliveries, since the start or fixture_forget */
    uint8_t answer[64 * 1024]; /* the last front answer */
    size_t answer_size;
    uint32_t events;
    char alarms[1024]; /* "KIND of GROUP ", one after the other */
};

/* Fresh logs and a running core; subscription 1 is of group "orders" with this policy. */
void fixture_open(struct fixture *self, const char *policy);
void fixture_close(struct fixture *self);

/* Records of the others, durable at once. */
void fixture_subscribe(struct fixture *self, uint16_t id, const char *group, const char *policy);
void fixture_identity(struct fixture *self, const char *group, uint8_t byte);
struct delivery_key fixture_notify(struct fixture *self, const char *policy,
                                   int64_t deadline_unix_ms);
/* The producer publishes that it wants more kept than any disk has; or nothing. */
void fixture_short(struct fixture *self, bool is_short);
/* The producer has failed once and moves it here, due in so many milliseconds. Position. */
uint64_t fixture_give(struct fixture *self, struct delivery_key key, int64_t due_in_ms);
uint64_t fixture_custody(log_t *log, uint8_t kind, const struct record_custody *custody);
uint64_t fixture_event(log_t *log, const struct record_event *event);
uint64_t fixture_case(struct fixture *self, struct delivery_key key, uint32_t turn);
/* Any record, from its fields: "v7 b1 z16" is a varint, a byte and 16 zeros. Durable at once. */
uint64_t fixture_spelt(log_t *log, uint8_t kind, const char *fields);
/* A complete checkpoint in the own log, of one ITEM. */
void fixture_checkpoint(struct fixture *self, const char *item);
/* Asked in turn 2, or in another. */
uint64_t fixture_cancel(struct fixture *self, log_t *log, struct delivery_key key);
uint64_t fixture_cancel_in(struct fixture *self, log_t *log, struct delivery_key key,
                           uint32_t turn);

/* One step at the present time, then commit, sync and collect what may leave. */
void fixture_step(struct fixture *self);
void fixture_advance(struct fixture *self, int64_t ms); /* at once, then a step */
/* The core is destroyed without a word and recovers over the same logs, so much later. */
void fixture_restart(struct fixture *self, int64_t later_ms);
/* The same, at once, where it may refuse: then there is no core until the next restart. */
err_t fixture_try_restart(struct fixture *self, struct why *why);
/* One step that may fail; nothing is committed or sent. */
err_t fixture_try_step(struct fixture *self, struct why *why);
void fixture_forget(struct fixture *self);
/* A restart after a salvage that has lost these records of the own log. */
void fixture_lose(struct fixture *self, uint64_t from, uint64_t to);

/* An answer to the delivery with this number; fixture_answer: then a step. */
void fixture_take_answer(struct fixture *self, uint32_t number, uint8_t outcome,
                         uint64_t not_before_ms);
void fixture_answer(struct fixture *self, uint32_t number, uint8_t outcome, uint64_t not_before_ms);
void fixture_front(struct fixture *self, struct wire_out *out);
void fixture_hello(struct fixture *self, const char *group, uint8_t identity);

/* What may leave, as far as the own log is durable; every step does it. */
void fixture_collect(struct fixture *self);

/* The own log: how many records of a kind, and the newest of them. */
uint32_t fixture_count(struct fixture *self, uint8_t kind);
struct record_custody fixture_last_custody(struct fixture *self, uint8_t kind);
struct record_event fixture_last_event(struct fixture *self, uint8_t kind);
/* Walk `previous` from the newest record of the delivery; returns how many there are. */
uint32_t fixture_history(struct fixture *self, uint64_t last);

struct scheduler_entry *fixture_entry(struct fixture *self, struct delivery_key key);
int64_t fixture_due_ms(struct fixture *self, struct delivery_key key);
/* Everything that is held, as text that does not depend on where it stands in memory, or on
 * whether what is due has been sent already. From mem_alloc. */
char *fixture_state(struct fixture *self);
uint64_t fixture_counter(struct fixture *self, const char *name);

#endif
