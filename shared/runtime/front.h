/*
 * What the front doors of all services say alike. A core that owns a log answers through its outbox
 * with these; each answer waits for everything that was appended before it.
 */
#ifndef HERALD_RUNTIME_FRONT_H
#define HERALD_RUNTIME_FRONT_H

#include "journal/log.h"
#include "runtime/outbox.h"
#include "wire/wire_said.h"
#include "wire/wire_session.h"

#define FRONT_TAKES(type) (1U << (type))
static_assert(WIRE_TYPE_COUNT <= 32, "every message type has a bit");

struct front {
    const char *service; /* as in WELCOME and PONG; static */
    uint32_t takes;      /* FRONT_TAKES of the types that the core handles */
    log_t *log;          /* borrowed, as the outbox */
    outbox_t *outbox;
};

/* out is consumed. */
void front_answer(const struct front *self, const struct outbox_route *route, struct wire_out *out);

/* STATUS, which answers orders, also with facts, and ERROR, which answers what cannot be done. */
void front_status(const struct front *self, const struct outbox_route *route, uint64_t request,
                  uint8_t status, const char *text);
void front_said(const struct front *self, const struct outbox_route *route, uint64_t request,
                const struct wire_said *said);
void front_error(const struct front *self, const struct outbox_route *route, uint64_t request,
                 uint8_t status, const char *text);
/* ERROR for what could not be decoded or is not taken here: `err` as wire_message_open gives it. */
void front_fault(const struct front *self, const struct outbox_route *route, uint64_t request,
                 err_t err, const struct why *why);

/* Service and run are filled in. */
void front_welcome(const struct front *self, const struct outbox_route *route, uint64_t request,
                   struct wire_welcome *welcome);
void front_pong(const struct front *self, const struct outbox_route *route, uint64_t request,
                int64_t uptime_ms, bool known);

/* ERR_UNSUPPORTED; why names what is taken. PING, STATS and RELOAD are taken everywhere. */
err_t front_unsupported(const char *service, uint32_t takes, unsigned type, struct why *why);

#endif
