/*
 * Files of keys: opened without following a link, and refused unless nobody else could have read
 * or written what must not be read or written.
 */
#ifndef HERALD_SEAL_SEAL_FILE_H
#define HERALD_SEAL_SEAL_FILE_H

#include "base/why.h"

#include <stddef.h>
#include <stdint.h>

enum seal_file_kind {
    SEAL_FILE_SECRET, /* mode 0400 */
    SEAL_FILE_PUBLIC, /* not writable by group or others */
};

/* Room for a file, and how much of it the file has taken. */
struct seal_content {
    uint8_t *bytes; /* the caller's */
    size_t room;
    size_t size;
};

/*
 * Read a whole file.
 *
 * ERR_NOT_FOUND  it is not there
 * ERR_DENIED     a link, no regular file, another owner than this user (or root), or another mode;
 *                why names the file and the reason
 * ERR_INVALID    longer than there is room
 * ERR_FULL       no descriptor is left
 * ERR_IO
 */
err_t seal_file_read(const char *path, enum seal_file_kind kind, struct seal_content *content,
                     struct why *why);

/*
 * Make a file whose content is synced before its name is there.
 *
 * ERR_CONFLICT   it is there already, and stays as it is
 * ERR_DENIED, ERR_IO
 */
err_t seal_file_make(const char *path, enum seal_file_kind kind, const void *bytes, size_t size,
                     struct why *why);

#endif
