#define _GNU_SOURCE /* O_DIRECT */
#include "journal/file_direct.h"

#include "journal/file_io.h"
#include "journal/log_block_private.h"

#include <errno.h>
#include <fcntl.h>

void
file_direct_init(struct file_direct *self, const struct file_ops *ops)
{
    *self = (struct file_direct){.ops = ops, .fd = -1, .align = LOG_BLOCK_ALIGN};
}

void
file_direct_close(struct file_direct *self)
{
    if (self->fd >= 0) {
        (void)self->ops->close(self->fd); /* synced through the others */
        self->fd = -1;
    }
    self->cached_end = 0;
}

void
file_direct_open(struct file_direct *self, int dir_fd, const char *name)
{
    file_direct_close(self);
    if (self->align != 0) {
        self->fd = file_io_open(self->ops, dir_fd, name, O_WRONLY | O_DIRECT, 0);
    }
}

static bool
is_aligned(const uint8_t *bytes, size_t span, uint64_t offset, uint64_t align)
{
    return ((uintptr_t)bytes | span | offset) % align == 0;
}

err_t
file_direct_write(struct file_direct *self, const uint8_t *bytes, size_t span, uint64_t offset,
                  int *rc)
{
    if (self->fd < 0 || offset < self->cached_end ||
        !is_aligned(bytes, span, offset, self->align)) {
        return ERR_AGAIN;
    }
    *rc = file_io_write(self->ops, self->fd, bytes, span, offset);
    if (*rc != -EINVAL && *rc != -EOPNOTSUPP) {
        return ERR_OK;
    }
    if (is_aligned(bytes, span, offset, LOG_BLOCK_PAGE_BYTES)) {
        self->align = 0; /* not in this file system, though it opened it */
        file_direct_close(self);
    } else {
        self->align = LOG_BLOCK_PAGE_BYTES; /* or not at all */
    }
    return ERR_AGAIN;
}

void
file_direct_passed(struct file_direct *self, uint64_t end)
{
    self->cached_end =
        (end + LOG_BLOCK_PAGE_BYTES - 1) / LOG_BLOCK_PAGE_BYTES * LOG_BLOCK_PAGE_BYTES;
}
