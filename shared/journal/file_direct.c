/*
 * Large blocks are written past the page cache (O_DIRECT). To copy them there, to find pages for
 * them and to write those back was a quarter of the producer's loop under full load; and a virtual
 * machine asks its host for pages that it has not used lately.
 *
 * Each such write waits for the disk. Of many blocks the system writes several at a time when they
 * are synced: they go through the cache. So does all while syncs are slow and made aside, for then
 * the loop is to wait for no disk.
 *
 * A block that is written so begins and ends with a page of the file. A large one ends with one
 * wherever it begins (log_block_fill), and the next is written so; what is small goes through the
 * cache. So no page has bytes that came in both ways at once, and none is read before it is
 * written.
 */
#define _GNU_SOURCE /* O_DIRECT */
#include "journal/file_store_private.h"

#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>

void
file_direct_close(struct file_store *self)
{
    if (self->direct_fd >= 0) {
        (void)self->ops->close(self->direct_fd); /* synced through the others */
        self->direct_fd = -1;
    }
}

void
file_direct_open(struct file_store *self)
{
    file_direct_close(self);
    if (!self->no_direct) {
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(file_store_active(self)->head.counter, name);
        self->direct_fd = file_io_open(self->ops, self->dir_fd, name, O_WRONLY | O_DIRECT, 0);
    }
}

static int
write_timed(struct file_store *self, const log_block_t *block, size_t size)
{
    int64_t start_ns = self->adaptive ? self->ops->now_ns() : 0;
    int rc = file_io_write(self->ops, self->direct_fd, block->bytes, size, self->offset);
    self->direct_ns += self->adaptive ? self->ops->now_ns() - start_ns : 0;
    return rc;
}

int
file_direct_write(struct file_store *self, const log_block_t *block, size_t size)
{
    bool large = size >= LOG_BLOCK_LARGE_BYTES; /* its memory begins a page then */
    if (large && self->direct_fd >= 0 && self->offset % LOG_BLOCK_PAGE_BYTES == 0) {
        int rc = write_timed(self, block, size);
        if (rc != -EINVAL && rc != -EOPNOTSUPP) {
            return rc;
        }
        self->no_direct = true; /* this file system cannot, though it opened it */
        file_direct_close(self);
    }
    return file_io_write(self->ops, self->fd, block->bytes, size, self->offset);
}
