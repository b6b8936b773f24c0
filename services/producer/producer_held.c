/*
 * When journal/retained_max notifications are kept and none may go, submits are BUSY. A person
 * hears of it when it begins, and before, once most of that may not go; the log says when it has
 * ended. What is young goes for what is younger: only what is open, or not read by the others, may
 * not.
 */
#include "producer_held.h"

#include "producer_private.h"

#include <stdio.h>

/* Of retained_max. From nine tenths on what may go goes (producer_retention.c); with less than
 * eight it is news again when it is near. */
#define NEAR_TENTHS 9U
#define FAR_TENTHS 8U
#define ROOM_PART 20U /* of it that is free again: submits are taken again for a while */

/* From where on nothing may go. */
struct holder {
    struct delivery_key key; /* open there; subscription 0: the others have not read on */
    uint64_t count;          /* notifications from there on, but for what is between two marks */
};

struct delivery_key
producer_held_open(producer_core_t *self)
{
    uint64_t next = log_next(self->log);
    struct delivery_key oldest = {.position = next};
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        uint64_t low =
            self->queues[id] != NULL ? producer_open_low(&self->queues[id]->open, next) : next;
        if (low < oldest.position) {
            oldest = (struct delivery_key){.position = low, .subscription = id};
        }
    }
    for (uint32_t i = 0; i < self->moved.count; i++) {
        struct producer_moved_entry moved;
        producer_moved_at(&self->moved, i, &moved);
        if (moved.key.position < oldest.position && moved.fold.end == END_NONE &&
            !moved.fold.is_case) {
            oldest = moved.key;
        }
    }
    return oldest;
}

/* Notifications from the first mark at or behind this position on. */
static uint64_t
count_from(const producer_core_t *self, uint64_t position)
{
    for (uint32_t i = 0; i < self->mark_count; i++) {
        const struct producer_mark *mark = &self->marks[(self->mark_first + i) % PRODUCER_MARKS];
        if (mark->position >= position) {
            return self->total - mark->total;
        }
    }
    return 0;
}

static struct holder
holder_of(producer_core_t *self, struct delivery_key open)
{
    struct holder holder = {.key = open};
    uint64_t unread = peers_readers(self->peers) + 1;
    if (unread < open.position) {
        holder.key = (struct delivery_key){.position = unread};
    }
    holder.count = count_from(self, holder.key.position);
    return holder;
}

static bool
is_part(const producer_core_t *self, uint64_t count, uint64_t tenths)
{
    return count * 10 >= self->settings.retained_max * tenths;
}

static void
tell(producer_core_t *self, const char *kind, const struct holder *holder)
{
    char why[LIMIT_NAME_BYTES + 96];
    unsigned long long position = holder->key.position;
    const struct catalog_subscription *known =
        catalog_subscription(self->catalog, holder->key.subscription);
    if (!is_part(self, holder->count, NEAR_TENTHS)) {
        (void)snprintf(why, sizeof why,
                       "the oldest go with all of their segment (journal/segment)");
    } else if (known != NULL) {
        (void)snprintf(why, sizeof why, "number %llu is open, for group %s", position,
                       catalog_group_at(self->catalog, known->group)->name); /* fits */
    } else {
        (void)snprintf(why, sizeof why, "a service has not read this log from %llu on", position);
    }
    char text[WHY_TEXT_SIZE];
    (void)snprintf(text, sizeof text,
                   "%llu notifications are kept; with %llu (journal/retained_max) submits are "
                   "BUSY: %s",
                   (unsigned long long)(self->total - self->gone),
                   (unsigned long long)self->settings.retained_max, why); /* fits */
    const struct alarm_facts facts = {.kind = kind, .subject = "journal", .text = text};
    outbox_alarm(self->outbox, 0, &facts); /* it follows from no record */
}

bool
producer_held_is_worth(const producer_core_t *self)
{
    return is_part(self, self->total - self->gone, FAR_TENTHS);
}

void
producer_held_look(producer_core_t *self, const struct delivery_key *open)
{
    struct producer_held *held = &self->held;
    struct holder holder = {.count = 0};
    held->looked_ms = open != NULL ? self->now_ms : 0;
    if (open != NULL) {
        holder = holder_of(self, *open);
    }
    held->count = holder.count;
    if (!held->near && is_part(self, held->count, NEAR_TENTHS)) {
        held->near = true;
        tell(self, "retained_near", &holder);
    } else if (!is_part(self, held->count, FAR_TENTHS)) {
        held->near = false;
    }
}

static void
begin(producer_core_t *self)
{
    struct holder holder = holder_of(self, producer_held_open(self));
    self->held.busy_before = self->counts.busy_retained;
    tell(self, "retained_full", &holder);
}

static void
end(producer_core_t *self)
{
    char text[WHY_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%llu notifications are kept; %llu submits were BUSY",
                   (unsigned long long)(self->total - self->gone),
                   (unsigned long long)(self->counts.busy_retained - self->held.busy_before));
    if (self->settings.event != NULL) {
        self->settings.event("accepting_again", text);
    }
}

void
producer_held_tell(producer_core_t *self)
{
    uint64_t kept = self->total - self->gone;
    uint64_t most = self->settings.retained_max;
    if (kept >= most && !self->held.full) {
        begin(self);
        self->held.full = true;
    } else if (kept < most - most / ROOM_PART && self->held.full) {
        end(self);
        self->held.full = false;
    }
}
