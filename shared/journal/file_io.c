#include "journal/file_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int64_t
file_io_read(const struct file_ops *ops, int fd, void *to, size_t size, uint64_t offset)
{
    uint8_t *next = to;
    size_t got = 0;
    while (got < size) {
        int64_t count = ops->pread(fd, next + got, size - got, offset + got);
        if (count == 0) {
            break;
        }
        if (count > 0) {
            got += (size_t)count;
        } else if (count != -EINTR && count != -EAGAIN) {
            return count;
        }
    }
    return (int64_t)got;
}

int
file_io_write(const struct file_ops *ops, int fd, const void *from, size_t size, uint64_t offset)
{
    const uint8_t *next = from;
    size_t put = 0;
    while (put < size) {
        int64_t count = ops->pwrite(fd, next + put, size - put, offset + put);
        if (count == 0) {
            return -EIO; /* no error and no progress: nothing that waiting would mend */
        }
        if (count > 0) {
            put += (size_t)count;
        } else if (count != -EINTR && count != -EAGAIN) {
            return (int)count;
        }
    }
    return 0;
}

int
file_io_open(const struct file_ops *ops, int dir_fd, const char *name, int flags, unsigned mode)
{
    int fd;
    do {
        fd = ops->open(dir_fd, name, flags, mode);
    } while (fd == -EINTR);
    return fd;
}

err_t
file_io_err(int negative_errno)
{
    switch (-negative_errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
        return ERR_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}

err_t
file_io_failed(struct why *why, int negative_errno, const char *what, const char *path,
               const char *name)
{
    char text[128];
    if (strerror_r(-negative_errno, text, sizeof text) != 0) {
        (void)snprintf(text, sizeof text, "error %d", -negative_errno);
    }
    return why_set(why, file_io_err(negative_errno), "%s %s%s%s: %s", what, path,
                   name == NULL ? "" : "/", name == NULL ? "" : name, text);
}
