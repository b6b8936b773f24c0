/*
 * Sessions: HELLO and WELCOME, PING and PONG; ERROR, STATUS, WAKE, STATS and COUNTERS.
 */
#ifndef HERALD_WIRE_WIRE_SESSION_H
#define HERALD_WIRE_WIRE_SESSION_H

#include "wire/wire_message.h"

#define WIRE_ENDPOINTS_MAX 8
#define WIRE_COUNTERS_MAX 128
#define WIRE_KEY_BYTES 32 /* of CURVE */

enum wire_party {
    WIRE_PARTY_CLIENT = 1,   /* submits, asks */
    WIRE_PARTY_CONSUMER = 2, /* receives for a group */
};

#define WIRE_CAN_FENCE 1U
#define WIRE_CAN_UNDO 2U

/* HELLO [.., party, name, group, identity, capabilities, nonce, window] */
struct wire_hello {
    uint8_t party;              /* enum wire_party */
    struct wire_text name;      /* of the client or receiver, 1 to LIMIT_NAME_BYTES */
    struct wire_text group;     /* consumers: required */
    struct wire_bytes identity; /* of the group's database; size 0 or 16 */
    uint8_t capabilities;       /* WIRE_CAN_... */
    uint64_t nonce;             /* random, new with each process */
    uint32_t window;            /* deliveries wanted unanswered at most; 0: as the sender likes */
};

void wire_hello_encode(struct wire_out *out, uint64_t request, const struct wire_hello *hello);
err_t wire_hello_decode(struct wire_in *in, const struct wire_head *head, struct wire_hello *hello,
                        struct why *why);

struct wire_endpoint {
    struct wire_text name;     /* lane, outcome, scheduler, compensator */
    struct wire_text endpoint; /* a host of `*` is the one that the client dialled */
    struct wire_bytes key;     /* its server's public CURVE key; size 0: it has no CURVE */
};

/* What the service takes; its own limits.h when written. */
struct wire_limits {
    uint32_t payload_bytes;
    uint32_t biz_id_bytes;
    uint32_t batch_count; /* notifications in a frame */
    uint32_t frame_bytes;
};

/* WELCOME [.., status, text, service, run, lane, lease_ms, ping_ms, [[name, endpoint, key]...],
 *         [payload_bytes, biz_id_bytes, batch_count, frame_bytes]] */
struct wire_welcome {
    uint8_t status;
    struct wire_text text; /* why not, when status is not OK */
    struct wire_text service;
    uint64_t run;  /* of the service's log: attempts of another run are void */
    uint32_t lane; /* echoed in PING and OUTCOME */
    uint32_t lease_ms;
    uint32_t ping_ms; /* how often the consumer must PING */
    uint32_t endpoint_count;
    struct wire_endpoint endpoints[WIRE_ENDPOINTS_MAX];
    struct wire_limits limits; /* filled in by decode; encode writes this build's */
};

void wire_welcome_encode(struct wire_out *out, uint64_t request,
                         const struct wire_welcome *welcome);
err_t wire_welcome_decode(struct wire_in *in, const struct wire_head *head,
                          struct wire_welcome *welcome, struct why *why);

/* PING [.., name, nonce, lane]: from a consumer, of its session; from anybody else: empty, 0, 0.
 * PONG [.., service, run, uptime_ms, known]: known is false when a consumer must say HELLO. */
struct wire_ping {
    struct wire_text name;
    uint64_t nonce;
    uint32_t lane;
};
struct wire_pong {
    struct wire_text service;
    uint64_t run;
    uint64_t uptime_ms;
    bool known;
};

void wire_ping_encode(struct wire_out *out, uint64_t request, const struct wire_ping *ping);
err_t wire_ping_decode(struct wire_in *in, const struct wire_head *head, struct wire_ping *ping,
                       struct why *why);
void wire_pong_encode(struct wire_out *out, uint64_t request, const struct wire_pong *pong);
err_t wire_pong_decode(struct wire_in *in, const struct wire_head *head, struct wire_pong *pong,
                       struct why *why);

/* LEAVE [.., name, nonce]: this consumer goes; its lane is free at once. No answer. */
void wire_leave_encode(struct wire_out *out, const struct wire_ping *session);
err_t wire_leave_decode(struct wire_in *in, const struct wire_head *head, struct wire_ping *session,
                        struct why *why);

/* STATUS and ERROR [.., status, text]. ERROR answers what could not be decoded; STATUS has facts
 * behind (wire_said.h), here none. */
void wire_status_encode(struct wire_out *out, enum wire_type type, uint64_t request, uint8_t status,
                        const char *text);
err_t wire_status_decode(struct wire_in *in, const struct wire_head *head, uint8_t *status,
                         struct wire_text *text, struct why *why);

/* WAKE [.., log, position]: this log has become durable up to there. */
void wire_wake_encode(struct wire_out *out, uint8_t log, uint64_t position);
err_t wire_wake_decode(struct wire_in *in, const struct wire_head *head, uint8_t *log,
                       uint64_t *position, struct why *why);

/* STATS [..] and RELOAD [..] have no fields of their own. */
void wire_plain_encode(struct wire_out *out, enum wire_type type, uint64_t request);

struct wire_counter {
    struct wire_text name;
    uint64_t value;
};

/* As decoded; `count` of the list are filled in. */
struct wire_counters {
    struct wire_text service;
    uint32_t count;
    struct wire_counter list[WIRE_COUNTERS_MAX];
};

/* COUNTERS [.., service, [[name, value]...]] */
void wire_counters_encode(struct wire_out *out, uint64_t request, const char *service,
                          const struct wire_counter *counters, uint32_t count);
err_t wire_counters_decode(struct wire_in *in, const struct wire_head *head,
                           struct wire_counters *counters, struct why *why);

#endif
