/* The front door: consumers say HELLO and PING; everything else belongs to another service. */
#include "scheduler_private.h"

#include <string.h>

static const struct catalog_group *
find_group(const struct scheduler_core *self, struct wire_text name)
{
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        const struct catalog_group *group = catalog_group_at(self->catalog, i);
        /* UNREACHED: a consumer without a group does not get past the decoder. */
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
    struct wire_welcome welcome = {.status = WIRE_OK};
    const char *text =
        hello.party == WIRE_PARTY_CONSUMER ? refusal(self, &hello, &welcome.status) : NULL;
    if (text != NULL) {
        welcome.text = (struct wire_text){.data = text, .size = strlen(text)};
    } else {
        sender_hello(self->sender, &hello, self->now_ms, &welcome);
    }
    front_welcome(&self->front, route, head->request, &welcome);
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
    front_pong(&self->front, route, head->request, self->now_ms - self->started_ms,
               sender_ping(self->sender, &ping, self->now_ms));
    return ERR_OK;
}

static err_t
take(struct scheduler_core *self, const struct outbox_route *route, struct wire_in *in,
     const struct wire_head *head, struct why *why)
{
    struct wire_ping session;
    switch (head->type) {
    case WIRE_HELLO:
        return take_hello(self, route, in, head, why);
    case WIRE_PING:
        return take_ping(self, route, in, head, why);
    case WIRE_LEAVE:
        if (wire_leave_decode(in, head, &session, why) == ERR_OK) {
            sender_leave(self->sender, &session);
        }
        return ERR_OK; /* nobody waits for an answer */
    default:
        return front_unsupported(self->front.service, self->front.takes, head->type, why);
    }
}

void
scheduler_front(void *core, const struct outbox_route *route, const uint8_t *body, size_t size)
{
    struct scheduler_core *self = core;
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    wire_message_reopen(&in, body, size, &head);
    err_t rc = take(self, route, &in, &head, &why);
    if (rc != ERR_OK) {
        self->counters.malformed += rc != ERR_UNSUPPORTED;
        front_fault(&self->front, route, head.request, rc, &why);
    }
}
