/*
 * Large blocks are written past the page cache (O_DIRECT). To copy them there, to find pages for
 * them and to write those back was a fifth of the producer's processor time under full load; and a
 * virtual machine asks its host for pages that it has not used lately.
 *
 * Each such write waits for the disk. Of many blocks the system writes several at a time when they
 * are synced: they go through the cache.
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

int
file_direct_write(struct file_store *self, const log_block_t *block, size_t size, unsigned flags)
{
    bool whole = (flags & LOG_STORE_BULK) == 0 && size >= LOG_BLOCK_LARGE_BYTES &&
                 size % LOG_BLOCK_PAGE_BYTES == 0 && self->offset % LOG_BLOCK_PAGE_BYTES == 0;
    int rc = -EINVAL;
    if (whole && self->direct_fd >= 0) {
        rc = file_io_write(self->ops, self->direct_fd, block->bytes, size, self->offset);
        if (rc == -EINVAL || rc == -EOPNOTSUPP) { /* this file system cannot, though it opened it */
            self->no_direct = true;
            file_direct_close(self);
        }
    }
    return rc == -EINVAL || rc == -EOPNOTSUPP
               ? file_io_write(self->ops, self->fd, block->bytes, size, self->offset)
               : rc;
}
