#include "compensator_consumers.h"

#include "base/check.h"
#include "base/mem.h"
#include "compensator_answer.h"
#include "compensator_jobs.h"

#include <stdio.h>
#include <string.h>

#define WELCOME_LEASE_MS 10000 /* what to expect; each job says its own */

/* The group of this name, which a subscription must have named: a stranger adds none. */
static uint32_t
find_group(const compensator_t *self, struct wire_text name)
{
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        const struct catalog_group *group = catalog_group_at(self->catalog, i);
        if (group->name_size == name.size && memcmp(group->name, name.data, name.size) == 0) {
            return i;
        }
    }
    return COMPENSATOR_NOWHERE;
}

static bool
other_identity(const struct catalog_group *group, struct wire_bytes identity)
{
    static const uint8_t none[WIRE_IDENTITY_BYTES];
    const uint8_t *said = identity.size == WIRE_IDENTITY_BYTES ? identity.data : none;
    return memcmp(group->identity, none, sizeof none) != 0 &&
           memcmp(group->identity, said, sizeof none) != 0;
}

static void
lose(compensator_t *self, struct compensator_consumer *consumer)
{
    self->groups[consumer->group].consumers--;
    wire_out_fini(&consumer->frame); /* a frame of this step: its jobs wait for their leases */
    *consumer = (struct compensator_consumer){0};
}

/* The slot of this name in the group, or a free one; NULL: none is free. */
static struct compensator_consumer *
place(compensator_t *self, uint32_t group, struct wire_text name)
{
    struct compensator_consumer *free_one = NULL;
    for (uint32_t i = 0; i < self->consumers_used; i++) {
        struct compensator_consumer *consumer = &self->consumers[i];
        if (consumer->id == 0) {
            free_one = free_one == NULL ? consumer : free_one;
        } else if (consumer->group == group && consumer->name.size == name.size &&
                   memcmp(consumer->name_bytes, name.data, name.size) == 0) {
            return consumer;
        }
    }
    if (free_one == NULL && self->consumers_used < COMPENSATOR_CONSUMERS_MAX) {
        free_one = &self->consumers[self->consumers_used++];
    }
    return free_one;
}

static void
settle(compensator_t *self, struct compensator_consumer *consumer, uint32_t group,
       const struct wire_hello *hello)
{
    if (consumer->id != 0 && consumer->nonce != hello->nonce) {
        lose(self, consumer); /* the process before it; what it had out waits for its lease */
    }
    if (consumer->id == 0) {
        *consumer = (struct compensator_consumer){
            .id = ++self->consumer_id,
            .nonce = hello->nonce,
            .group = group,
        };
        memcpy(consumer->name_bytes, hello->name.data, hello->name.size);
        consumer->name = (struct wire_text){.data = consumer->name_bytes, .size = hello->name.size};
        self->groups[group].consumers++;
    }
}

static void
alarm_identity(compensator_t *self, const struct catalog_group *group,
               const struct wire_hello *hello)
{
    char text[WHY_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "receiver %.*s has another database than the group's",
                   (int)hello->name.size, hello->name.data); /* fits */
    const struct alarm_facts facts = {
        .kind = "second_database", .subject = group->name, .text = text};
    compensator_alarm_of(self, log_next(self->own) - 1, &facts);
}

static uint8_t
admit(compensator_t *self, const struct outbox_route *route, const struct wire_hello *hello,
      const char **text)
{
    if (hello->party != WIRE_PARTY_CONSUMER) {
        return WIRE_OK; /* people need no session */
    }
    uint32_t group = find_group(self, hello->group);
    if (group == COMPENSATOR_NOWHERE) {
        *text = "no subscription names this group";
        return WIRE_NOT_FOUND;
    }
    if (other_identity(catalog_group_at(self->catalog, group), hello->identity)) {
        *text = "the group has another database";
        alarm_identity(self, catalog_group_at(self->catalog, group), hello);
        return WIRE_DENIED;
    }
    struct compensator_consumer *consumer = place(self, group, hello->name);
    if (consumer == NULL) {
        *text = "too many consumers";
        return WIRE_BUSY;
    }
    settle(self, consumer, group, hello);
    consumer->route = *route;
    consumer->heard_ms = self->now_ms;
    return WIRE_OK;
}

void
compensator_consumers_hello(compensator_t *self, const struct outbox_route *route, uint64_t request,
                            const struct wire_hello *hello)
{
    const char *text = "";
    struct wire_welcome welcome = {
        .status = admit(self, route, hello, &text),
        .lease_ms = WELCOME_LEASE_MS,
        .ping_ms = COMPENSATOR_PING_MS,
    };
    welcome.text = (struct wire_text){.data = text, .size = strlen(text)};
    front_welcome(&self->front, route, request, &welcome);
}

static bool
is_session(const struct compensator_consumer *consumer, const struct wire_ping *session)
{
    return consumer->id != 0 && consumer->nonce == session->nonce &&
           consumer->name.size == session->name.size &&
           memcmp(consumer->name_bytes, session->name.data, session->name.size) == 0;
}

void
compensator_consumers_ping(compensator_t *self, const struct outbox_route *route, uint64_t request,
                           const struct wire_ping *ping)
{
    bool known = false;
    for (uint32_t i = 0; i < self->consumers_used; i++) {
        struct compensator_consumer *consumer = &self->consumers[i];
        if (is_session(consumer, ping)) {
            consumer->heard_ms = self->now_ms;
            consumer->route = *route; /* a connection made again has another one */
            known = true;
        }
    }
    front_pong(&self->front, route, request, self->now_ms - self->started_ms, known);
}

void
compensator_consumers_leave(compensator_t *self, const struct wire_ping *session)
{
    for (uint32_t i = 0; i < self->consumers_used; i++) {
        struct compensator_consumer *consumer = &self->consumers[i];
        if (is_session(consumer, session)) {
            uint64_t id = consumer->id;
            lose(self, consumer);
            compensator_jobs_return(self, id);
        }
    }
}

void
compensator_consumers_expire(compensator_t *self)
{
    for (uint32_t i = 0; i < self->consumers_used; i++) {
        struct compensator_consumer *consumer = &self->consumers[i];
        if (consumer->id != 0 && self->now_ms - consumer->heard_ms >= COMPENSATOR_SILENCE_MS) {
            lose(self, consumer);
        }
    }
}

struct compensator_consumer *
compensator_consumers_pick(compensator_t *self, uint32_t group)
{
    struct compensator_consumer *best = NULL;
    for (uint32_t i = 0; i < self->consumers_used; i++) {
        struct compensator_consumer *consumer = &self->consumers[i];
        if (consumer->id != 0 && consumer->group == group &&
            consumer->jobs_out < self->settings.window &&
            (best == NULL || consumer->jobs_out < best->jobs_out)) {
            best = consumer;
        }
    }
    return best;
}

struct compensator_consumer *
compensator_consumers_at(compensator_t *self, uint32_t slot, uint64_t id)
{
    CHECK(slot < self->consumers_used);
    return self->consumers[slot].id == id ? &self->consumers[slot] : NULL;
}

uint32_t
compensator_consumers_count(const compensator_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        count += self->groups[i].consumers;
    }
    return count;
}
