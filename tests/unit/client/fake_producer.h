/*
 * A producer of a thread and a ROUTER, for the tests of the client: it answers as it is told and
 * counts what it was asked. The topic says what becomes of a notification: "accept", "duplicate",
 * "conflict", "refuse"; everything else is accepted too.
 */
#ifndef HERALD_TESTS_FAKE_PRODUCER_H
#define HERALD_TESTS_FAKE_PRODUCER_H

#include "base/limits.h"
#include "seal/seal_key.h"
#include "wire/wire_message.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_SEEN_MAX 8192

struct fake_producer {
    /* How to answer; set before it starts, or at any time. */
    _Atomic uint32_t silent;    /* so many frames of any kind are not answered */
    _Atomic uint32_t busy;      /* so many SUBMITs are refused as BUSY, all of it */
    _Atomic uint32_t busy_part; /* the same, but every second notification only */
    _Atomic uint32_t garbage;   /* so many answers to SUBMIT are garbage, the right one behind it */
    _Atomic bool hold;          /* SUBMITs are not answered */
    const seal_secret_t *secret;  /* borrowed: CURVE for whoever knows it; NULL: without */
    _Atomic uint32_t watch_lease; /* granted */
    _Atomic uint8_t watch_status;
    /* What was asked. */
    _Atomic uint32_t submit_count; /* frames */
    _Atomic uint32_t watch_count;
    _Atomic uint32_t unwatch_count;
    _Atomic uint32_t hello_count;
    _Atomic uint32_t seen_count;
    _Atomic uint32_t largest;                         /* notifications in a frame */
    char seen[FAKE_SEEN_MAX][LIMIT_BIZ_ID_BYTES + 1]; /* biz_ids of all SUBMITs, in order */
    uint64_t requests[FAKE_SEEN_MAX];                 /* numbers of the SUBMITs */

    char dir[64];
    char endpoint[96];
    void *context;
    void *front;
    pthread_t thread;
    _Atomic bool stopping;
    bool running;
    uint64_t position;
};

void fake_producer_init(struct fake_producer *self);
void fake_producer_start(struct fake_producer *self); /* again after a stop: the same place */
void fake_producer_stop(struct fake_producer *self);
void fake_producer_fini(struct fake_producer *self);

#endif
