#include "journal/file_store_private.h"

#include "journal/file_io.h"

void
file_write_open(struct file_store *self)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(file_store_active(self)->head.counter, name);
    file_direct_open(&self->direct, self->dir_fd, name);
}

/* Up to the end of the page, for what goes through the cache: the rest of a page that is not in
 * memory would have to be read from the disk first. What is behind a block is written over by the
 * next one, and until then zeros are as good as anything. A segment's blocks end with a page, so
 * that this is never a part of its foot.
 */
static size_t
page_rest(uint64_t end)
{
    return (size_t)((LOG_BLOCK_SLACK_BYTES - end % LOG_BLOCK_SLACK_BYTES) % LOG_BLOCK_SLACK_BYTES);
}

/* That a large block ends with a page; but what is kept for accepted work is not for that. */
static void
fill(struct file_store *self, log_block_t *block)
{
    uint64_t span = log_block_span_of(block->size);
    bool large = span >= LOG_BLOCK_LARGE_BYTES;
    bool has_room = large && file_room_now(self, false) >= span + LOG_BLOCK_PAGE_BYTES;
    log_block_fill(block, self->offset, has_room);
}

static bool
write_direct(struct file_store *self, const log_block_t *block, size_t span, int *rc)
{
    int64_t start_ns = self->adaptive ? self->ops->now_ns() : 0;
    if (file_direct_write(&self->direct, block->bytes, span, self->offset, rc) != ERR_OK) {
        return false;
    }
    self->direct_ns += self->adaptive ? self->ops->now_ns() - start_ns : 0;
    return true;
}

/*
 * Of many blocks the system writes several at a time when they are synced: they go through the
 * cache. So does what others are woken for, where it is small: there they find it. And so does all
 * while syncs are slow and made aside, or some still are, for then the loop is to wait for no disk.
 */
static bool
may_go_direct(const struct file_store *self, size_t span, unsigned flags)
{
    bool followed = (flags & LOG_STORE_FOLLOWED) != 0 && span < LOG_BLOCK_LARGE_BYTES;
    bool aside = self->syncs != NULL && sync_pool_busy(self->syncs);
    return (flags & LOG_STORE_BULK) == 0 && !followed && !aside && !file_append_is_slow(self);
}

int
file_write_block(struct file_store *self, log_block_t *block, unsigned flags)
{
    fill(self, block);
    segment_block_seal(&file_store_active(self)->head, self->offset, self->durable, block);
    size_t span = log_block_span(block);
    size_t rest = page_rest(self->offset + span);
    log_block_pad(block, rest);
    int rc = 0;
    if (may_go_direct(self, span, flags) && write_direct(self, block, span, &rc)) {
        return rc;
    }
    file_direct_passed(&self->direct, self->offset + span);
    return file_io_write(self->ops, self->fd, block->bytes, span + rest, self->offset);
}
