/*
 * Whole reads and writes over the table of file operations: interrupted and short calls go on, and
 * an errno becomes the err_t that says what to do.
 */
#ifndef HERALD_JOURNAL_FILE_IO_H
#define HERALD_JOURNAL_FILE_IO_H

#include "base/why.h"
#include "journal/file_ops.h"

/*
 * Read until `size` bytes are there or the file ends.
 *
 * Returns the count, smaller than size only at the end of the file, or a negative errno: a read
 * error is never the end.
 */
int64_t file_io_read(const struct file_ops *ops, int fd, void *to, size_t size, uint64_t offset);

/* Write all of it. 0 or a negative errno; then a part may be in the file. */
int file_io_write(const struct file_ops *ops, int fd, const void *from, size_t size,
                  uint64_t offset);

/* Open and sync that go on after EINTR (Linux repeats neither by itself on every file system). */
int file_io_open(const struct file_ops *ops, int dir_fd, const char *name, int flags,
                 unsigned mode);

/* ERR_FULL for a disk, quota or descriptor limit; ERR_DENIED for permissions; else ERR_IO. */
err_t file_io_err(int negative_errno);

/* The same, with the sentence "WHAT PATH/NAME: strerror"; name may be NULL. */
err_t file_io_failed(struct why *why, int negative_errno, const char *what, const char *path,
                     const char *name);

#endif
