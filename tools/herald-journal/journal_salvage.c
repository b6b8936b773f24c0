/*
 * salvage: copy every sound block of a damaged log into a new one, positions unchanged. Where
 * records are missing, records of kind LOST take their positions, so that what follows keeps its
 * numbers and nobody mistakes the end of the log for an earlier one.
 */
#include "salvage_writer.h"

#include "base/mem.h"
#include "journal/segment_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What another log has read of this one is not that far beyond what is left of it, but for a
 * mistyped number, which would fill the disk: two bytes for each. */
#define UP_TO_BEYOND_MAX 100000000U

struct salvage {
    struct journal_place place;
    struct salvage_writer writer;
    uint64_t last; /* position copied last */
    uint64_t lost; /* positions given to LOST records */
    uint64_t copied;
    uint64_t damaged; /* stretches and files */
};

static void
report(struct salvage *self, uint64_t counter, const char *what)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(counter, name);
    (void)printf("DAMAGED %s/%s: %s\n", self->place.path, name, what);
    self->damaged++;
}

/* The heads that can be read, as a set without index: the chain may be broken. */
static err_t
read_heads(struct salvage *self, struct why *why)
{
    uint64_t *counters = NULL;
    size_t count = 0;
    struct segment_set *set = &self->place.set;
    err_t rc = segment_chain_list(set, &counters, &count, why);
    for (size_t i = 0; rc == ERR_OK && i < count; i++) {
        struct segment_head head;
        struct file_stat stat;
        rc = segment_chain_head(set, counters[i], &head, &stat, why);
        if (rc == ERR_CORRUPT || rc == ERR_IO) {
            report(self, counters[i],
                   rc == ERR_IO ? "its header cannot be read; all in it is lost"
                                : "its header; all in it is lost");
            rc = ERR_OK;
        } else if (rc == ERR_OK && set->count > 0 &&
                   memcmp(head.identity, set->items[0].head.identity, 16) != 0) {
            report(self, counters[i], "it belongs to another log");
        } else if (rc == ERR_OK) {
            struct segment *segment = segment_set_add(set, &head, stat.inode);
            uint64_t data_end = segment_data_end(head.bytes);
            segment->file_bytes = stat.bytes;
            segment->end = stat.bytes < data_end ? stat.bytes : data_end;
        }
    }
    mem_free(counters);
    return rc;
}

/* Where a successor says that its predecessor ends, nothing behind that was ever acknowledged.
 * Returns false for a segment that recovery had superseded. */
static bool
limit(struct segment_set *set, size_t index, bool *known)
{
    *known = false;
    if (index + 1 == set->count) {
        return true;
    }
    struct segment *segment = &set->items[index];
    const struct segment_head *next = &segment[1].head;
    if (next->previous == segment->head.counter) {
        *known = true;
        segment->end = next->previous_end < segment->end ? next->previous_end : segment->end;
    }
    return next->previous >= segment->head.counter;
}

static err_t
fill(struct salvage *self, uint64_t last, struct why *why)
{
    if (last <= self->last) {
        return ERR_OK;
    }
    (void)printf("LOST positions %" PRIu64 " to %" PRIu64 "\n", self->last + 1, last);
    self->lost += last - self->last;
    err_t rc = salvage_writer_lost(&self->writer, last, why);
    self->last = last;
    return rc;
}

static err_t
take(struct salvage *self, log_block_t *block, struct why *why)
{
    uint64_t first = log_block_first(block);
    err_t rc = fill(self, first - 1, why);
    if (rc == ERR_OK && first == self->last + 1) { /* else a copy of what is there already */
        rc = salvage_writer_block(&self->writer, block, why);
        self->last += log_block_count(block);
        self->copied += log_block_count(block);
    }
    return rc;
}

/* What holds no sound block, of one segment. */
struct stretch {
    uint64_t from;          /* offset; 0: none has begun */
    uint64_t unreadable_to; /* offset behind the last of it that cannot be read; 0: it all can */
};

static void
report_stretch(struct salvage *self, uint64_t counter, struct stretch *stretch, uint64_t to)
{
    if (stretch->from != 0) {
        char what[96];
        (void)snprintf(what, sizeof what, "offset %" PRIu64 " to %" PRIu64 "%s", stretch->from, to,
                       stretch->unreadable_to != 0 ? ", not all of it can be read" : "");
        report(self, counter, what);
    }
    *stretch = (struct stretch){0};
}

static err_t
take_segment(struct salvage *self, size_t index, struct why *why)
{
    struct segment_set *set = &self->place.set;
    struct segment *segment = &set->items[index];
    bool known;
    if (!limit(set, index, &known)) {
        return ERR_OK;
    }
    struct stretch bad = {0};
    uint64_t offset = SEGMENT_HEAD_BYTES;
    while (offset + LOG_BLOCK_ALIGN <= segment->end) {
        log_block_t *block = NULL;
        err_t rc = segment_set_block(set, segment, offset, &block, why);
        if (rc == ERR_OK) {
            report_stretch(self, segment->head.counter, &bad, offset);
            offset += log_block_span(block);
            rc = take(self, block, why);
            log_block_release(&block);
            if (rc != ERR_OK) {
                return rc;
            }
        } else if (rc == ERR_CORRUPT || rc == ERR_IO) {
            bad.from = bad.from == 0 ? offset : bad.from;
            offset += LOG_BLOCK_ALIGN;
            bad.unreadable_to = rc == ERR_IO ? offset : bad.unreadable_to;
        } else {
            return rc;
        }
    }
    /* Nobody knows where the newest one ends: behind its last block is what was never written. */
    uint64_t end = known ? segment->end : bad.unreadable_to;
    if (end != 0) {
        report_stretch(self, segment->head.counter, &bad, end);
    }
    return ERR_OK;
}

/* Before anything is written; what is in the newest segment is not read for it. */
static err_t
check_up_to(const struct salvage *self, uint64_t up_to, struct why *why)
{
    const struct segment_set *set = &self->place.set;
    uint64_t known = set->items[set->count - 1].head.first - 1;
    if (self->place.claimed && self->place.claim.durable > known) {
        known = self->place.claim.durable;
    }
    if (up_to <= known || up_to - known <= UP_TO_BEYOND_MAX) {
        return ERR_OK;
    }
    return why_set(why, ERR_INVALID,
                   "--up-to %" PRIu64 " is more than %u positions beyond %" PRIu64
                   ", up to where %s is known: is it the position that the service names?",
                   up_to, UP_TO_BEYOND_MAX, known, self->place.path);
}

static err_t
salvage(struct salvage *self, const struct journal_command *command, struct why *why)
{
    err_t rc = read_heads(self, why);
    const struct segment_set *set = &self->place.set;
    if (rc == ERR_OK && set->count == 0) {
        return why_set(why, ERR_NOT_FOUND, "%s holds no segment with a sound header",
                       self->place.path);
    }
    rc = rc == ERR_OK ? check_up_to(self, command->up_to, why) : rc;
    if (rc == ERR_OK) {
        struct segment_head like = set->items[set->count - 1].head;
        like.run = self->place.claimed && self->place.claim.run > like.run ? self->place.claim.run
                                                                           : like.run;
        rc = salvage_writer_open(&self->writer, command->into, &like, why);
    }
    if (rc == ERR_OK) {
        /* What is below the oldest header cannot be told from what was trimmed. */
        self->last = set->items[0].head.first - 1;
        rc = salvage_writer_begin(&self->writer, self->last + 1, why);
    }
    for (size_t i = 0; rc == ERR_OK && i < set->count; i++) {
        rc = take_segment(self, i, why);
    }
    if (rc == ERR_OK) {
        uint64_t claimed = self->place.claimed ? self->place.claim.durable : 0;
        rc = fill(self, command->up_to > claimed ? command->up_to : claimed, why);
    }
    return rc == ERR_OK ? salvage_writer_finish(&self->writer, why) : rc;
}

int
journal_salvage_run(const struct journal_command *command)
{
    if (command->into == NULL) {
        (void)fprintf(stderr, "herald-journal: salvage needs --into DIRECTORY\n");
        return JOURNAL_USAGE;
    }
    struct salvage self = {.writer = {.dir_fd = -1}};
    struct why why = {{0}};
    err_t rc = journal_place_open(&self.place, command, &why);
    if (rc == ERR_IO && self.place.dir_fd >= 0) {
        (void)printf("DAMAGED %s/" POSITION_FILE_NAME ": it cannot be read\n", self.place.path);
        self.damaged++;
        rc = ERR_OK; /* as after a power cut that took it: without its claim */
    }
    if (rc == ERR_OK) {
        rc = salvage(&self, command, &why);
    }
    if (rc == ERR_OK) {
        (void)printf("copied %" PRIu64 " records into %s/%s, up to position %" PRIu64
                     "; lost %" PRIu64 "\n",
                     self.copied, command->into, command->name, self.last, self.lost);
    } else {
        (void)fprintf(stderr, "herald-journal: %s\n", why.text);
    }
    salvage_writer_close(&self.writer);
    journal_place_close(&self.place);
    bool whole = self.lost == 0 && self.damaged == 0;
    if (rc == ERR_OK) {
        return whole ? JOURNAL_SOUND : JOURNAL_DAMAGED;
    }
    return rc == ERR_INVALID ? JOURNAL_USAGE : journal_place_exit(rc);
}
