#include "runtime/front_door.h"

#include "runtime/accept_guard.h"
#include "runtime/logger.h"

#include <string.h>

#define OWN_COUNTERS 4

static void
put_pong(const struct front_door *self, uint64_t request, int64_t now_ms, struct wire_out *out)
{
    const struct wire_pong pong = {
        .service = {.data = self->service, .size = strlen(self->service)},
        .run = self->run,
        .uptime_ms = (uint64_t)(now_ms - self->started_ms),
        .known = true,
    };
    wire_pong_encode(out, request, &pong);
}

static void
put_counters(const struct front_door *self, uint64_t request, int64_t now_ms, struct wire_out *out)
{
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count =
        self->counters(self->counters_context, counters, WIRE_COUNTERS_MAX - OWN_COUNTERS);
    const struct {
        const char *name;
        uint64_t value;
    } own[OWN_COUNTERS] = {
        {"uptime_ms", (uint64_t)(now_ms - self->started_ms)},
        {"frames_refused", self->refused},
        {"connections_refused", accept_guard_refused()},
        {"log_lines_dropped", logger_dropped()},
    };
    for (size_t i = 0; i < OWN_COUNTERS; i++) {
        counters[count].name = (struct wire_text){.data = own[i].name, .size = strlen(own[i].name)};
        counters[count++].value = own[i].value;
    }
    wire_counters_encode(out, request, self->service, counters, count);
}

static void
put_reloaded(const struct front_door *self, uint64_t request, struct wire_out *out)
{
    struct why said = {{0}};
    err_t rc = self->reload == NULL ? why_set(&said, ERR_OK,
                                              "nothing here can be reloaded; restart to change "
                                              "settings")
                                    : self->reload(self->reload_context, &said);
    wire_status_encode(out, WIRE_STATUS, request, rc == ERR_OK ? WIRE_OK : WIRE_REFUSED, said.text);
}

/* ERR_OK: well-formed as far as the door can tell, and taken here. *session: a PING that has one.
 */
static err_t
check(const struct front_door *self, struct wire_in *in, const struct wire_head *head,
      bool *session, struct why *why)
{
    struct wire_ping ping;
    err_t rc = ERR_OK;
    switch (head->type) {
    case WIRE_PING:
        rc = wire_ping_decode(in, head, &ping, why);
        *session = rc == ERR_OK && ping.nonce != 0 && (self->takes & FRONT_TAKES(WIRE_PING)) != 0;
        return rc;
    case WIRE_STATS:
    case WIRE_RELOAD:
        return wire_message_finish(in, head, why);
    default:
        return head->type < WIRE_TYPE_COUNT && (self->takes & FRONT_TAKES(head->type)) != 0
                   ? ERR_OK
                   : front_unsupported(self->service, self->takes, head->type, why);
    }
}

bool
front_door_answers(struct front_door *self, const uint8_t *body, size_t size, int64_t now_ms,
                   struct wire_out *out)
{
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    bool session = false;
    err_t rc = wire_message_open(&in, body, size, &head, &why);
    if (rc == ERR_OK) {
        rc = check(self, &in, &head, &session, &why);
    }
    bool own =
        head.type == WIRE_STATS || head.type == WIRE_RELOAD || (head.type == WIRE_PING && !session);
    if (rc == ERR_OK && !own) {
        return false;
    }
    wire_out_init(out, 1024);
    if (rc != ERR_OK) {
        self->refused++;
        wire_status_encode(out, WIRE_ERROR, head.request,
                           rc == ERR_UNSUPPORTED ? WIRE_UNSUPPORTED : WIRE_REFUSED, why.text);
    } else if (head.type == WIRE_PING) {
        put_pong(self, head.request, now_ms, out);
    } else if (head.type == WIRE_STATS) {
        put_counters(self, head.request, now_ms, out);
    } else {
        put_reloaded(self, head.request, out);
    }
    return true;
}
