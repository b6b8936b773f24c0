#include "runtime/sender.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

#define RING_ENTRIES 131072U /* a power of two, more than all windows together */
#define RING_MASK (RING_ENTRIES - 1)
#define FRAME_ITEMS 512U
#define FRAME_BYTES (512U * 1024)
#define COUNTER_BITS 40
#define LOST_AFTER_MS (3 * SENDER_PING_MS)
#define SCAN_EVERY_MS 50
#define COMMON_MAX 4
#define NOBODY UINT32_MAX
#define AHEAD 16U /* answers that are announced */

enum entry_state {
    ENTRY_FREE,
    ENTRY_OUT,  /* sent, not answered */
    ENTRY_LATE, /* its lease expired or its consumer was lost; a DONE still counts as evidence */
};

enum lane_state {
    LANE_FREE,
    LANE_OPEN,
    LANE_PAUSED, /* a lease expired on it */
};

struct lane {
    uint8_t state;
    uint32_t consumers;
    uint32_t outstanding;
    size_t group_size;
    char group[LIMIT_NAME_BYTES + 1];
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
};

struct consumer {
    uint32_t lane; /* NOBODY: the slot is free */
    uint64_t nonce;
    int64_t seen_ms;
    size_t name_size;
    char name[LIMIT_NAME_BYTES + 1];
};

struct common {
    char name[LIMIT_NAME_BYTES + 1];
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
};

struct sender {
    struct sender_settings settings;
    outbox_t *outbox; /* borrowed */
    struct lane lanes[SENDER_LANES_MAX];
    struct consumer *consumers; /* owned */
    struct common common[COMMON_MAX];
    uint32_t common_count;
    struct sender_entry *ring; /* owned */
    uint64_t counter;          /* of the next token */
    uint64_t oldest;           /* nothing before it is out */
    uint32_t outstanding;
    int64_t scanned_ms;
    struct wire_out frame; /* being gathered; data NULL: none */
    struct wire_deliver_out items;
    uint32_t frame_lane;
};

sender_t *
sender_new(const struct sender_settings *settings, outbox_t *outbox)
{
    CHECK(settings->lane_count > 0 && settings->lane_count <= SENDER_LANES_MAX);
    CHECK(settings->window > 0 && settings->window * settings->lane_count <= RING_ENTRIES / 2);
    sender_t *self = mem_zeroed(sizeof *self);
    self->settings = *settings;
    self->outbox = outbox;
    self->consumers = mem_array(SENDER_CONSUMERS_MAX, sizeof *self->consumers);
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        self->consumers[i].lane = NOBODY;
    }
    self->ring = mem_array(RING_ENTRIES, sizeof *self->ring);
    self->counter = 1;
    self->oldest = 1;
    return self;
}

void
sender_destroy(sender_t **self_p)
{
    sender_t *self = *self_p;
    if (self != NULL) {
        wire_out_fini(&self->frame);
        mem_free(self->consumers);
        mem_free(self->ring);
        mem_free(self);
        *self_p = NULL;
    }
}

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

void
sender_set_common(sender_t *self, const char *name, const char *endpoint)
{
    CHECK(self->common_count < COMMON_MAX && strlen(name) <= LIMIT_NAME_BYTES);
    struct common *common = &self->common[self->common_count++];
    memcpy(common->name, name, strlen(name) + 1);
    copy_endpoint(common->endpoint, endpoint);
}

static bool
lane_of_group(const struct lane *lane, struct wire_text group)
{
    return lane->state != LANE_FREE && lane->group_size == group.size &&
           memcmp(lane->group, group.data, group.size) == 0;
}

static void
settle(sender_t *self, struct sender_entry *entry)
{
    CHECK(entry->state == ENTRY_OUT && self->lanes[entry->lane].outstanding > 0);
    self->lanes[entry->lane].outstanding--;
    self->outstanding--;
}

static void
give_up(sender_t *self, struct sender_entry *entry, uint8_t cause, const char *reason)
{
    settle(self, entry);
    entry->state = ENTRY_LATE;
    struct wire_outcome outcome = {
        .first_token = entry->token,
        .count = 1,
        .outcome = cause,
        .reason = {.data = reason, .size = strlen(reason)},
    };
    self->settings.answered(self->settings.owner, entry, &outcome, true);
}

static void
lose_lane(sender_t *self, uint32_t number)
{
    struct lane *lane = &self->lanes[number];
    for (uint64_t i = self->oldest; lane->outstanding > 0 && i < self->counter; i++) {
        struct sender_entry *entry = &self->ring[i & RING_MASK];
        if (entry->state == ENTRY_OUT && entry->lane == number) {
            give_up(self, entry, OUTCOME_LOST, "the receiver was lost");
        }
    }
    CHECK(lane->outstanding == 0);
    lane->state = LANE_FREE;
}

static void
lose_consumer(sender_t *self, struct consumer *consumer)
{
    struct lane *lane = &self->lanes[consumer->lane];
    CHECK(lane->consumers > 0);
    lane->consumers--;
    if (lane->consumers == 0) {
        lose_lane(self, consumer->lane);
    }
    consumer->lane = NOBODY;
}

static struct consumer *
find_consumer(sender_t *self, struct wire_text name)
{
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        struct consumer *consumer = &self->consumers[i];
        if (consumer->lane != NOBODY && consumer->name_size == name.size &&
            memcmp(consumer->name, name.data, name.size) == 0) {
            return consumer;
        }
    }
    return NULL;
}

/* A free lane, or the one of the group with the fewest consumers; NOBODY when there is neither. */
static uint32_t
pick_lane(const sender_t *self, struct wire_text group)
{
    uint32_t shared = NOBODY;
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        if (self->lanes[i].state == LANE_FREE) {
            return i;
        }
        if (lane_of_group(&self->lanes[i], group) &&
            (shared == NOBODY || self->lanes[i].consumers < self->lanes[shared].consumers)) {
            shared = i;
        }
    }
    return shared;
}

static struct consumer *
add_consumer(sender_t *self, const struct wire_hello *hello)
{
    uint32_t number = pick_lane(self, hello->group);
    for (uint32_t i = 0; number != NOBODY && i < SENDER_CONSUMERS_MAX; i++) {
        struct consumer *consumer = &self->consumers[i];
        if (consumer->lane != NOBODY) {
            continue;
        }
        struct lane *lane = &self->lanes[number];
        if (lane->state == LANE_FREE) {
            lane->state = LANE_OPEN;
            lane->group_size = hello->group.size;
            memcpy(lane->group, hello->group.data, hello->group.size);
        }
        lane->consumers++;
        consumer->lane = number;
        consumer->nonce = hello->nonce;
        consumer->name_size = hello->name.size;
        memcpy(consumer->name, hello->name.data, hello->name.size);
        return consumer;
    }
    return NULL;
}

static void
add_endpoint(struct wire_welcome *welcome, const char *name, const char *endpoint)
{
    struct wire_endpoint *added = &welcome->endpoints[welcome->endpoint_count++];
    added->name = (struct wire_text){.data = name, .size = strlen(name)};
    added->endpoint = (struct wire_text){.data = endpoint, .size = strlen(endpoint)};
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
        add_endpoint(welcome, self->common[i].name, self->common[i].endpoint);
    }
    if (hello->party != WIRE_PARTY_CONSUMER) {
        return;
    }
    struct consumer *consumer = find_consumer(self, hello->name);
    if (consumer != NULL && (consumer->nonce != hello->nonce ||
                             !lane_of_group(&self->lanes[consumer->lane], hello->group))) {
        lose_consumer(self, consumer); /* its process is gone: this is another one */
        consumer = NULL;
    }
    if (consumer == NULL) {
        consumer = add_consumer(self, hello);
    }
    if (consumer == NULL) {
        static const char full[] = "all lanes are taken by other groups, or too many consumers";
        welcome->status = WIRE_BUSY;
        welcome->text = (struct wire_text){.data = full, .size = sizeof full - 1};
        return;
    }
    consumer->seen_ms = now_ms;
    struct lane *lane = &self->lanes[consumer->lane];
    lane->state = LANE_OPEN;
    welcome->lane = consumer->lane;
    add_endpoint(welcome, "lane", lane->endpoint);
}

bool
sender_ping(sender_t *self, const struct wire_ping *ping, int64_t now_ms)
{
    struct consumer *consumer = find_consumer(self, ping->name);
    if (consumer == NULL || consumer->nonce != ping->nonce || consumer->lane != ping->lane) {
        return false;
    }
    consumer->seen_ms = now_ms;
    return true;
}

void
sender_leave(sender_t *self, const struct wire_ping *session)
{
    struct consumer *consumer = find_consumer(self, session->name);
    if (consumer != NULL && consumer->nonce == session->nonce) {
        lose_consumer(self, consumer);
    }
}

bool
sender_present(const sender_t *self, struct wire_text group)
{
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        if (lane_of_group(&self->lanes[i], group)) {
            return true;
        }
    }
    return false;
}

/* The open lane of the group with the most room; NOBODY when all are full. */
static uint32_t
roomiest(const sender_t *self, struct wire_text group)
{
    uint32_t best = NOBODY;
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        const struct lane *lane = &self->lanes[i];
        if (lane->state == LANE_OPEN && lane->outstanding < self->settings.window &&
            lane_of_group(lane, group) &&
            (best == NOBODY || lane->outstanding < self->lanes[best].outstanding)) {
            best = i;
        }
    }
    return best;
}

bool
sender_has_room(const sender_t *self, struct wire_text group)
{
    return self->outstanding < RING_ENTRIES / 2 && roomiest(self, group) != NOBODY;
}

void
sender_flush(sender_t *self, uint64_t after)
{
    if (self->frame.data == NULL) {
        return;
    }
    wire_deliver_end(&self->items);
    size_t size = 0;
    uint8_t *body = wire_out_take(&self->frame, &size);
    outbox_lane(self->outbox, after, self->frame_lane, body, size);
}

/* The frame for this delivery: the one being gathered where it may be, or a new one. */
static bool
open_frame(sender_t *self, const struct sender_offer *offer, uint64_t after)
{
    bool gathered = self->frame.data != NULL;
    struct lane *lane = gathered ? &self->lanes[self->frame_lane] : NULL;
    bool skipped = self->ring[self->counter & RING_MASK].state == ENTRY_OUT;
    if (gathered && !offer->item.alone && !skipped && lane_of_group(lane, offer->group) &&
        lane->state == LANE_OPEN && lane->outstanding < self->settings.window &&
        self->items.count < FRAME_ITEMS && wire_out_size(&self->frame) < FRAME_BYTES) {
        return true;
    }
    sender_flush(self, after);
    uint32_t number = roomiest(self, offer->group);
    if (number == NOBODY || self->outstanding >= RING_ENTRIES / 2) {
        return false;
    }
    while (self->ring[self->counter & RING_MASK].state == ENTRY_OUT) {
        self->counter++; /* an old one with a long lease stands here */
    }
    struct wire_deliver head = {
        .log = (uint8_t)self->settings.log,
        .run = self->settings.run,
        .group = offer->group,
        .first_token = self->settings.run << COUNTER_BITS | self->counter,
    };
    self->frame_lane = number;
    wire_out_init(&self->frame, offer->item.alone ? 1024 : 64 * 1024);
    self->items = wire_deliver_begin(&self->frame, &head);
    return true;
}

bool
sender_send(sender_t *self, const struct sender_offer *offer, uint64_t after, int64_t now_ms)
{
    if (!open_frame(self, offer, after)) {
        return false;
    }
    const struct wire_item *item = &offer->item;
    struct sender_entry *entry = &self->ring[self->counter & RING_MASK];
    *entry = (struct sender_entry){
        .token = self->settings.run << COUNTER_BITS | self->counter,
        .key = {.position = item->position, .subscription = item->subscription},
        .turn = item->turn,
        .attempt = item->attempt,
        .state = ENTRY_OUT,
        .alone = item->alone,
        .lane = self->frame_lane,
        .lease_ms = item->lease_ms,
        .bytes = (uint32_t)item->notification.size,
        .deadline_ms = now_ms + item->lease_ms,
        .limit_ms = now_ms + offer->lease_limit_ms,
        .sent_unix_ms = item->first_sent_unix_ms,
        .user = offer->user,
    };
    self->counter++;
    self->outstanding++;
    self->lanes[self->frame_lane].outstanding++;
    wire_deliver_add(&self->items, item);
    if (item->alone) {
        sender_flush(self, after);
    }
    return true;
}

static void
answer_one(sender_t *self, uint64_t token, struct wire_outcome *outcome, int64_t now_ms)
{
    struct sender_entry *entry = &self->ring[token & RING_MASK];
    if (entry->state == ENTRY_FREE || entry->token != token) {
        return;
    }
    bool outstanding = entry->state == ENTRY_OUT;
    if (outcome->outcome == OUTCOME_WORKING) { /* late: the end is still to come */
        int64_t until_ms = now_ms + entry->lease_ms;
        if (outstanding) {
            entry->deadline_ms = until_ms < entry->limit_ms ? until_ms : entry->limit_ms;
        }
        return;
    }
    if (outstanding) {
        settle(self, entry);
    }
    struct sender_entry answered = *entry;
    entry->state = ENTRY_FREE; /* the owner may send again at once */
    self->settings.answered(self->settings.owner, &answered, outcome, outstanding);
}

err_t
sender_outcome(sender_t *self, const uint8_t *body, size_t size, int64_t now_ms, struct why *why)
{
    struct wire_in in;
    struct wire_head head;
    struct wire_outcomes outcomes;
    err_t rc = wire_message_open(&in, body, size, &head, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (head.type != WIRE_OUTCOME || !wire_outcomes_open(&in, &outcomes)) {
        return why_set(why, ERR_INVALID, "not an OUTCOME: %s", in.why.text);
    }
    if (outcomes.lane < self->settings.lane_count &&
        self->lanes[outcomes.lane].state == LANE_PAUSED) {
        self->lanes[outcomes.lane].state = LANE_OPEN; /* it lives */
    }
    for (uint32_t i = 0; i < outcomes.count; i++) {
        struct wire_outcome outcome;
        if (!wire_outcome_next(&in, &outcome)) {
            return why_set(why, ERR_INVALID, "%s", in.why.text);
        }
        if (outcomes.run != self->settings.run) {
            continue; /* of an earlier run: what was not answered then is sent again now */
        }
        for (uint32_t k = 0; k < outcome.count; k++) {
            if (self->settings.ahead != NULL && k + AHEAD < outcome.count) {
                self->settings.ahead(self->settings.owner,
                                     &self->ring[(outcome.first_token + k + AHEAD) & RING_MASK]);
            }
            answer_one(self, outcome.first_token + k, &outcome, now_ms);
        }
    }
    return wire_message_end(&in, &head, 7, why);
}

void
sender_expire(sender_t *self, int64_t now_ms)
{
    if (now_ms < self->scanned_ms + SCAN_EVERY_MS) {
        return;
    }
    self->scanned_ms = now_ms;
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        struct consumer *consumer = &self->consumers[i];
        if (consumer->lane != NOBODY && now_ms - consumer->seen_ms > LOST_AFTER_MS) {
            lose_consumer(self, consumer);
        }
    }
    while (self->oldest < self->counter &&
           self->ring[self->oldest & RING_MASK].state != ENTRY_OUT) {
        self->oldest++;
    }
    if (self->counter - self->oldest > RING_ENTRIES) {
        self->oldest = self->counter - RING_ENTRIES;
    }
    uint64_t end = self->counter; /* what the owner sends meanwhile is not due */
    for (uint64_t i = self->oldest; self->outstanding > 0 && i < end; i++) {
        struct sender_entry *entry = &self->ring[i & RING_MASK];
        if (entry->state == ENTRY_OUT && entry->deadline_ms <= now_ms) {
            if (self->lanes[entry->lane].state == LANE_OPEN) {
                self->lanes[entry->lane].state = LANE_PAUSED;
            }
            give_up(self, entry, OUTCOME_LEASE, "no answer within the lease");
        }
    }
}

int64_t
sender_next_ms(const sender_t *self)
{
    return self->scanned_ms + (self->outstanding > 0 ? SCAN_EVERY_MS : 1000);
}

uint32_t
sender_outstanding(const sender_t *self)
{
    return self->outstanding;
}

uint32_t
sender_consumers(const sender_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        count += self->consumers[i].lane != NOBODY;
    }
    return count;
}

uint32_t
sender_paused(const sender_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        count += self->lanes[i].state == LANE_PAUSED;
    }
    return count;
}
