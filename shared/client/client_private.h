/*
 * What the files of herald_client share. Nobody else includes it. All questions leave through one
 * DEALER. The number of a request is serial * 65536 + the number of the send, so an answer to any
 * send of a frame finds the frame, and one to a frame that is no more finds nothing.
 */
#ifndef HERALD_CLIENT_CLIENT_PRIVATE_H
#define HERALD_CLIENT_CLIENT_PRIVATE_H

#include "base/why.h"
#include "client/herald_client.h"
#include "seal/seal_keys.h"
#include "wire/wire_inlet.h"
#include "wire/wire_message.h"
#include "wire/wire_query.h"

#define CLIENT_SEND_BITS 16
#define CLIENT_FRAMES 64            /* sent and not answered; what comes meanwhile gathers */
#define CLIENT_WATCH_LEASE_MS 30000 /* asked for */
#define CLIENT_WATCH_SLICES (HERALD_CLIENT_WATCH_MAX / WIRE_QUERY_MAX)
#define CLIENT_ENDPOINTS 8

/* One notification of a frame. */
struct client_item {
    uint64_t tag;
    uint32_t end; /* of its bytes in the frame's */
    bool own;     /* of the synchronous call; tag is its number */
};

/* Notifications that leave together, kept until they are answered. */
struct client_frame {
    uint64_t serial; /* 0: no answer counts */
    int64_t limit_ms;
    int64_t next_ms; /* of the next send */
    uint32_t sent;   /* how often */
    uint32_t busy;   /* how many of these were answered with BUSY */
    uint32_t count;
    struct client_item *items; /* owned; LIMIT_FRAME_NOTIFICATIONS */
    struct wire_out encoded;   /* owned; notifications one after another */
    struct why busy_why;
};

/* The synchronous submit. */
struct client_own {
    uint64_t number;
    bool done;
    struct herald_client_result *result; /* borrowed from the caller */
};

/* The one question that is waited for. */
struct client_ask {
    uint64_t serial; /* 0: none, or it is answered */
    enum wire_type answer;
    zmq_msg_t message; /* the answer; empty until then */
    struct wire_in in; /* over it */
    struct wire_head head;
    struct why said; /* why the last answer was none yet */
};

struct client_watched {
    uint8_t size;
    char biz_id[LIMIT_BIZ_ID_BYTES];
};

struct client_watch {
    struct client_watched *ids; /* owned; in slices of WIRE_QUERY_MAX */
    size_t count;
    size_t capacity;
    uint64_t serial;     /* of the renewal under way */
    uint64_t unanswered; /* its slices, a bit each */
    int64_t due_ms;      /* of the next renewal */
    int64_t begun_ms;
    uint32_t lease_ms; /* as granted */
};

struct herald_client {
    struct herald_client_options options; /* texts are owned */
    seal_keys_t *keys;                    /* owned; NULL: without CURVE */
    void *context;                        /* of ZeroMQ; all clients' (client_context.h) */
    struct wire_inlet front;              /* DEALER */
    struct wire_inlet monitor;            /* of front */
    int64_t looked_ms;                    /* when it was last asked for sure */
    uint64_t connections;                 /* so far */
    bool refused;    /* the server has refused our key, and has not let us in since */
    uint64_t serial; /* the last one */
    uint64_t ignored;
    size_t callbacks; /* made so far */
    bool calling;     /* one is being made */
    bool blocked;     /* something waits for the socket */
    bool doubtful;    /* it may not take anything: asked first */
    uint32_t pending;
    zmq_msg_t message; /* being taken */
    struct client_frame *gather;
    struct client_frame *frames[CLIENT_FRAMES];    /* NULL: free */
    struct client_frame *spare[CLIENT_FRAMES + 2]; /* emptied, to be used again */
    uint32_t spare_count;
    struct client_own own;
    struct client_ask ask;
    struct client_watch watch;
    struct {
        char name[LIMIT_NAME_BYTES + 1];
        struct herald_client_place place;
    } places[CLIENT_ENDPOINTS];
    uint32_t place_count;
    uint64_t places_connection; /* they were told on this one */
};

/* herald_client.c: one round of sending and taking. Waits up to wait_ms when nothing came. False: a
 * signal ended the wait. */
bool client_pump(herald_client_t *self, int64_t wait_ms);
bool client_can_send(herald_client_t *self); /* as far as is known; notes in `blocked` if not */
bool client_send(herald_client_t *self, uint8_t *body, size_t size); /* consumed; false: blocked */
static inline uint64_t
client_request(uint64_t serial, uint32_t send)
{
    return serial << CLIENT_SEND_BITS | send;
}

/* client_submit.c */
void client_submit_flush(herald_client_t *self, int64_t now_ms); /* send and give up what is due */
int64_t client_submit_due_ms(const herald_client_t *self);       /* INT64_MAX: nothing is */
void client_submit_reconnected(herald_client_t *self, int64_t now_ms);
void client_submit_recycle(herald_client_t *self, struct client_frame *frame);
void client_submit_fini(herald_client_t *self);

/* client_settle.c */
bool client_settle_answered(herald_client_t *self, const struct wire_head *head,
                            struct wire_in *in); /* false: no such frame */
void client_settle_expired(herald_client_t *self, uint32_t slot_index);
/* What is known of a frame whose time limit has passed. */
void client_settle_verdict(const herald_client_t *self, const struct client_frame *frame,
                           struct herald_client_result *result);

/* client_ask.c: the number for the next question; then send it (consumed) and wait. The answer is
 * open in ask.in until the next question. ERR_TIMEOUT, ERR_INVALID, ERR_DENIED, ERR_NOT_FOUND. */
uint64_t client_ask_request(herald_client_t *self);
err_t client_ask(herald_client_t *self, struct wire_out *question, enum wire_type answer,
                 struct why *why);
bool client_ask_answered(herald_client_t *self, const struct wire_head *head,
                         struct wire_in *in);  /* takes self->message; false: not asked */
err_t client_ask_refused(uint8_t wire_status); /* what a status means to a caller */

/* client_watch.c */
void client_watch_flush(herald_client_t *self, int64_t now_ms); /* renew when it is due */
int64_t client_watch_due_ms(const herald_client_t *self);
void client_watch_reconnected(herald_client_t *self, int64_t now_ms);
bool client_watch_answered(herald_client_t *self, const struct wire_head *head, struct wire_in *in);
void client_watch_events(herald_client_t *self, const struct wire_head *head, struct wire_in *in);
void client_watch_fini(herald_client_t *self);

#endif
