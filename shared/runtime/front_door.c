#include "runtime/front_door.h"

#include "base/err_name.h"
#include "runtime/accept_guard.h"
#include "runtime/front_roles.h"
#include "runtime/logger.h"
#include "runtime/refusal_log.h"

#include <string.h>

#define OWN_COUNTERS 9

/* A message and what is known of it. */
struct request {
    zmq_msg_t *message;
    struct wire_in in;
    struct wire_head head;
    bool session;  /* a PING of a consumer's session */
    bool consumer; /* that, or a HELLO of one */
};

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
    struct seal_counts seal = {0};
    if (self->seal != NULL) {
        seal_count(self->seal, &seal);
    }
    const struct {
        const char *name;
        uint64_t value;
    } own[OWN_COUNTERS] = {
        {"uptime_ms", (uint64_t)(now_ms - self->started_ms)},
        {"frames_refused", self->refused},
        {"connections_refused", accept_guard_refused()},
        {"commands_denied", self->denied},
        {"log_lines_dropped", logger_dropped()},
        {"curve_admitted", seal.admitted},
        {"curve_refused", seal.refused},
        {"curve_malformed", seal.malformed},
        {"curve_failed", seal.unsealed},
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
    struct front_reloaded done = {0};
    struct why keys = {{0}};
    struct why text = {{0}};
    struct wire_said said = {.status = WIRE_OK};
    err_t rc = self->reload == NULL ? ERR_OK : self->reload(self->reload_context, &done, &text);
    if (rc == ERR_OK && self->seal != NULL) {
        rc = seal_reload(self->seal, &keys);
        wire_said_number(&said, "keys", seal_allowed_count(self->seal));
        text = keys;
    }
    if (rc == ERR_OK && done.log_level != NULL) {
        bool restart = done.after_restart[0] != '\0';
        bool refused = done.refused.text[0] != '\0';
        (void)why_set(&text, rc, "%s%slog/level: %s%s%s%s%s", keys.text,
                      keys.text[0] == '\0' ? "" : "; ", done.log_level,
                      restart ? "; after a restart: " : "", done.after_restart,
                      refused ? "; which would be refused: " : "", done.refused.text);
        wire_said_text(&said, "log_level", done.log_level);
        wire_said_text(&said, "after_restart", done.after_restart);
    }
    LOGGER_EVENT(rc == ERR_OK ? LOGGER_INFO : LOGGER_WARN, "reload", LOGGER_TEXT("said", text.text),
                 LOGGER_TEXT("result", err_name(rc)));
    if (rc != ERR_OK) {
        said = (struct wire_said){.status = WIRE_REFUSED};
    }
    said.text = (struct wire_text){text.text, strlen(text.text)};
    wire_said_encode(out, request, &said);
}

/* ERR_OK: well-formed as far as the door can tell, and taken here. */
static err_t
check(const struct front_door *self, struct request *request, struct why *why)
{
    const struct wire_head *head = &request->head;
    struct wire_in again = request->in; /* what is decoded here is decoded where it is handled */
    struct wire_ping ping;
    struct wire_hello hello;
    bool taken = head->type < WIRE_TYPE_COUNT && (self->takes & FRONT_TAKES(head->type)) != 0;
    err_t rc = ERR_OK;
    switch (head->type) {
    case WIRE_PING:
        rc = wire_ping_decode(&again, head, &ping, why);
        request->session = rc == ERR_OK && ping.nonce != 0 && taken;
        request->consumer = request->session;
        return rc;
    case WIRE_STATS:
    case WIRE_RELOAD:
        return wire_message_finish(&again, head, why);
    case WIRE_HELLO:
        if (taken) {
            rc = wire_hello_decode(&again, head, &hello, why);
            request->consumer = rc == ERR_OK && hello.party == WIRE_PARTY_CONSUMER;
            return rc;
        }
        break;
    default:
        break;
    }
    return taken ? ERR_OK : front_unsupported(self->service, self->takes, head->type, why);
}

static void
tell_denied(struct front_door *self, const struct request *request,
            const struct seal_allowed *sender, int64_t now_ms)
{
    const struct seal_refused refused = {
        .key = sender == NULL ? 0 : sender->id,
        .domain = seal_domain_name(SEAL_FRONT),
        .reason = wire_type_name(request->head.type),
        .user = sender == NULL ? "" : sender->user,
        .address = "",
    };
    self->denied++;
    seal_refusals_take(&self->denials, &refused, now_ms);
}

/* Whether the sender's role allows it; what a person orders is told with who did. */
static err_t
authorise(struct front_door *self, const struct request *request, int64_t now_ms, struct why *why)
{
    unsigned type = request->head.type;
    const struct seal_allowed *sender =
        self->seal == NULL ? NULL : seal_sender(self->seal, request->message);
    enum seal_role role = sender == NULL ? SEAL_NOBODY : (enum seal_role)sender->role;
    if (self->seal == NULL) {
        return ERR_OK;
    }
    if (!front_roles_may(role, type, request->consumer)) {
        char wanted[FRONT_ROLES_TEXT];
        tell_denied(self, request, sender, now_ms);
        return why_set(why, ERR_DENIED, "%s%s needs the role %s; this key has %s",
                       wire_type_name(type), request->consumer ? " as a consumer" : "",
                       front_roles_text(type, request->consumer, wanted),
                       sender == NULL ? "been taken out of the allow-list" : seal_role_name(role));
    }
    if (type == WIRE_CASE || type == WIRE_GROUP || type == WIRE_RELOAD) {
        LOGGER_EVENT(LOGGER_INFO, "command", LOGGER_TEXT("type", wire_type_name(type)),
                     LOGGER_TEXT("user", sender->user));
    }
    return ERR_OK;
}

static uint8_t
status_of(err_t err)
{
    if (err == ERR_DENIED) {
        return WIRE_DENIED;
    }
    return err == ERR_UNSUPPORTED ? WIRE_UNSUPPORTED : WIRE_REFUSED;
}

bool
front_door_answers(struct front_door *self, zmq_msg_t *message, int64_t now_ms,
                   struct wire_out *out)
{
    struct request request = {.message = message};
    struct wire_head *head = &request.head;
    struct why why = {{0}};
    self->denials.tell = refusal_log_denied;
    seal_refusals_tick(&self->denials, now_ms);
    err_t rc =
        wire_message_open(&request.in, zmq_msg_data(message), zmq_msg_size(message), head, &why);
    if (rc == ERR_OK) {
        rc = check(self, &request, &why);
    }
    self->refused += rc != ERR_OK;
    if (rc == ERR_OK) {
        rc = authorise(self, &request, now_ms, &why);
    }
    bool own = head->type == WIRE_STATS || head->type == WIRE_RELOAD ||
               (head->type == WIRE_PING && !request.session);
    if (rc == ERR_OK && !own) {
        return false;
    }
    wire_out_init(out, 1024);
    if (rc != ERR_OK) {
        wire_status_encode(out, WIRE_ERROR, head->request, status_of(rc), why.text);
    } else if (head->type == WIRE_PING) {
        put_pong(self, head->request, now_ms, out);
    } else if (head->type == WIRE_STATS) {
        put_counters(self, head->request, now_ms, out);
    } else {
        put_reloaded(self, head->request, out);
    }
    return true;
}

bool
front_door_admits(struct front_door *self, zmq_msg_t *message, enum seal_role role)
{
    if (self->seal == NULL) {
        return true;
    }
    const struct seal_allowed *sender = seal_sender(self->seal, message);
    bool admitted = sender != NULL && sender->role == role;
    self->denied += !admitted; /* a key that was taken out: its log line was the reload's */
    return admitted;
}
