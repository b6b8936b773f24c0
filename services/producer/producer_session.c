/* HELLO and PING, and which database a receiver group has. */
#include "producer_private.h"

#include "wire/wire_case.h"

#include <stdio.h>
#include <string.h>

static const uint8_t nobody[WIRE_IDENTITY_BYTES];

static void
hex_text(const uint8_t *bytes, char text[2 * WIRE_IDENTITY_BYTES + 1])
{
    for (size_t i = 0; i < WIRE_IDENTITY_BYTES; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]); /* two digits always fit */
    }
}

/* The group of this name that some subscription has; NULL: none. */
static const struct catalog_group *
find_group(const producer_core_t *self, struct wire_text name)
{
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        const struct catalog_group *group = catalog_group_at(self->catalog, i);
        /* UNREACHED: HELLO of a consumer and GROUP without a name do not get past the decoder. */
        if (group->name_size == name.size && name.size > 0 &&
            memcmp(group->name, name.data, name.size) == 0) {
            return group;
        }
    }
    return NULL;
}

static void
append_group(producer_core_t *self, const struct record_group *record)
{
    uint8_t body[RECORD_GROUP_MAX];
    size_t size = record_group_encode(record, body);
    (void)log_append(self->log, RECORD_GROUP, body, size); /* its place does not matter */
    (void)catalog_take(self->catalog, RECORD_GROUP, body, size, NULL); /* encoded just now */
}

/* Whether this consumer's database is the group's; the first one to say HELLO decides. */
static bool
check_identity(producer_core_t *self, const struct wire_hello *hello,
               const struct catalog_group *group, struct why *why)
{
    bool can_fence = (hello->capabilities & WIRE_CAN_FENCE) != 0;
    bool can_undo = (hello->capabilities & WIRE_CAN_UNDO) != 0;
    const uint8_t *said = hello->identity.size == 0 ? nobody : hello->identity.data;
    bool none = memcmp(group->identity, nobody, sizeof nobody) == 0;
    if (!none && memcmp(group->identity, said, sizeof nobody) != 0) {
        char known[2 * WIRE_IDENTITY_BYTES + 1];
        char offered[2 * WIRE_IDENTITY_BYTES + 1];
        hex_text(group->identity, known);
        hex_text(said, offered);
        (void)why_set(why, ERR_DENIED,
                      "group %s has database %s, not %s: a second database would apply things "
                      "twice; heraldctl group replaces it",
                      group->name, known, offered);
        return false;
    }
    bool says_none = memcmp(said, nobody, sizeof nobody) == 0;
    if (none != says_none || can_fence != group->can_fence || can_undo != group->can_undo) {
        struct record_group record = {
            .name = {.data = group->name, .size = group->name_size},
            .can_fence = can_fence,
            .can_undo = can_undo,
        };
        memcpy(record.identity, said, sizeof record.identity);
        append_group(self, &record);
    }
    return true;
}

static bool
admit_consumer(producer_core_t *self, const struct wire_hello *hello, struct why *why)
{
    const struct catalog_group *group = find_group(self, hello->group);
    if (group == NULL) {
        (void)why_set(why, ERR_NOT_FOUND, "no subscription has the group %.*s",
                      (int)hello->group.size, hello->group.data);
        return false;
    }
    if (check_identity(self, hello, group, why)) {
        return true;
    }
    producer_alarm(self, "second_database", group->name, why->text);
    return false;
}

void
producer_hello(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
               const struct wire_head *head)
{
    struct why why = {{0}};
    struct wire_hello hello;
    struct wire_welcome welcome = {.status = WIRE_DENIED};
    if (wire_hello_decode(in, head, &hello, &why) != ERR_OK) {
        producer_refuse(self, route, head->request, WIRE_REFUSED, why.text);
        return;
    }
    if (hello.party == WIRE_PARTY_CONSUMER && !admit_consumer(self, &hello, &why)) {
        welcome.text = (struct wire_text){.data = why.text, .size = strlen(why.text)};
    } else {
        sender_hello(self->sender, &hello, self->now_ms, &welcome);
    }
    front_welcome(&self->front, route, head->request, &welcome);
}

void
producer_ping(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
              const struct wire_head *head)
{
    struct why why;
    struct wire_ping ping;
    if (wire_ping_decode(in, head, &ping, &why) != ERR_OK) {
        producer_refuse(self, route, head->request, WIRE_REFUSED, why.text);
        return;
    }
    front_pong(&self->front, route, head->request, self->now_ms - self->started_ms,
               sender_ping(self->sender, &ping, self->now_ms));
}

void
producer_leave(producer_core_t *self, struct wire_in *in, const struct wire_head *head)
{
    struct wire_ping session;
    if (wire_leave_decode(in, head, &session, NULL) == ERR_OK) {
        sender_leave(self->sender, &session);
    }
}

void
producer_group(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
               const struct wire_head *head)
{
    struct why why;
    struct wire_group asked;
    if (wire_group_decode(in, head, &asked, &why) != ERR_OK) {
        producer_refuse(self, route, head->request, WIRE_REFUSED, why.text);
        return;
    }
    const struct catalog_group *group = find_group(self, asked.group);
    if (group == NULL) {
        front_status(&self->front, route, head->request, WIRE_NOT_FOUND,
                     "no subscription has this group");
        return;
    }
    if (asked.identity.size == WIRE_IDENTITY_BYTES) {
        if (asked.by.size == 0) {
            front_status(&self->front, route, head->request, WIRE_REFUSED,
                         "by: replacing a group's database needs a name");
            return;
        }
        struct record_group record = {
            .name = {.data = group->name, .size = group->name_size},
            .can_fence = group->can_fence,
            .can_undo = group->can_undo,
            .by = {.data = asked.by.data, .size = asked.by.size},
        };
        memcpy(record.identity, asked.identity.data, sizeof record.identity);
        append_group(self, &record);
    }
    char identity[2 * WIRE_IDENTITY_BYTES + 1];
    char text[256];
    hex_text(group->identity, identity);
    (void)snprintf(text, sizeof text, "group %s, database %s, fences: %s, undoes: %s", group->name,
                   identity, group->can_fence ? "yes" : "no", group->can_undo ? "yes" : "no");
    struct wire_said said = {.status = WIRE_OK, .text = {text, strlen(text)}};
    wire_said_text(&said, "group", group->name);
    wire_said_text(&said, "identity", identity);
    wire_said_bool(&said, "can_fence", group->can_fence);
    wire_said_bool(&said, "can_undo", group->can_undo);
    front_said(&self->front, route, head->request, &said);
}
