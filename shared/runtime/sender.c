#include "runtime/sender_private.h"

#include "base/check.h"
#include "base/mem.h"

#define FRAME_ITEMS 512U
#define FRAME_BYTES (512U * 1024)
#define COUNTER_BITS 40
#define AHEAD 8 /* entries of the ring: what is reused is in no cache any more */
#define SCAN_EVERY_MS 50
#define LATE_MS 50          /* less is not worth going through all that was sent */
#define QUICK_FOR_MS 1000   /* without a new count */
#define SHORT_LEASE_MS 2000 /* too little for a quick window to be answered in any case */

sender_t *
sender_new(const struct sender_settings *settings, outbox_t *outbox)
{
    CHECK(settings->lane_count > 0 && settings->lane_count <= SENDER_LANES_MAX);
    sender_t *self = mem_zeroed(sizeof *self);
    self->settings = *settings;
    if (settings->quick_window < settings->window) {
        self->settings.quick_window = settings->window;
    }
    CHECK(settings->window > 0 && settings->window * settings->lane_count <= SENDER_UNANSWERED_MAX);
    self->outbox = outbox;
    self->consumers = mem_array(SENDER_CONSUMERS_MAX, sizeof *self->consumers);
    for (uint32_t i = 0; i < SENDER_CONSUMERS_MAX; i++) {
        self->consumers[i].lane = SENDER_NOBODY;
    }
    for (uint32_t i = 0; i < SENDER_LANES_MAX; i++) {
        self->lanes[i].group = SENDER_NO_GROUP;
    }
    self->ring_size = SENDER_RING_MIN;
    self->ring = mem_array(self->ring_size, sizeof *self->ring);
    self->counter = 1;
    self->oldest = 1;
    self->unleft = 1;
    self->flushed = 1;
    self->left = 1;
    self->next_left = 1;
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

void
sender_give_up(sender_t *self, struct sender_entry *entry, uint8_t cause, const char *reason)
{
    sender_settle(self, entry);
    entry->state = ENTRY_LATE;
    struct wire_outcome outcome = {
        .first_token = entry->token,
        .count = 1,
        .outcome = cause,
        .reason = {.data = reason, .size = strlen(reason)},
    };
    struct sender_entry given_up = *entry; /* the owner may send, and the ring may grow with it */
    self->settings.answered(self->settings.owner, &given_up, &outcome, true);
}

/* However many lanes are quick, each can have its own window. Of several consumers that share a
 * lane a slow one would get what the quick ones have earned. */
static bool
lane_has_room(const sender_t *self, const struct sender_lane *lane)
{
    bool quick = lane->quick && !lane->hurried && lane->consumers == 1 &&
                 self->outstanding < SENDER_QUICK_MAX;
    return lane->state == LANE_OPEN &&
           lane->outstanding < (quick ? self->settings.quick_window : self->settings.window);
}

/* What it did says little about what it will do now. */
static void
lane_slow(struct sender_lane *lane)
{
    lane->quick = false;
    lane->answered = 0;
}

/* The open lane of the group with the most room; when all are full a paused one whose consumer may
 * be asked again, with a single delivery; SENDER_NOBODY when there is none. */
static uint32_t
roomiest(const sender_t *self, struct wire_text group)
{
    uint32_t best = SENDER_NOBODY;
    uint32_t probed = SENDER_NOBODY;
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        const struct sender_lane *lane = &self->lanes[i];
        if (!sender_lane_is_of(self, lane, group)) {
            continue;
        }
        if (lane_has_room(self, lane) &&
            (best == SENDER_NOBODY || lane->outstanding < self->lanes[best].outstanding)) {
            best = i;
        } else if (lane->state == LANE_PAUSED && lane->probe) {
            probed = i;
        }
    }
    return best != SENDER_NOBODY ? best : probed;
}

bool
sender_has_room(const sender_t *self, struct wire_text group)
{
    /* Asked for every delivery: the lane that is being served nearly always has the answer. */
    const struct sender_lane *lane = &self->lanes[self->frame_lane];
    bool served = self->frame.data != NULL && lane_has_room(self, lane) &&
                  sender_lane_is_of(self, lane, group);
    return served || roomiest(self, group) != SENDER_NOBODY;
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
    self->frame_bytes = size + size / 16;
    outbox_lane(self->outbox, after, self->frame_lane, body, size);
    self->flushed = self->counter;
}

/* What is before it has left the outbox, whatever of the rest has. */
static uint64_t
left_up_to(sender_t *self)
{
    uint64_t added = outbox_added(self->outbox, OUTBOX_LANE);
    uint64_t gone = outbox_left(self->outbox, OUTBOX_LANE);
    if (gone >= self->next_left_after) {
        self->left = gone == added ? self->flushed : self->next_left;
        self->next_left = self->flushed;
        self->next_left_after = added;
    }
    return self->left;
}

/* Nothing that is out is passed by before the ring is as large as it gets, so that all of it is at
 * `oldest` or behind, in the larger one too. */
static void
ring_grow(sender_t *self)
{
    struct sender_entry *before = self->ring;
    uint32_t count = self->ring_size;
    self->ring_size *= 2;
    self->ring = mem_array(self->ring_size, sizeof *self->ring);
    for (uint32_t i = 0; i < count; i++) {
        if (before[i].state != ENTRY_FREE) {
            *sender_at(self, before[i].token) = before[i];
        }
    }
    mem_free(before);
}

/* The frame for this delivery: the one being gathered where it may be, or a new one. */
static bool
open_frame(sender_t *self, const struct sender_offer *offer, uint64_t after)
{
    bool gathered = self->frame.data != NULL;
    struct sender_lane *lane = gathered ? &self->lanes[self->frame_lane] : NULL;
    while (self->ring_size < SENDER_RING_MAX &&
           sender_at(self, self->counter)->state != ENTRY_FREE) {
        ring_grow(self);
    }
    bool skipped = sender_at(self, self->counter)->state == ENTRY_OUT;
    if (gathered && !offer->item.alone && !skipped && sender_lane_is_of(self, lane, offer->group) &&
        lane_has_room(self, lane) && self->items.count < FRAME_ITEMS &&
        wire_out_size(&self->frame) < FRAME_BYTES) {
        return true;
    }
    sender_flush(self, after);
    uint32_t number = roomiest(self, offer->group);
    if (number == SENDER_NOBODY) {
        return false;
    }
    while (sender_at(self, self->counter)->state == ENTRY_OUT) {
        self->counter++; /* an old one with a long lease stands here */
    }
    struct wire_deliver head = {
        .log = (uint8_t)self->settings.log,
        .run = self->settings.run,
        .group = offer->group,
        .first_token = self->settings.run << COUNTER_BITS | self->counter,
    };
    self->frame_lane = number;
    wire_out_init(&self->frame, offer->item.alone ? 1024 : self->frame_bytes + 4096);
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
    struct sender_entry *entry = sender_at(self, self->counter);
    __builtin_prefetch(sender_at(self, self->counter + AHEAD), 1);
    *entry = (struct sender_entry){
        .token = self->settings.run << COUNTER_BITS | self->counter,
        .key = {.position = item->position, .subscription = item->subscription},
        .turn = item->turn,
        .attempt = item->attempt,
        .state = ENTRY_OUT,
        .alone = item->alone,
        .group = self->lanes[self->frame_lane].group,
        .lane = self->frame_lane,
        .lease_ms = item->lease_ms,
        .weight = offer->weight,
        .deadline_ms = now_ms + item->lease_ms,
        .limit_ms = now_ms + offer->lease_limit_ms,
        .sent_unix_ms = item->first_sent_unix_ms,
        .user = offer->user,
    };
    self->counter++;
    self->outstanding++;
    self->lanes[self->frame_lane].outstanding++;
    self->lanes[self->frame_lane].probe = false;
    self->lanes[self->frame_lane].hurried |= item->lease_ms < SHORT_LEASE_MS;
    wire_deliver_add(&self->items, item);
    if (item->alone) {
        sender_flush(self, after);
    }
    return true;
}

void
sender_left(sender_t *self, int64_t now_ms)
{
    uint64_t end = left_up_to(self);
    if (end > self->ring_size && self->unleft < end - self->ring_size) {
        self->unleft = end - self->ring_size;
    }
    for (; self->unleft < end; self->unleft++) {
        struct sender_entry *entry = sender_at(self, self->unleft);
        if (entry->token != (self->settings.run << COUNTER_BITS | self->unleft)) {
            continue; /* an old one stands here, whose lease began long ago */
        }
        int64_t late_ms = now_ms + entry->lease_ms - entry->deadline_ms;
        if (late_ms < LATE_MS) {
            self->unleft = end; /* and so are those after it, which came later */
            return;
        }
        entry->deadline_ms += late_ms;
        entry->limit_ms += late_ms;
    }
}

void
sender_expire(sender_t *self, int64_t now_ms)
{
    if (now_ms < self->scanned_ms + SCAN_EVERY_MS) {
        return;
    }
    self->scanned_ms = now_ms;
    sender_lose_silent(self, now_ms);
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        if (now_ms - self->lanes[i].counted_ms > QUICK_FOR_MS) {
            lane_slow(&self->lanes[i]);
        }
    }
    while (self->oldest < self->counter && sender_at(self, self->oldest)->state != ENTRY_OUT) {
        self->oldest++;
    }
    if (self->counter - self->oldest > self->ring_size) {
        self->oldest = self->counter - self->ring_size;
    }
    uint64_t end = left_up_to(self); /* while the disk takes nothing, no receiver has the rest */
    for (uint64_t i = self->oldest; self->outstanding > 0 && i < end; i++) {
        struct sender_entry *entry = sender_at(self, i);
        if (entry->state == ENTRY_OUT && entry->deadline_ms <= now_ms) {
            if (self->lanes[entry->lane].state == LANE_OPEN) {
                self->lanes[entry->lane].state = LANE_PAUSED;
                lane_slow(&self->lanes[entry->lane]);
            }
            sender_give_up(self, entry, OUTCOME_LEASE, "no answer within the lease");
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

uint64_t
sender_strange(const sender_t *self)
{
    return self->strange;
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
