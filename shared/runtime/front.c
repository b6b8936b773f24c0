#include "runtime/front.h"

#include <stdio.h>
#include <string.h>

void
front_answer(const struct front *self, const struct outbox_route *route, struct wire_out *out)
{
    size_t size = 0;
    uint8_t *body = wire_out_take(out, &size);
    outbox_front(self->outbox, log_next(self->log) - 1, route, body, size);
}

void
front_status(const struct front *self, const struct outbox_route *route, uint64_t request,
             uint8_t status, const char *text)
{
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_status_encode(&out, WIRE_STATUS, request, status, text);
    front_answer(self, route, &out);
}

void
front_said(const struct front *self, const struct outbox_route *route, uint64_t request,
           const struct wire_said *said)
{
    struct wire_out out;
    wire_out_init(&out, 512);
    wire_said_encode(&out, request, said);
    front_answer(self, route, &out);
}

void
front_error(const struct front *self, const struct outbox_route *route, uint64_t request,
            uint8_t status, const char *text)
{
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_status_encode(&out, WIRE_ERROR, request, status, text);
    front_answer(self, route, &out);
}

void
front_fault(const struct front *self, const struct outbox_route *route, uint64_t request, err_t err,
            const struct why *why)
{
    front_error(self, route, request, err == ERR_UNSUPPORTED ? WIRE_UNSUPPORTED : WIRE_REFUSED,
                why->text);
}

static bool
gives_lane(const struct wire_welcome *welcome)
{
    bool found = false;
    for (uint32_t i = 0; i < welcome->endpoint_count; i++) {
        const struct wire_text *name = &welcome->endpoints[i].name;
        found = found || (name->size == 4 && memcmp(name->data, "lane", 4) == 0);
    }
    return found;
}

void
front_welcome(const struct front *self, const struct outbox_route *route, uint64_t request,
              struct wire_welcome *welcome)
{
    welcome->service = (struct wire_text){.data = self->service, .size = strlen(self->service)};
    welcome->run = log_run(self->log);
    struct wire_out out;
    wire_out_init(&out, 512);
    wire_welcome_encode(&out, request, welcome);
    front_answer(self, route, &out);
    if (gives_lane(welcome)) {
        outbox_lanes_follow(self->outbox); /* nobody may be connected to it before */
    }
}

void
front_pong(const struct front *self, const struct outbox_route *route, uint64_t request,
           int64_t uptime_ms, bool known)
{
    const struct wire_pong pong = {
        .service = {.data = self->service, .size = strlen(self->service)},
        .run = log_run(self->log),
        .uptime_ms = (uint64_t)uptime_ms,
        .known = known,
    };
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_pong_encode(&out, request, &pong);
    front_answer(self, route, &out);
}

err_t
front_unsupported(const char *service, uint32_t takes, unsigned type, struct why *why)
{
    char names[WIRE_TYPE_COUNT * 16];
    size_t used = 0;
    takes |= FRONT_TAKES(WIRE_PING) | FRONT_TAKES(WIRE_STATS) | FRONT_TAKES(WIRE_RELOAD);
    for (unsigned i = 0; i < WIRE_TYPE_COUNT; i++) {
        if ((takes & FRONT_TAKES(i)) != 0) { /* a name has at most 13 bytes */
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                     used == 0 ? "" : ", ", wire_type_name(i));
        }
    }
    return why_set(why, ERR_UNSUPPORTED, "the %s takes %s; not %s (%u)", service, names,
                   wire_type_name(type), type);
}
