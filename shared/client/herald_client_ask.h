/*
 * What a client asks the producer: query, watch, cancel, and where the other services are. Part of
 * herald_client.h, which has the rest; each call waits for its answer, at most timeout_ms, and may
 * give ERR_DENIED: the role of our key does not allow it. why says why, also with every other
 * error.
 */
#ifndef HERALD_CLIENT_ASK_H
#define HERALD_CLIENT_ASK_H

#include "base/limits.h"
#include "base/why_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HERALD_CLIENT_WATCH_MAX 16384 /* biz_ids watched by one client */
#define HERALD_CLIENT_QUERY_MAX 256   /* biz_ids in one query */

typedef struct herald_client herald_client_t;

/* One attempt in an answer; oldest first. */
struct herald_client_attempt {
    uint16_t number; /* on the schedule, from 1; 0: none */
    uint32_t turn;
    const char *custodian; /* static */
    const char *outcome;   /* static: RETRY, LEASE, DONE, ... */
    int64_t at_unix_ms;
    char reason[LIMIT_REASON_BYTES + 1];
};

struct herald_client_delivery {
    char subscription[LIMIT_NAME_BYTES + 1];
    char group[LIMIT_NAME_BYTES + 1];
    const char *state_name; /* static: PENDING, DONE, UNDONE, CANCELLED, RESOLVED, CASE */
    uint8_t state;          /* its number in docs/PROTOCOL.md: 0 to 5, in this order */
    const char *custodian;  /* static */
    uint32_t turn;
    uint16_t attempts; /* burnt so far: what DONE ended and DOWN put off burns none */
    uint16_t attempts_limit;
    int64_t due_unix_ms; /* next try; 0: none */
    bool cancel_asked;   /* and no replay since */
    uint32_t left_out;   /* older attempts that are not kept any more */
    size_t attempt_count;
    struct herald_client_attempt *attempts_list; /* owned by the answer */
};

struct herald_client_found {
    bool found; /* false: of the rest only biz_id counts */
    char biz_id[LIMIT_BIZ_ID_BYTES + 1];
    char topic[LIMIT_TOPIC_BYTES + 1];
    uint64_t version;
    uint64_t position;
    int64_t received_unix_ms;
    size_t delivery_count;
    struct herald_client_delivery *deliveries; /* owned by the answer */
};

struct herald_client_answer {
    size_t count;
    struct herald_client_found *found; /* in the order asked; free with herald_client_answer_fini */
};

/* 1 to HERALD_CLIENT_QUERY_MAX biz_ids, borrowed for the call. ERR_TIMEOUT: no answer, nothing is
 * known. ERR_INVALID: too many, or one is no biz_id. On an error the answer is empty; what it held
 * before the call is not freed. */
err_t herald_client_query(herald_client_t *self, const char *const *biz_ids, size_t count,
                          struct herald_client_answer *answer, struct why *why);
/* Free what the answer holds; it is empty then. An empty one may come. From any thread. */
void herald_client_answer_fini(struct herald_client_answer *answer);

/*
 * Be told how each delivery of these ends (and when it becomes a case): `event` is called from
 * herald_client_step and from every waiting call. What has ended already is told at once. The
 * client renews the watch by itself, also after the producer came back, as long as it is stepped.
 * An event may come more than once; a later one never contradicts an earlier one but by a higher
 * turn or an end.
 *
 * ERR_TIMEOUT: not confirmed yet; the client goes on asking. ERR_NOT_FOUND: some are unknown to the
 * producer; the others are watched, and these from the first renewal after they are submitted.
 * ERR_FULL: no room for so many, here (HERALD_CLIENT_WATCH_MAX) or at the producer. ERR_INVALID:
 * one is no biz_id. With these two, and ERR_DENIED, none of the call's new ones is watched. One
 * that is watched already is not asked for again.
 */
err_t herald_client_watch(herald_client_t *self, const char *const *biz_ids, size_t count,
                          struct why *why);
/* Watch nothing any more; does not wait. An event that is on its way may still come. */
void herald_client_unwatch(herald_client_t *self);

struct herald_client_cancel_order {
    const char *biz_id;
    const char *subscription; /* NULL: all its deliveries */
    const char *by;           /* who asks, 1 to LIMIT_NAME_BYTES; goes on record */
    const char *reason;       /* NULL: none; cut to LIMIT_REASON_BYTES of UTF-8 in one line */
};

struct herald_client_cancelled {
    char subscription[LIMIT_NAME_BYTES + 1];
    uint8_t wire_status;     /* CANCELLED, REQUESTED, ENDED, IS_CASE, CANNOT_FENCE: its number */
    const char *status_name; /* static */
    char text[WHY_TEXT_SIZE];
};

/*
 * Ask for a notification to have no effect any more.
 *
 * cancelled  at least LIMIT_SUBSCRIPTIONS entries; *count: how many were filled in
 *
 * ERR_NOT_FOUND  no such notification, or it has no such subscription
 * ERR_INVALID    why names the field and its limit
 * ERR_TIMEOUT    no answer: it may be on record; asking again is safe
 * ERR_FULL       the producer has no room now
 *
 * *count is 0 on an error.
 */
err_t herald_client_cancel(herald_client_t *self, const struct herald_client_cancel_order *order,
                           struct herald_client_cancelled *cancelled, size_t *count,
                           struct why *why);

struct herald_client_place {
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    bool has_key;    /* its server has CURVE */
    uint8_t key[32]; /* that server's public key */
};

/* Where the other services are, as the producer says in WELCOME ("scheduler", "compensator", ...).
 * ERR_NOT_FOUND: it names no such one. ERR_TIMEOUT. ERR_FULL, ERR_INVALID: it does not let us in.
 */
err_t herald_client_place(herald_client_t *self, const char *name,
                          struct herald_client_place *place, struct why *why);
/* The same, without its key. */
err_t herald_client_endpoint(herald_client_t *self, const char *name,
                             char endpoint[LIMIT_ENDPOINT_BYTES + 1], struct why *why);

#ifdef __cplusplus
}
#endif

#endif
