/* Consumers and the lanes that they have: who is there, and who is lost. */
#include "runtime/sender_private.h"

#include "base/check.h"

#define LOST_AFTER_MS (3 * SENDER_PING_MS)
#define REMEMBER_MS 90000000 /* 25 hours: longer than a lease can be */

/* What the socket is bound to, as a client on another host must dial it. */
static void
copy_endpoint(char to[LIMIT_ENDPOINT_BYTES + 1], const char *endpoint)
{
    static const char any[] = "tcp://0.0.0.0:";
    size_t size = strlen(endpoint);
    CHECK(size <= LIMIT_ENDPOINT_BYTES);
    if (strncmp(endpoint, any, sizeof any - 1) == 0) {
        memcpy(to, "tcp://*:", 8);
        memcpy(to + 8, endpoint + sizeof any - 1, size - sizeof any + 2);
    } else {
        memcpy(to, endpoint, size + 1);
    }
}

void
sender_set_endpoint(sender_t *self, uint32_t lane, const char *endpoint)
{
    CHECK(lane < self->settings.lane_count);
    copy_endpoint(self->lanes[lane].endpoint, endpoint);
}

static void
copy_key(struct sender_key *to, const uint8_t *key)
{
    to->known = key != NULL;
    if (key != NULL) {
        memcpy(to->bytes, key, sizeof to->bytes);
    }
}

void
sender_set_key(sender_t *self, const uint8_t *key)
{
    copy_key(&self->key, key);
}

void
sender_set_common(sender_t *self, const char *name, const char *endpoint, const uint8_t *key)
{
    CHECK(self->common_count < SENDER_COMMON_MAX && strlen(name) <= LIMIT_NAME_BYTES);
    struct sender_common *common = &self->common[self->common_count++];
    memcpy(common->name, name, strlen(name) + 1);
    copy_endpoint(common->endpoint, endpoint);
    copy_key(&common->key, key);
}

static void
lose_lane(sender_t *self, uint32_t number)
{
    struct sender_lane *lane = &self->lanes[number];
    for (uint64_t i = self->oldest; lane->outstanding > 0 && i < self->counter; i++) {
        struct sender_entry *entry = sender_at(self, i);
        if (entry->state == ENTRY_OUT && entry->lane == number) {
            sender_give_up(self, entry, OUTCOME_LOST, "the receiver was lost");
        }
    }
    CHECK(lane->outstanding == 0);
    lane->state = LANE_FREE;
    lane->quick = false;
    lane->hurried = false;
    lane->answered = 0;
}

static void
lose_consumer(sender_t *self, struct sender_consumer *consumer)
{
    struct sender_lane *lane = &self->lanes[consumer->lane];
    CHECK(lane->consumers > 0);
    lane->consumers--;
    if (lane->consumers == 0) {
        lose_lane(self, consumer->lane);
    }
    consumer->lane = SENDER_NOBODY;
}

static bool
was_named(const struct sender_consumer *consumer, struct wire_text name)
{
    return consumer->name_size == name.size && memcmp(consumer->name, name.data, name.size) == 0;
}

static bool
is_named(const struct sender_consumer *consumer, struct wire_text name)
{
    return consumer->lane != SENDER_NOBODY && was_named(consumer, name);
}

uint64_t
sender_groups_of(const sender_t *self, struct wire_text name)
{
    uint64_t groups = 0;
    for (uint32_t i = 0; i < self->consumers_high; i++) {
        const struct sender_consumer *consumer = &self->consumers[i];
        groups |= (uint64_t)was_named(consumer, name) << consumer->group;
    }
    return groups;
}

/* A name belongs to one consumer of a group; another group may use it too. */
static struct sender_consumer *
find_of_group(sender_t *self, struct wire_text name, struct wire_text group)
{
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        struct sender_consumer *consumer = &self->consumers[i];
        if (is_named(consumer, name) &&
            sender_lane_is_of(self, &self->lanes[consumer->lane], group)) {
            return consumer;
        }
    }
    return NULL;
}

static struct sender_consumer *
find_session(sender_t *self, struct wire_text name, uint64_t nonce)
{
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        struct sender_consumer *consumer = &self->consumers[i];
        if (is_named(consumer, name) && consumer->nonce == nonce) {
            return consumer;
        }
    }
    return NULL;
}

/* The number of a group; SENDER_NOBODY: there are too many. */
static uint32_t
number_of(sender_t *self, struct wire_text name)
{
    for (uint32_t i = 0; i < self->group_count; i++) {
        const struct sender_group *group = &self->groups[i];
        if (group->size == name.size && memcmp(group->name, name.data, name.size) == 0) {
            return i;
        }
    }
    if (self->group_count == SENDER_GROUPS_MAX) {
        return SENDER_NOBODY; /* UNREACHED: the catalog has no more, and forgets none */
    }
    struct sender_group *added = &self->groups[self->group_count];
    added->size = name.size;
    memcpy(added->name, name.data, name.size);
    return self->group_count++;
}

/* Whose a free lane was: who had it last may still be connected to it. */
static uint32_t
fitness(const struct sender_lane *lane, uint32_t group)
{
    return lane->group == group ? 3 : lane->group == SENDER_NO_GROUP ? 2 : 1;
}

/* A free lane, or the one of the group with the fewest consumers; SENDER_NOBODY when there is
 * neither. */
static uint32_t
pick_lane(const sender_t *self, uint32_t group)
{
    uint32_t unused = SENDER_NOBODY;
    uint32_t shared = SENDER_NOBODY;
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        const struct sender_lane *lane = &self->lanes[i];
        if (lane->state == LANE_FREE) {
            bool fitter = unused == SENDER_NOBODY ||
                          fitness(lane, group) > fitness(&self->lanes[unused], group);
            unused = fitter ? i : unused;
        } else if (lane->group == group &&
                   (shared == SENDER_NOBODY || lane->consumers < self->lanes[shared].consumers)) {
            shared = i;
        }
    }
    return unused != SENDER_NOBODY ? unused : shared;
}

/* A free slot: one whose consumer went long ago, else one that was never used, else the one whose
 * consumer went first; NULL: there is none. */
static struct sender_consumer *
free_slot(sender_t *self, int64_t now_ms)
{
    struct sender_consumer *oldest = NULL;
    for (uint32_t i = 0; i < self->consumers_high; i++) {
        struct sender_consumer *consumer = &self->consumers[i];
        if (consumer->lane == SENDER_NOBODY &&
            (oldest == NULL || consumer->seen_ms < oldest->seen_ms)) {
            oldest = consumer;
        }
    }
    bool forgotten = oldest != NULL && now_ms - oldest->seen_ms > REMEMBER_MS;
    bool more = self->consumers_high < SENDER_CONSUMERS_MAX;
    return more && !forgotten ? &self->consumers[self->consumers_high++] : oldest;
}

static struct sender_consumer *
add_consumer(sender_t *self, const struct wire_hello *hello, int64_t now_ms)
{
    uint32_t group = number_of(self, hello->group);
    uint32_t number = group == SENDER_NOBODY ? SENDER_NOBODY : pick_lane(self, group);
    struct sender_consumer *consumer = number == SENDER_NOBODY ? NULL : free_slot(self, now_ms);
    if (consumer == NULL) {
        return NULL;
    }
    struct sender_lane *lane = &self->lanes[number];
    if (lane->state == LANE_FREE) {
        lane->state = LANE_OPEN;
        lane->group = (uint8_t)group;
    }
    lane->consumers++;
    consumer->lane = number;
    consumer->group = (uint8_t)group;
    consumer->nonce = hello->nonce;
    consumer->name_size = hello->name.size;
    memcpy(consumer->name, hello->name.data, hello->name.size);
    return consumer;
}

static void
add_endpoint(struct wire_welcome *welcome, const char *name, const char *endpoint,
             const struct sender_key *key)
{
    struct wire_endpoint *added = &welcome->endpoints[welcome->endpoint_count++];
    added->name = (struct wire_text){.data = name, .size = strlen(name)};
    added->endpoint = (struct wire_text){.data = endpoint, .size = strlen(endpoint)};
    if (key->known) {
        added->key = (struct wire_bytes){.data = key->bytes, .size = sizeof key->bytes};
    }
}

void
sender_hello(sender_t *self, const struct wire_hello *hello, int64_t now_ms,
             struct wire_welcome *welcome)
{
    *welcome = (struct wire_welcome){
        .service = {.data = self->settings.service, .size = strlen(self->settings.service)},
        .run = self->settings.run,
        .lease_ms = self->settings.lease_ms,
        .ping_ms = SENDER_PING_MS,
    };
    for (uint32_t i = 0; i < self->common_count; i++) {
        add_endpoint(welcome, self->common[i].name, self->common[i].endpoint, &self->common[i].key);
    }
    if (hello->party != WIRE_PARTY_CONSUMER) {
        return;
    }
    struct sender_consumer *consumer = find_of_group(self, hello->name, hello->group);
    if (consumer != NULL && consumer->nonce != hello->nonce) {
        lose_consumer(self, consumer); /* its process is gone: this is another one */
        consumer = NULL;
    }
    if (consumer == NULL) {
        consumer = add_consumer(self, hello, now_ms);
    }
    if (consumer == NULL) {
        static const char full[] = "all lanes are taken by other groups, or too many consumers";
        welcome->status = WIRE_BUSY;
        welcome->text = (struct wire_text){.data = full, .size = sizeof full - 1};
        return;
    }
    consumer->seen_ms = now_ms;
    struct sender_lane *lane = &self->lanes[consumer->lane];
    lane->state = LANE_OPEN;
    welcome->lane = consumer->lane;
    add_endpoint(welcome, "lane", lane->endpoint, &self->key);
}

bool
sender_ping(sender_t *self, const struct wire_ping *ping, int64_t now_ms)
{
    struct sender_consumer *consumer = find_session(self, ping->name, ping->nonce);
    if (consumer == NULL || consumer->lane != ping->lane) {
        return false;
    }
    consumer->seen_ms = now_ms;
    struct sender_lane *lane = &self->lanes[consumer->lane];
    lane->probe = lane->state == LANE_PAUSED && lane->outstanding == 0;
    return true;
}

void
sender_leave(sender_t *self, const struct wire_ping *session)
{
    struct sender_consumer *consumer = find_session(self, session->name, session->nonce);
    if (consumer != NULL) {
        lose_consumer(self, consumer);
    }
}

void
sender_lose_silent(sender_t *self, int64_t now_ms)
{
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        struct sender_consumer *consumer = &self->consumers[i];
        if (consumer->lane != SENDER_NOBODY && now_ms - consumer->seen_ms > LOST_AFTER_MS) {
            lose_consumer(self, consumer);
        }
    }
}

bool
sender_present(const sender_t *self, struct wire_text group)
{
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        if (sender_lane_is_of(self, &self->lanes[i], group)) {
            return true;
        }
    }
    return false;
}

uint32_t
sender_consumers(const sender_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        count += self->consumers[i].lane != SENDER_NOBODY;
    }
    return count;
}
