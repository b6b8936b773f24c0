/*
 * What the producer's tests share: the core over logs on a simulated disk, of which the test owns
 * the scheduler's and the compensator's; a clock that the test moves; and what was sent, decoded.
 */
#ifndef HERALD_TESTS_UNIT_PRODUCER_FIXTURE_H
#define HERALD_TESTS_UNIT_PRODUCER_FIXTURE_H

#include "producer_private.h"

#include "support/sim_disk.h"
#include "wire/wire_query.h"

#include <criterion/criterion.h>

#define FIXTURE_START_UNIX_MS INT64_C(1800000000000)
#define FIXTURE_DELIVERIES 8192
#define FIXTURE_EVENTS 64

struct fixture_delivery {
    uint64_t token;
    struct delivery_key key;
    uint32_t lane;
    uint16_t attempt;
    uint16_t attempts_limit;
    char biz_id[LIMIT_BIZ_ID_BYTES + 1];
    char group[LIMIT_NAME_BYTES + 1]; /* whose consumer has the same name */
};

struct fixture_event {
    char biz_id[LIMIT_BIZ_ID_BYTES + 1];
    char subscription[LIMIT_NAME_BYTES + 1];
    uint8_t state;
    uint32_t turn;
};

struct fixture {
    sim_disk_t *disk;
    log_t *scheduler;
    log_t *compensator;
    peers_t *peers;
    outbox_t *outbox;
    producer_core_t *core;
    struct producer_settings settings;
    struct producer_subscription_settings subscriptions[4];
    size_t subscription_count;
    int64_t now_ms;
    int64_t now_unix_ms;
    struct outbox_route route; /* of whoever asks */
    struct fixture_delivery deliveries[FIXTURE_DELIVERIES];
    uint32_t delivery_count;
    struct fixture_event events[FIXTURE_EVENTS];
    uint32_t event_count;
    uint8_t answer[1024 * 1024]; /* the newest that is no EVENT */
    size_t answer_size;
    uint32_t answers;
    uint32_t alarms;                /* that could leave */
    char alarm[64 + WHY_TEXT_SIZE]; /* the newest: "kind subject: text" */
    struct wire_attempt attempt;    /* the newest of the delivery that was asked for */
};

/* Subscription "orders" (order.*, group "shop", default policy), and "audit" (order.paid, group
 * "audit") when there are two. */
struct fixture *fixture_open(size_t subscriptions);
void fixture_close(struct fixture *self);

/* Step, commit, sync, take what may leave. */
void fixture_step(struct fixture *self);
/* Step, but the disk has not synced: what leaves must not depend on it. */
void fixture_step_unsynced(struct fixture *self);
void fixture_sync(struct fixture *self); /* what was appended, without a step */
void fixture_advance(struct fixture *self, int64_t ms);
/* The core is dropped without a word and recovers over the same logs. */
void fixture_restart(struct fixture *self);
/* The same where it may refuse: then there is no core until the next restart. */
err_t fixture_try_restart(struct fixture *self, struct why *why);
/* One step that may fail; nothing is committed or sent. */
err_t fixture_try_step(struct fixture *self, struct why *why);

/* A frame to the front door, and the step that answers it. */
void fixture_front(struct fixture *self, struct wire_out *out);
/* Submit one and return its result; texts point into fixture->answer. */
struct wire_result fixture_submit(struct fixture *self, const char *topic, const char *biz_id,
                                  const char *payload);
/* A SUBMIT of one notification, whatever its bytes are; takes `out`. */
struct wire_result fixture_submit_message(struct fixture *self, struct wire_out *out);
struct wire_result fixture_submit_full(struct fixture *self,
                                       const struct wire_notification *notification);
/* A consumer of the group joins; every later step sends its PING. */
uint8_t fixture_join(struct fixture *self, const char *group, uint8_t identity);
/* What became of a delivery; fixture_outcome steps afterwards. */
void fixture_take_outcome(struct fixture *self, uint32_t delivery, uint8_t outcome,
                          uint64_t not_before_ms);
void fixture_outcome(struct fixture *self, uint32_t delivery, uint8_t outcome,
                     uint64_t not_before_ms);

/* Query one biz_id; the delivery of the subscription, and fixture->attempt. found: status. */
struct wire_delivery fixture_query(struct fixture *self, const char *biz_id,
                                   const char *subscription, uint8_t *status);
uint8_t fixture_cancel(struct fixture *self, const char *biz_id);
uint8_t fixture_watch(struct fixture *self, const char *biz_id, uint32_t lease_ms);

/* Records of the others, durable at once. */
uint64_t fixture_other_event(log_t *log, const struct record_event *event);
uint64_t fixture_other_custody(log_t *log, uint8_t kind, const struct record_custody *custody);
uint64_t fixture_other_case(struct fixture *self, struct delivery_key key, uint32_t turn);

/* The others have read all that is durable in the own log, and say so. */
void fixture_others_have_read(struct fixture *self);
/* Any record, durable at once. */
uint64_t fixture_record(log_t *log, uint8_t kind, const uint8_t *body, size_t size);
/* The same from its fields: "v7 b1 q2 z16" is a varint, a byte, 8 bytes and 16 zeros. */
uint64_t fixture_spelt(log_t *log, uint8_t kind, const char *fields);
/* The subscriptions and groups of the own log once more, as a checkpoint has them. */
void fixture_catalog_again(struct fixture *self);
/* A complete checkpoint in the own log: what BEGIN says, one ITEM ("": none), the catalog. */
void fixture_checkpoint(struct fixture *self, const char *begin, const char *item);

/* The own log: how many records of this kind, and the newest one's fields. */
uint32_t fixture_count(struct fixture *self, uint8_t kind);
struct record_custody fixture_last_moved(struct fixture *self);
uint64_t fixture_counter(struct fixture *self, const char *name);

#endif
