/*
 * A provider's side of Herald: submit, query, watch, cancel.
 *
 * A client is one DEALER socket to the producer's front door and belongs to one thread; all clients
 * of a process share one ZeroMQ context, and so one thread of ZeroMQ's for their sockets. It
 * connects by itself and again whenever the producer comes back; nothing has to be there when it is
 * made. After fork a client is the parent's alone; the child makes its own.
 *
 * Submitting is idempotent by biz_id: whatever happened to an earlier submit of the same
 * notification, submitting it again is safe and gives the same answer. Herald does not cover a
 * crash between your commit and your submit; examples/outbox shows the pattern that does.
 *
 * `why` may be NULL everywhere, and says why when an error is returned. Arguments
 * that this contract does not allow (NULL, a call from within a callback) and running out of memory
 * end the process (abort).
 */
#ifndef HERALD_CLIENT_H
#define HERALD_CLIENT_H

#include "base/limits.h"
#include "base/why_text.h"
#include "client/herald_client_ask.h"
#include "client/herald_err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a submit. */
enum herald_client_status {
    HERALD_CLIENT_ACCEPTED = 1, /* durable: it will reach an end or a person */
    HERALD_CLIENT_DUPLICATE,    /* the same notification was accepted before: as good */
    HERALD_CLIENT_CONFLICT,     /* this biz_id was used for something else; text says for what */
    HERALD_CLIENT_REFUSED,      /* malformed or not routed; field and text say what and the limit */
    HERALD_CLIENT_BUSY,         /* refused for now, by each send within the time limit */
    HERALD_CLIENT_UNKNOWN,      /* no answer within the time limit: ask again, same biz_id */
};

struct herald_client_result {
    enum herald_client_status status;
    uint8_t wire_status;      /* as in docs/PROTOCOL.md; 0 with UNKNOWN */
    uint64_t position;        /* its number in the producer's log; 0: none */
    char field[64];           /* REFUSED: which field; may be empty */
    char text[WHY_TEXT_SIZE]; /* for people; may be empty */
};

/* Borrowed for the time of the call. Texts are terminated; what is over its limit or is no UTF-8 is
 * REFUSED. */
struct herald_client_notification {
    const char *topic;   /* 1 to LIMIT_TOPIC_BYTES */
    const char *biz_id;  /* 1 to LIMIT_BIZ_ID_BYTES; names one business event */
    const void *payload; /* opaque; up to LIMIT_PAYLOAD_BYTES; NULL with payload_size 0 */
    size_t payload_size;
    uint64_t version;         /* handed on; what order it means is the receiver's to say */
    const char *policy;       /* NULL: the subscription's */
    int64_t deadline_unix_ms; /* 0: none */
};

/* An asynchronous submit was answered, or its time limit has passed. Called from herald_client_step
 * and from every waiting call; may call herald_client_submit_async, no other function. result:
 * borrowed for the call. */
typedef void herald_client_submitted_fn(void *context, uint64_t tag,
                                        const struct herald_client_result *result);

/* An event of a watch. state: as in struct herald_client_delivery, never PENDING (0); state_name as
 * in "DONE". Its function may call herald_client_submit_async, no other. */
struct herald_client_event {
    const char *biz_id; /* terminated; all borrowed for the call */
    const char *subscription;
    const char *state_name;
    uint64_t position;
    uint8_t state;
    uint32_t turn;
    int64_t at_unix_ms;
};
typedef void herald_client_event_fn(void *context, const struct herald_client_event *event);

struct herald_client_options {
    const char *producer; /* endpoint of its front door, 1 to LIMIT_ENDPOINT_BYTES bytes */
    const char *name;     /* of this client, for people; up to LIMIT_NAME_BYTES; NULL: none */
    uint32_t timeout_ms;  /* for one call, up to 3600000; 0: 5000 */
    uint32_t sends;  /* of one submit within it, not counting those answered BUSY, up to 64; 0: 4 */
    uint32_t window; /* asynchronous submits without an answer, 1 to 65536; 0: 4096 */
    void *context;   /* handed to both functions */
    herald_client_submitted_fn *submitted; /* may be NULL when only synchronous calls are made */
    herald_client_event_fn *event;         /* may be NULL when nothing is watched */
    const char *keys; /* CURVE: directory with secret.key, and servers.zpl, which has the producer's
                       * public key; NULL: without CURVE */
};

/*
 * *self_p must be NULL, and stays so on an error. Options are copied, but for context.
 *
 * ERR_INVALID  why names the option and its limit, or the file of keys
 * ERR_DENIED, ERR_NOT_FOUND, ERR_IO  why names the file of keys and what is wrong with it
 * ERR_FULL     no descriptors or threads are left. The process's first client takes 8 descriptors
 *              and 2 threads, each other one 3, and one more for its connection. libzmq would end
 *              the process without the first ones: they are tried before, which does not see what
 *              other threads take in the same moment.
 */
err_t herald_client_new(herald_client_t **self_p, const struct herald_client_options *options,
                        struct why *why);
/* NULL inside is fine. Waits up to 2 s for what is being sent; while the process has other clients,
 * that goes on behind their backs instead, and the last of them waits for all. Asynchronous submits
 * without an answer are not called back any more: what became of them is unknown. */
void herald_client_destroy(herald_client_t **self_p);

/* Submit one and wait for its answer, at most timeout_ms. Never fails otherwise: result->status
 * says what is known. Asynchronous answers that come meanwhile are handed out too. */
enum herald_client_status
herald_client_submit(herald_client_t *self, const struct herald_client_notification *notification,
                     struct herald_client_result *result);

/*
 * Hand one over; it is copied, leaves in one frame with its neighbours, and `submitted` is called
 * once for it, with this tag. The frame leaves with the next step, or with the submit that finds it
 * full: LIMIT_FRAME_NOTIFICATIONS, or a third of them while fewer than three are under way, so that
 * one is put together while another is made durable.
 *
 * The time limit counts from when it is taken up for sending. While 64 frames are unanswered, or
 * there is no connection, what comes gathers and is taken up after them.
 *
 * ERR_FULL     not now: the window is full, or 64 frames are unanswered and another one is full
 *              (64 small ones are soon out at a slow disk): step, and hand it over again
 * ERR_INVALID  longer than a frame could carry, or the options have no `submitted`; nothing was
 *              taken
 */
err_t herald_client_submit_async(herald_client_t *self,
                                 const struct herald_client_notification *notification,
                                 uint64_t tag, struct why *why);

/* Send what waits, take what came, call back. Waits up to wait_ms for the first callback; 0 or
 * less: not at all; a signal ends the wait. Returns how many callbacks were made. */
size_t herald_client_step(herald_client_t *self, int wait_ms);
size_t herald_client_pending(const herald_client_t *self); /* asynchronous submits, not answered */
/* Messages that made no sense, so far: from something that is no producer, or another version. */
uint64_t herald_client_ignored(const herald_client_t *self);
/* For a poll of your own, the client's: it is readable when something has changed, once. Then,
 * after submits, and at least every second, step with wait_ms 0 until that returns 0. */
int herald_client_fd(herald_client_t *self);

#ifdef __cplusplus
}
#endif

#endif
