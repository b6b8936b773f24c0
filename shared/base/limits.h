/*
 * Every upper bound, in one place. Relations between bounds are asserted below.
 */
#ifndef HERALD_BASE_LIMITS_H
#define HERALD_BASE_LIMITS_H

#include <assert.h>

/* A notification. */
#define LIMIT_TOPIC_BYTES 128     /* 1 to this, letters, digits and . _ - */
#define LIMIT_BIZ_ID_BYTES 64     /* 1 to this, UTF-8 without control characters */
#define LIMIT_PAYLOAD_BYTES 65536 /* 0 to this, opaque */
#define LIMIT_POLICY_DELAYS 32    /* delays in one policy; N delays make N + 1 attempts */
#define LIMIT_POLICY_DELAY_MS (7LL * 24 * 3600 * 1000)        /* one delay */
#define LIMIT_NOTIFICATION_BYTES (LIMIT_PAYLOAD_BYTES + 2048) /* encoded, as in the journal */
#define LIMIT_NOTIFICATION_ITEMS 256                          /* msgpack items */
#define LIMIT_MSGPACK_DEPTH 8

/* Messages. */
#define LIMIT_FRAME_BYTES (1024 * 1024)
#define LIMIT_FRAME_NOTIFICATIONS 1024
#define LIMIT_REASON_BYTES 256      /* a reason or note that a peer or person gives */
#define LIMIT_REASON_SHORT_BYTES 32 /* as much of one is recorded while room is short */
#define LIMIT_NAME_BYTES 64         /* group, subscription, receiver, role, person */
#define LIMIT_ENDPOINT_BYTES 256

/* Subscriptions and groups. */
#define LIMIT_SUBSCRIPTIONS 64 /* configured; ids run from 1 */
#define LIMIT_GROUPS 64

/* The journal. */
#define LIMIT_BLOCK_BYTES (1024 * 1024) /* one group commit, header and padding included */
#define LIMIT_RECORD_BYTES (LIMIT_NOTIFICATION_BYTES + 4096)
#define LIMIT_KINDS 32    /* record kinds, one bit each in a block's bitmap */
#define LIMIT_PEER_LOGS 3 /* the logs of a journal: producer, scheduler, compensator */

static_assert(LIMIT_NOTIFICATION_BYTES < LIMIT_RECORD_BYTES, "a notification fits a record");
static_assert(LIMIT_RECORD_BYTES * 8 < LIMIT_BLOCK_BYTES, "several largest records fit a block");
static_assert(LIMIT_NOTIFICATION_BYTES + 4096 < LIMIT_FRAME_BYTES, "any notification fits a frame");

#endif
