#include "journal/segment_set.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

void
segment_set_init(struct segment_set *self, const struct file_ops *ops, int dir_fd, const char *path)
{
    *self = (struct segment_set){.ops = ops, .dir_fd = dir_fd, .path = mem_text(path)};
    self->window = mem_alloc(SEGMENT_SET_WINDOW);
    self->window_want = SEGMENT_SET_WINDOW;
}

static void
segment_close(struct segment_set *self, struct segment *segment)
{
    if (segment->fd >= 0) {
        (void)self->ops->close(segment->fd); /* read only */
        segment->fd = -1;
    }
}

static void
segment_fini(struct segment_set *self, struct segment *segment)
{
    segment_close(self, segment);
    segment_index_fini(&segment->index);
}

void
segment_set_fini(struct segment_set *self)
{
    for (size_t i = 0; i < self->count; i++) {
        segment_fini(self, &self->items[i]);
    }
    mem_free(self->items);
    mem_free(self->leftovers);
    mem_free(self->window);
    mem_free(self->path);
    *self = (struct segment_set){.dir_fd = -1};
}

struct segment *
segment_set_add(struct segment_set *self, const struct segment_head *head, uint64_t inode)
{
    self->items = mem_resize(self->items, (self->count + 1) * sizeof *self->items);
    struct segment *segment = &self->items[self->count++];
    *segment = (struct segment){
        .head = *head,
        .end = SEGMENT_HEAD_BYTES,
        .inode = inode,
        .file_bytes = head->bytes,
        .fd = -1,
        .indexed_foot = true, /* a new one has none */
    };
    segment_index_init(&segment->index, head->first);
    return segment;
}

void
segment_set_drop(struct segment_set *self, size_t count)
{
    CHECK(count <= self->count);
    for (size_t i = 0; i < count; i++) {
        segment_fini(self, &self->items[i]);
    }
    self->count -= count;
    memmove(self->items, self->items + count, self->count * sizeof *self->items);
}

void
segment_set_extend(struct segment_set *self, size_t index, uint64_t end)
{
    CHECK(index < self->count);
    if (end > self->items[index].end) {
        self->items[index].end = end;
    }
}

size_t
segment_set_find(const struct segment_set *self, uint64_t position)
{
    CHECK(self->count > 0);
    size_t low = 0;
    size_t high = self->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (self->items[middle].head.first <= position) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t
segment_set_by_counter(const struct segment_set *self, uint64_t counter)
{
    for (size_t i = self->count; i > 0; i--) {
        if (self->items[i - 1].head.counter == counter) {
            return i - 1;
        }
    }
    return self->count;
}

bool
segment_set_present(const struct segment_set *self, const struct segment *segment)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(segment->head.counter, name);
    struct file_stat stat;
    return self->ops->stat_at(self->dir_fd, name, &stat) == 0 && stat.inode == segment->inode;
}

static void
close_oldest(struct segment_set *self, size_t keep)
{
    for (;;) {
        size_t open = 0;
        struct segment *oldest = NULL;
        for (size_t i = 0; i < self->count; i++) {
            struct segment *segment = &self->items[i];
            if (segment->fd >= 0) {
                open++;
                if (oldest == NULL || segment->used < oldest->used) {
                    oldest = segment;
                }
            }
        }
        if (open <= keep) {
            return;
        }
        segment_close(self, oldest);
    }
}

int
segment_set_open(struct segment_set *self, struct segment *segment)
{
    segment->used = ++self->clock;
    if (segment->fd >= 0) {
        return segment->fd;
    }
    close_oldest(self, SEGMENT_SET_OPEN_MAX - 1);
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(segment->head.counter, name);
    int fd = file_io_open(self->ops, self->dir_fd, name, O_RDONLY, 0);
    if (fd == -EMFILE || fd == -ENFILE) {
        close_oldest(self, 0);
        fd = file_io_open(self->ops, self->dir_fd, name, O_RDONLY, 0);
    }
    if (fd < 0) {
        return fd;
    }
    struct file_stat stat;
    int rc = self->ops->stat(fd, &stat);
    if (rc == 0 && stat.inode != segment->inode) {
        rc = -ENOENT; /* another file has the name now: the one that we know is gone */
    }
    if (rc != 0) {
        (void)self->ops->close(fd); /* read only */
        return rc;
    }
    segment->fd = fd;
    return fd;
}

/* Reading has no bound that the caller could wait for: a lack of descriptors is a read error. */
static err_t
read_failed(const struct segment_set *self, int negative_errno, const char *what, const char *name,
            struct why *why)
{
    err_t rc = file_io_failed(why, negative_errno, what, self->path, name);
    return rc == ERR_FULL ? ERR_IO : rc;
}

/* Have `size` bytes from this offset, below the segment's end, in the window; window_at has them.
 */
static err_t
window_load(struct segment_set *self, struct segment *segment, uint64_t offset, size_t size,
            struct why *why)
{
    CHECK(offset + size <= segment->end && size <= self->window_want);
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(segment->head.counter, name);
    if (self->window_counter != segment->head.counter || offset < self->window_offset ||
        offset + size > self->window_offset + self->window_size) {
        int fd = segment_set_open(self, segment);
        if (fd < 0) {
            return read_failed(self, fd, "cannot open", name, why);
        }
        /* Never beyond the end: what is there may still change, and the window would be stale. */
        uint64_t left = segment->end - offset;
        size_t want = left < self->window_want ? (size_t)left : self->window_want;
        self->window_counter = 0;
        int64_t count = file_io_read(self->ops, fd, self->window, want, offset);
        if (count < 0 && size < want) {
            /* More is read than was asked for, and what cannot be read may be in the rest. */
            count = file_io_read(self->ops, fd, self->window, size, offset);
        }
        if (count < 0) {
            return read_failed(self, (int)count, "cannot read", name, why);
        }
        if ((size_t)count < size) {
            return why_set(why, ERR_CORRUPT,
                           "%s/%s ends at offset %llu, in the middle of its content", self->path,
                           name, (unsigned long long)(offset + (uint64_t)count));
        }
        self->window_counter = segment->head.counter;
        self->window_offset = offset;
        self->window_size = (size_t)count;
    }
    return ERR_OK;
}

static const uint8_t *
window_at(const struct segment_set *self, uint64_t offset)
{
    return self->window + (offset - self->window_offset);
}

static err_t
damaged(const struct segment_set *self, const struct segment *segment, uint64_t offset,
        const char *what, struct why *why)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(segment->head.counter, name);
    return why_set(why, ERR_CORRUPT, "%s/%s is damaged at offset %llu: %s", self->path, name,
                   (unsigned long long)offset, what);
}

/* Whether a block is read through the window, and so others with it. The next one is probably of
 * this size. */
static bool
fits(const struct segment_block *block)
{
    return LOG_BLOCK_HEAD_BYTES + block->size <= SEGMENT_SET_WINDOW / 2;
}

err_t
segment_set_peek(struct segment_set *self, struct segment *segment, uint64_t offset,
                 struct segment_block *block, struct why *why)
{
    if (offset + LOG_BLOCK_HEAD_BYTES > segment->end) {
        return damaged(self, segment, offset, "the content ends in the middle of a block", why);
    }
    err_t rc = window_load(self, segment, offset, LOG_BLOCK_HEAD_BYTES, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (!segment_block_decode(&segment->head, offset, window_at(self, offset), block)) {
        return damaged(self, segment, offset, "no valid block header", why);
    }
    if (offset + log_block_span_of(block->size) > segment->end) {
        return damaged(self, segment, offset, "the block reaches beyond the content's end", why);
    }
    self->window_want = fits(block) ? SEGMENT_SET_WINDOW : SEGMENT_SET_GLANCE;
    return ERR_OK;
}

err_t
segment_set_block(struct segment_set *self, struct segment *segment, uint64_t offset,
                  log_block_t **block_p, struct why *why)
{
    struct segment_block head;
    err_t rc = segment_set_peek(self, segment, offset, &head, why);
    if (rc != ERR_OK) {
        return rc;
    }
    log_block_t *block = log_block_new(head.first, head.size);
    size_t need = LOG_BLOCK_HEAD_BYTES + head.size;
    if (fits(&head)) {
        rc = window_load(self, segment, offset, need, why);
        if (rc == ERR_OK) {
            memcpy(block->bytes, window_at(self, offset), need);
        }
    } else {
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(segment->head.counter, name);
        int fd = segment_set_open(self, segment);
        int64_t count = fd < 0 ? fd : file_io_read(self->ops, fd, block->bytes, need, offset);
        if (count < 0) {
            rc = read_failed(self, (int)count, "cannot read", name, why);
        } else if ((size_t)count < need) {
            rc = damaged(self, segment, offset, "the file ends in the middle of a block", why);
        }
    }
    if (rc == ERR_OK && (!segment_block_check(&segment->head, offset, block->bytes, &head) ||
                         !segment_block_records_ok(&head, block->bytes + LOG_BLOCK_HEAD_BYTES))) {
        rc = damaged(self, segment, offset, "the block's checksum is wrong", why);
    }
    if (rc != ERR_OK) {
        log_block_release(&block);
        return rc;
    }
    block->size = head.size;
    block->count = head.count;
    block->kinds = head.kinds;
    *block_p = block;
    return ERR_OK;
}

/* Use the footer of a segment that has a successor, if it has a valid one. */
static void
index_from_foot(struct segment_set *self, struct segment *segment)
{
    segment->indexed_foot = true;
    uint64_t at = segment_data_end(segment->head.bytes);
    size_t size = (size_t)segment_foot_bytes(segment->head.bytes);
    int fd = segment->file_bytes < segment->head.bytes ? -1 : segment_set_open(self, segment);
    if (fd < 0) {
        return;
    }
    uint8_t *foot = mem_alloc(size);
    uint32_t count;
    if (file_io_read(self->ops, fd, foot, size, at) == (int64_t)size) {
        struct segment_mark *marks =
            segment_foot_decode(&segment->head, segment->end, foot, &count);
        if (marks != NULL) {
            segment_index_adopt(&segment->index, marks, count, segment->end,
                                segment[1].head.first - 1);
        }
    }
    mem_free(foot);
}

err_t
segment_set_index(struct segment_set *self, struct segment *segment, struct why *why)
{
    bool sealed = segment != &self->items[self->count - 1];
    if (sealed && !segment->indexed_foot && (segment->index.count == 0 || segment->index.coarse)) {
        index_from_foot(self, segment);
    }
    struct segment_index *index = &segment->index;
    while (index->next_offset < segment->end) {
        struct segment_block block;
        err_t rc = segment_set_peek(self, segment, index->next_offset, &block, why);
        if (rc != ERR_OK) {
            return rc;
        }
        if (block.first != index->next_position) {
            return damaged(self, segment, index->next_offset, "a block is missing before this one",
                           why);
        }
        segment_index_add(index, &block);
    }
    return ERR_OK;
}
