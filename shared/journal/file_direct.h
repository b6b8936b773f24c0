/*
 * Writing past the page cache (O_DIRECT). Private to the file store.
 *
 * To copy blocks into the cache, to find pages for them and to write those back was a quarter of
 * the producer's loop under full load, and of a lone notification's sync a twentieth; and a virtual
 * machine asks its host for pages that it has not used lately.
 *
 * A block is written from where it lies, and nothing before or behind it: so no sector that holds
 * acknowledged bytes is given to the disk again. Where the disk's sectors are of 4 KiB only large
 * blocks can be, which begin and end with a page (log_block_fill). What begins in a page that went
 * through the cache does so too, or the page would be dropped from there while others read it; what
 * goes through the cache and begins in a page that is not in there has it read first. Readers that
 * go through the cache see what was written past it: Linux drops the pages that it overtakes.
 *
 * Each such write waits for the disk.
 */
#ifndef HERALD_JOURNAL_FILE_DIRECT_H
#define HERALD_JOURNAL_FILE_DIRECT_H

#include "base/err.h"
#include "journal/file_ops.h"

struct file_direct {
    const struct file_ops *ops; /* borrowed */
    int fd;                     /* owned; below 0: nothing is written so */
    uint64_t align;             /* of memory, size and offset, in bytes; 0: it cannot be */
    uint64_t cached_end;        /* of the last page that went through the cache */
};

void file_direct_init(struct file_direct *self, const struct file_ops *ops);

/* Go on in this file. That it cannot be opened so is no error. */
void file_direct_open(struct file_direct *self, int dir_fd, const char *name);
void file_direct_close(struct file_direct *self); /* what was written is synced by others */

/*
 * Write a block of `span` bytes, a multiple of 512.
 *
 * ERR_OK     *rc is 0 or a negative errno; then a part may be in the file
 * ERR_AGAIN  write all of it through the cache
 */
err_t file_direct_write(struct file_direct *self, const uint8_t *bytes, size_t span,
                        uint64_t offset, int *rc);

/* What ends here goes through the cache. */
void file_direct_passed(struct file_direct *self, uint64_t end);

#endif
