#include "journal/file_store_private.h"

#include "base/check.h"
#include "journal/segment_chain.h"

/* What a search found. */
struct place {
    size_t segment;
    uint64_t offset;
    bool found;
};

static log_block_t *
recent_at(const struct file_store *self, size_t index)
{
    return self->recent[(self->recent_first + index) % FILE_STORE_RECENT_MAX];
}

static void
forget_oldest(struct file_store *self)
{
    log_block_t **oldest = &self->recent[self->recent_first];
    self->recent_bytes -= log_block_memory(*oldest);
    log_block_release(oldest);
    self->recent_first = (self->recent_first + 1) % FILE_STORE_RECENT_MAX;
    self->recent_count--;
}

void
file_read_remember(struct file_store *self, log_block_t *block)
{
    size_t bytes = log_block_memory(block);
    while (self->recent_count == FILE_STORE_RECENT_MAX ||
           (self->recent_count > 0 && self->recent_bytes + bytes > self->recent_limit)) {
        forget_oldest(self);
    }
    size_t at = (self->recent_first + self->recent_count) % FILE_STORE_RECENT_MAX;
    self->recent[at] = log_block_hold(block);
    self->recent_count++;
    self->recent_bytes += bytes;
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        if ((block->kinds >> kind & 1) != 0) {
            self->newest[kind] = log_block_last(block);
        }
    }
}

void
file_read_forget(struct file_store *self)
{
    while (self->recent_count > 0) {
        forget_oldest(self);
    }
}

/* The first recent block that ends at or after `from`, of recent_count when there is none. */
static size_t
recent_find(const struct file_store *self, uint64_t from)
{
    size_t low = 0;
    size_t high = self->recent_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log_block_last(recent_at(self, middle)) < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static err_t
forward_recent(const struct file_store *self, uint64_t from, uint32_t kinds, log_block_t **block_p)
{
    for (size_t i = recent_find(self, from); i < self->recent_count; i++) {
        log_block_t *block = recent_at(self, i);
        if (block->first > self->durable) {
            break;
        }
        if ((block->kinds & kinds) != 0) {
            *block_p = log_block_hold(block);
            return ERR_OK;
        }
    }
    return ERR_AGAIN;
}

/* Whether no durable record from there on is of these kinds: known without a look at one. */
static bool
has_none(const struct file_store *self, uint64_t from, uint32_t kinds)
{
    uint64_t newest = 0;
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        if ((kinds >> kind & 1) != 0 && self->newest[kind] > newest) {
            newest = self->newest[kind];
        }
    }
    return newest < from;
}

/* There is nothing for the reader up to the durable end, and a follower will ask from behind it.
 * What lies before that is in its index without a look at it, unless the claim cannot be true. The
 * owner's index has it already, and the hint there is for who catches up. */
static err_t
come_back(struct file_store *self)
{
    size_t at = segment_set_by_counter(&self->set, self->durable_counter);
    if (self->lock_fd >= 0 || at == self->set.count ||
        self->durable_offset > segment_data_end(self->set.items[at].head.bytes)) {
        return ERR_AGAIN;
    }
    self->hint_position = self->durable + 1;
    self->hint_counter = self->durable_counter;
    self->hint_offset = self->durable_offset;
    struct segment_index *index = &self->set.items[at].index;
    if (index->next_offset < self->hint_offset && index->next_position < self->hint_position) {
        segment_index_pass(index, self->hint_offset, self->hint_position);
    }
    return ERR_AGAIN;
}

/* Walk the block headers from `offset` up to `stop`. */
static err_t
forward_blocks(struct file_store *self, struct place *place, uint64_t stop, uint64_t from,
               uint32_t kinds)
{
    struct segment *segment = &self->set.items[place->segment];
    while (place->offset < stop) {
        struct segment_block block;
        err_t rc = segment_set_peek(&self->set, segment, place->offset, &block, NULL);
        if (rc != ERR_OK || block.first > self->durable) {
            return rc;
        }
        if (block.first + block.count > from && (block.kinds & kinds) != 0) {
            place->found = true;
            return ERR_OK;
        }
        place->offset += log_block_span_of(block.size);
    }
    return ERR_OK;
}

static err_t
forward_segment(struct file_store *self, struct place *place, uint64_t from, uint32_t kinds,
                struct why *why)
{
    struct segment *segment = &self->set.items[place->segment];
    err_t rc = segment_set_index(&self->set, segment, why);
    if (rc != ERR_OK || (segment->index.kinds & kinds) == 0) {
        return rc;
    }
    const struct segment_index *index = &segment->index;
    for (uint32_t i = segment_index_find(index, from); i < index->count && !place->found; i++) {
        if ((index->marks[i].kinds & kinds) == 0) {
            continue;
        }
        bool last = i + 1 == index->count;
        uint64_t stop = last ? segment->end : index->marks[i + 1].offset;
        place->offset = index->marks[i].offset;
        /* In the chunk where `from` begins; a later one begins behind the hint. */
        if (from == self->hint_position && segment->head.counter == self->hint_counter &&
            self->hint_offset > place->offset) {
            place->offset = self->hint_offset;
        }
        rc = forward_blocks(self, place, stop, from, kinds);
        if (rc != ERR_OK) {
            /* Again, for the sentence: peeking does not need one on the way. That it can be read
             * now does not help: what stands behind it was not looked at. */
            struct segment_block block;
            err_t again = segment_set_peek(&self->set, segment, place->offset, &block, why);
            return again != ERR_OK ? again
                                   : why_set(why, rc, "%s: a read failed at offset %llu",
                                             self->path, (unsigned long long)place->offset);
        }
    }
    return ERR_OK;
}

static err_t
take_block(struct file_store *self, const struct place *place, log_block_t **block_p,
           struct why *why)
{
    struct segment *segment = &self->set.items[place->segment];
    err_t rc = segment_set_block(&self->set, segment, place->offset, block_p, why);
    if (rc == ERR_OK) {
        self->hint_position = log_block_last(*block_p) + 1;
        self->hint_counter = segment->head.counter;
        self->hint_offset = place->offset + log_block_span(*block_p);
    }
    return rc;
}

static err_t
forward_files(struct file_store *self, uint64_t from, uint32_t kinds, log_block_t **block_p,
              struct why *why)
{
    struct place place = {.segment = segment_set_find(&self->set, from)};
    for (; place.segment < self->set.count; place.segment++) {
        if (self->set.items[place.segment].head.first > self->durable) {
            break;
        }
        err_t rc = forward_segment(self, &place, from, kinds, why);
        if (rc != ERR_OK) {
            return rc;
        }
        if (place.found) {
            return take_block(self, &place, block_p, why);
        }
    }
    return come_back(self);
}

/*
 * A follower's read that fails may have met a segment that its owner has trimmed away, and perhaps
 * used again, in the meantime. True when so: then the set is up to date, and reading goes on. A set
 * that cannot be brought up to date is why the read fails.
 */
static bool
trimmed_meanwhile(struct file_store *self, err_t *rc, struct why *why)
{
    if ((*rc != ERR_CORRUPT && *rc != ERR_IO) || self->lock_fd >= 0) {
        return false;
    }
    CHECK(self->set.count > 0); /* something of it was read */
    if (segment_set_present(&self->set, &self->set.items[0])) {
        return false;
    }
    uint64_t before = self->set.items[0].head.counter;
    err_t loaded = segment_chain_load(&self->set, why);
    if (loaded != ERR_OK) {
        *rc = loaded;
        return false;
    }
    return self->set.count > 0 && self->set.items[0].head.counter != before;
}

err_t
file_read_forward(struct file_store *self, uint64_t from, uint32_t kinds, log_block_t **block_p,
                  struct why *why)
{
    for (;;) {
        if (self->set.count == 0) {
            return ERR_AGAIN;
        }
        if (from < self->set.items[0].head.first) {
            return why_set(why, ERR_NOT_FOUND,
                           "%s: position %llu was trimmed away; the oldest "
                           "kept is %llu",
                           self->path, (unsigned long long)from,
                           (unsigned long long)self->set.items[0].head.first);
        }
        if (from > self->durable) {
            return ERR_AGAIN;
        }
        if (has_none(self, from, kinds)) {
            return come_back(self);
        }
        if (self->recent_count > 0 && from >= recent_at(self, 0)->first) {
            return forward_recent(self, from, kinds, block_p);
        }
        err_t rc = forward_files(self, from, kinds, block_p, why);
        if (!trimmed_meanwhile(self, &rc, why)) {
            return rc;
        }
    }
}

/* Which block is looked for: the last one that begins up to here and has one of these kinds. */
struct wanted {
    uint64_t up_to;
    uint32_t kinds;
};

/* The last block of the mark's chunk that fits. */
static err_t
back_chunk(struct file_store *self, struct place *place, uint64_t stop, const struct wanted *wanted,
           struct why *why)
{
    struct segment *segment = &self->set.items[place->segment];
    for (uint64_t offset = place->offset; offset < stop;) {
        struct segment_block block;
        err_t rc = segment_set_peek(&self->set, segment, offset, &block, why);
        if (rc != ERR_OK) {
            return rc;
        }
        if (block.first > wanted->up_to) {
            break;
        }
        if ((block.kinds & wanted->kinds) != 0) {
            place->found = true;
            place->offset = offset;
        }
        offset += log_block_span_of(block.size);
    }
    return ERR_OK;
}

static err_t
back_files(struct file_store *self, const struct wanted *wanted, log_block_t **block_p,
           struct why *why)
{
    for (size_t s = self->set.count; s > 0; s--) {
        struct segment *segment = &self->set.items[s - 1];
        if (segment->head.first > wanted->up_to) {
            continue;
        }
        err_t rc = segment_set_index(&self->set, segment, why);
        if (rc != ERR_OK) {
            return rc;
        }
        const struct segment_index *index = &segment->index;
        uint32_t i =
            (index->kinds & wanted->kinds) == 0 ? 0 : segment_index_find(index, wanted->up_to) + 1;
        for (; i > 0; i--) {
            if ((index->marks[i - 1].kinds & wanted->kinds) == 0) {
                continue;
            }
            uint64_t stop = i == index->count ? segment->end : index->marks[i].offset;
            struct place place = {.segment = s - 1, .offset = index->marks[i - 1].offset};
            rc = back_chunk(self, &place, stop, wanted, why);
            if (rc != ERR_OK || place.found) {
                return rc == ERR_OK ? take_block(self, &place, block_p, why) : rc;
            }
        }
    }
    return why_set(why, ERR_NOT_FOUND, "%s: no such record", self->path);
}

err_t
file_read_back(struct file_store *self, uint64_t up_to, uint32_t kinds, log_block_t **block_p,
               struct why *why)
{
    up_to = up_to > self->durable ? self->durable : up_to;
    for (;;) {
        for (size_t i = self->recent_count; i > 0; i--) {
            log_block_t *block = recent_at(self, i - 1);
            if (block->first <= up_to && (block->kinds & kinds) != 0) {
                *block_p = log_block_hold(block);
                return ERR_OK;
            }
        }
        if (self->recent_count > 0 && recent_at(self, 0)->first <= up_to) {
            up_to = recent_at(self, 0)->first - 1;
        }
        const struct wanted wanted = {.up_to = up_to, .kinds = kinds};
        err_t rc = back_files(self, &wanted, block_p, why);
        if (!trimmed_meanwhile(self, &rc, why)) {
            return rc;
        }
    }
}
