/* The front door: consumers say HELLO and PING; everything else belongs to another service. */
#include "scheduler_private.h"

#include <string.h>

static void
answer(struct scheduler_core *self, const struct outbox_route *route, struct wire_out *out)
{
    size_t size = 0;
    uint8_t *body = wire_out_take(out, &size);
    outbox_front(self->outbox, log_next(self->log) - 1, route, body, size);
}

static void
answer_error(struct scheduler_core *self, const struct outbox_route *route, uint64_t request,
             uint8_t status, const char *text)
{
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_status_encode(&out, WIRE_ERROR, request, status, text);
    answer(self, route, &out);
}

static const struct catalog_group *
find_group(const struct scheduler_core *self, struct wire_text name)
{
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        const struct catalog_group *group = catalog_group_at(self->catalog, i);
        if (group->name_size == name.size && name.size > 0 &&
            memcmp(group->name, name.data, name.size) == 0) {
            return group;
        }
    }
    return NULL;
}

/* Why this consumer is not let in; NULL: it is. Who a group's database is, the producer decides; a
 * consumer with another one must not get deliveries here either. */
static const char *
refusal(const struct scheduler_core *self, const struct wire_hello *hello, uint8_t *status)
{
    static const uint8_t nobody[WIRE_IDENTITY_BYTES];
    const struct catalog_group *group = find_group(self, hello->group);
    if (group == NULL) {
        *status = WIRE_NOT_FOUND;
        return "no subscription has this group";
    }
    bool same = hello->identity.size == sizeof nobody &&
                memcmp(group->identity, hello->identity.data, sizeof nobody) == 0;
    if (!same && memcmp(group->identity, nobody, sizeof nobody) != 0) {
        *status = WIRE_DENIED;
        return "the group's database is another one than this; see OPERATIONS, \"Restore\"";
    }
    return NULL;
}

static err_t
take_hello(struct scheduler_core *self, const struct outbox_route *route, struct wire_in *in,
           const struct wire_head *head, struct why *why)
{
    struct wire_hello hello;
    err_t rc = wire_hello_decode(in, head, &hello, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_welcome welcome;
    uint8_t status = WIRE_OK;
    const char *text = hello.party == WIRE_PARTY_CONSUMER ? refusal(self, &hello, &status) : NULL;
    if (text != NULL) {
        welcome = (struct wire_welcome){
            .status = status,
            .text = {.data = text, .size = strlen(text)},
            .service = {.data = "retry-scheduler", .size = 15},
            .run = log_run(self->log),
        };
    } else {
        sender_hello(self->sender, &hello, self->now_ms, &welcome);
    }
    struct wire_out out;
    wire_out_init(&out, 512);
    wire_welcome_encode(&out, head->request, &welcome);
    answer(self, route, &out);
    return ERR_OK;
}

static err_t
take_ping(struct scheduler_core *self, const struct outbox_route *route, struct wire_in *in,
          const struct wire_head *head, struct why *why)
{
    struct wire_ping ping;
    err_t rc = wire_ping_decode(in, head, &ping, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_pong pong = {
        .service = {.data = "retry-scheduler", .size = 15},
        .run = log_run(self->log),
        .uptime_ms = (uint64_t)(self->now_ms - self->started_ms),
        .known = sender_ping(self->sender, &ping, self->now_ms),
    };
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_pong_encode(&out, head->request, &pong);
    answer(self, route, &out);
    return ERR_OK;
}

void
scheduler_front(void *core, const struct outbox_route *route, const uint8_t *body, size_t size)
{
    struct scheduler_core *self = core;
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    err_t rc = wire_message_open(&in, body, size, &head, &why);
    if (rc == ERR_OK && head.type == WIRE_HELLO) {
        rc = take_hello(self, route, &in, &head, &why);
    } else if (rc == ERR_OK && head.type == WIRE_PING) {
        rc = take_ping(self, route, &in, &head, &why);
    } else if (rc == ERR_OK && head.type == WIRE_LEAVE) {
        struct wire_ping session;
        if (wire_leave_decode(&in, &head, &session, &why) == ERR_OK) {
            sender_leave(self->sender, &session);
        }
    } else if (rc == ERR_OK) {
        rc = why_set(
            &why, ERR_UNSUPPORTED,
            "the retry-scheduler takes HELLO, PING, LEAVE, STATS and RELOAD, not %s; ask the "
            "producer or the compensator",
            wire_type_name(head.type));
    }
    if (rc != ERR_OK) {
        self->counters.malformed += rc != ERR_UNSUPPORTED;
        answer_error(self, route, head.request,
                     rc == ERR_UNSUPPORTED ? WIRE_UNSUPPORTED : WIRE_REFUSED, why.text);
    }
}
