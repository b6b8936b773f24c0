/*
 * What the producer's log still has to keep, and dropping what it has not: a segment goes when
 * nothing in it is open, every reader has passed it, and its retention is over, by age or by count.
 */
#include "producer_held.h"
#include "producer_private.h"

#include "base/mem.h"

#include <assert.h>

#define LOOK_EVERY_MS 5000
#define HELD_EVERY_MS 60000       /* where nothing is to be trimmed */
#define MARKS_IN_RETAINED_MAX 64U /* marks are at most this part of it apart */
#define MARKS_COARSER 128U /* of notifications, and of time: twice both are less than all marks */
#define CHECKPOINT_LEAST_RECORDS 1000U
#define MARK_MS 60000
#define EXPIRED_A_LOOK (256U * 1024) /* looked at in one go: some milliseconds */
#define MOVED_SHORT_TIMES 4U         /* rarer is a checkpoint while room is short */

static struct producer_mark *
mark_at(producer_core_t *self, uint32_t index)
{
    return &self->marks[(self->mark_first + index) % PRODUCER_MARKS];
}

/* Whether marks this far apart are near enough for what goes by count, and by age. */
static bool
is_near(const producer_core_t *self, const struct producer_mark *one,
        const struct producer_mark *other, int64_t span_ms)
{
    return other->total - one->total <= self->settings.retained_max / MARKS_COARSER &&
           other->unix_ms - one->unix_ms <= span_ms / MARKS_COARSER;
}

/* The ring is full: those go between whose neighbours are near enough to each other. However often
 * that happens what is kept is divided alike: if its oldest part came to be one step, as much as
 * that would have to be surplus before any of it could go, and submits would be BUSY until then. */
static void
thin_marks(producer_core_t *self)
{
    static_assert(4 * MARKS_COARSER < PRODUCER_MARKS, "some go");
    int64_t span_ms = mark_at(self, PRODUCER_MARKS - 1)->unix_ms - mark_at(self, 0)->unix_ms;
    span_ms = span_ms > 0 ? span_ms : 0; /* the clock was set back */
    uint32_t kept = 1;
    for (uint32_t i = 1; i < PRODUCER_MARKS; i++) {
        bool goes = i + 1 < PRODUCER_MARKS &&
                    is_near(self, mark_at(self, kept - 1), mark_at(self, i + 1), span_ms);
        if (!goes) {
            *mark_at(self, kept++) = *mark_at(self, i);
        }
    }
    if (kept == PRODUCER_MARKS) { /* a clock that goes to and fro: any that go will do */
        for (kept = 0; kept < PRODUCER_MARKS / 2; kept++) {
            *mark_at(self, kept) = *mark_at(self, kept * 2);
        }
    }
    self->mark_count = kept;
}

static uint64_t
newest_marked(producer_core_t *self)
{
    return self->mark_count > 0 ? mark_at(self, self->mark_count - 1)->total : self->gone;
}

void
producer_mark(producer_core_t *self, uint64_t position, int64_t unix_ms)
{
    const struct producer_mark *last =
        self->mark_count > 0 ? mark_at(self, self->mark_count - 1) : NULL;
    uint64_t apart = self->settings.retained_max / MARKS_IN_RETAINED_MAX + 1;
    if (last != NULL && (position == last->position || (position < last->position + apart &&
                                                        unix_ms - MARK_MS < last->unix_ms))) {
        return;
    }
    if (self->mark_count == PRODUCER_MARKS) {
        thin_marks(self);
    }
    *mark_at(self, self->mark_count++) =
        (struct producer_mark){.position = position, .total = self->total, .unix_ms = unix_ms};
}

/* Everything below has been kept long enough. */
static uint64_t
retention_position(producer_core_t *self)
{
    uint64_t keep = 0;
    uint64_t wanted = self->settings.retained_max / 10 * 9; /* room before submits are BUSY */
    for (uint32_t i = 0; i < self->mark_count; i++) {
        const struct producer_mark *mark = mark_at(self, i);
        bool old = mark->unix_ms <= self->now_unix_ms - self->settings.retention_ms;
        bool surplus = self->total > wanted && mark->total <= self->total - wanted;
        if (!old && !surplus) {
            break;
        }
        keep = mark->position;
    }
    return keep;
}

/* Marks of what has gone; how many notifications that were. */
static void
drop_marks(producer_core_t *self)
{
    while (self->mark_count > 0 && mark_at(self, 0)->position <= log_first(self->log)) {
        self->gone = mark_at(self, 0)->total;
        self->mark_first = (self->mark_first + 1) % PRODUCER_MARKS;
        self->mark_count--;
    }
}

/* What may go, once everything that this follows from is durable: an end that a crash takes back
 * must find its notification still there. */
static void
plan_trim(producer_core_t *self, uint64_t keep, uint64_t open)
{
    uint64_t readers = peers_readers(self->peers);
    keep = open < keep ? open : keep;
    keep = readers + 1 < keep ? readers + 1 : keep;
    keep = self->checkpoint_at < keep ? self->checkpoint_at : keep;
    if (keep > log_first(self->log)) {
        self->trim_to = keep;
        self->trim_after = log_next(self->log) - 1;
    }
}

/* Of what has left our custody records may come however old it grows. */
static void
forget_heads(producer_core_t *self)
{
    uint64_t *kept = mem_array(self->moved.count, sizeof *kept);
    size_t count = 0;
    for (uint32_t i = 0; i < self->moved.count; i++) {
        struct producer_moved_entry moved;
        producer_moved_at(&self->moved, i, &moved);
        if (moved.key.position < self->expired) {
            kept[count++] = moved.key.position;
        }
    }
    producer_heads_forget(&self->heads, self->expired, kept, count);
    mem_free(kept);
}

static err_t
trim(producer_core_t *self, struct why *why)
{
    err_t rc = log_trim(self->log, self->trim_to, why);
    self->trim_to = 0;
    if (rc == ERR_OK && log_first(self->log) > self->expired) {
        self->expired = log_first(self->log);
        drop_marks(self);
        forget_heads(self);
    }
    return rc;
}

static void
look_around(producer_core_t *self, uint64_t keep)
{
    bool trims = keep > log_first(self->log);
    bool many = producer_held_is_worth(self);
    self->looked_ms = self->now_ms;
    producer_moved_expire(&self->moved, self->expired, EXPIRED_A_LOOK);
    bool told = self->held.looked_ms != 0 && self->now_ms < self->held.looked_ms + HELD_EVERY_MS;
    struct delivery_key open = {.position = 0};
    if (trims || (many && !told)) {
        open = producer_held_open(self); /* of all that is elsewhere: 8 ns for each */
    }
    if (trims) {
        plan_trim(self, keep, open.position);
    }
    if (!many || trims || !told) {
        producer_held_look(self, many ? &open : NULL);
    }
}

err_t
producer_retain(producer_core_t *self, struct why *why)
{
    if (self->trim_to != 0 && log_durable(self->log) >= self->trim_after) {
        err_t rc = trim(self, why);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    /* As if each delivery of a run had its own record: a restart handles each. */
    uint64_t since = log_next(self->log) - self->checkpoint_at + self->together;
    bool look = self->now_ms >= self->looked_ms + LOOK_EVERY_MS;
    uint64_t keep = look ? retention_position(self) : 0;
    uint64_t moved = self->moved.count * 2ULL;
    moved *= peers_short(self->peers) ? MOVED_SHORT_TIMES : 1; /* delivery/delivery_cost.c */
    /* A checkpoint of much that is open costs much: then it comes less often. What is to be trimmed
     * needs one behind it. */
    if ((since >= self->settings.checkpoint_records && since >= moved) ||
        (keep > self->checkpoint_at && since >= CHECKPOINT_LEAST_RECORDS)) {
        producer_checkpoint_write(self);
    }
    bool many =
        self->total - newest_marked(self) > self->settings.retained_max / MARKS_IN_RETAINED_MAX;
    if (look || many) {
        producer_mark(self, log_next(self->log), self->now_unix_ms);
    }
    if (look) {
        look_around(self, keep);
    }
    producer_held_tell(self);
    return ERR_OK;
}
