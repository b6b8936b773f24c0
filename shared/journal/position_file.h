/*
 * The position file: how far a log is durable, told to readers in other processes and to a later
 * recovery. Two slots of 512 bytes, written in turn, so that one of them is always whole.
 */
#ifndef HERALD_JOURNAL_POSITION_FILE_H
#define HERALD_JOURNAL_POSITION_FILE_H

#include "base/limits.h"
#include "base/why.h"
#include "journal/file_ops.h"

#define POSITION_FILE_NAME "position"
#define POSITION_FILE_BYTES 1024

struct position_claim {
    uint8_t identity[16]; /* the log's */
    uint64_t run;
    uint64_t durable; /* newest durable position; 0: none */
    uint64_t counter; /* the segment in which it ends */
    uint64_t end;     /* offset of the content's end there */
    uint64_t reserve; /* bytes that the owner wants kept free; 0 in files of minor version 0 */
    /* By kind: no durable record of it lies behind this position. The highest number where the
     * writer does not say (minor versions 0 and 1). */
    uint64_t newest[LIMIT_KINDS];
};

struct position_file {
    const struct file_ops *ops; /* borrowed */
    int fd;                     /* owned; -1: closed */
    unsigned slot;              /* which one is written next */
    bool dirty;                 /* published and not yet synced */
};

void position_file_init(struct position_file *self, const struct file_ops *ops);

/* Open the file in this directory; for_writing makes it when it is not there. 0 or a negative
 * errno, -ENOENT for a reader of a log that has none. */
int position_file_open(struct position_file *self, int dir_fd, bool for_writing);
void position_file_close(struct position_file *self);

/*
 * The newest valid claim.
 *
 * ERR_NOT_FOUND    no valid slot: nothing is claimed (a power cut may do that)
 * ERR_UNSUPPORTED  a newer version
 * ERR_IO
 */
err_t position_file_read(const struct position_file *self, struct position_claim *claim,
                         struct why *why);

/* Write the next slot. 0 or a negative errno: then what readers see has not changed. Not on disk
 * until position_file_sync. */
int position_file_publish(struct position_file *self, const struct position_claim *claim);
int position_file_sync(struct position_file *self);

void position_claim_encode(const struct position_claim *claim, uint8_t *slot);
err_t position_claim_decode(const uint8_t *slot, struct position_claim *claim, struct why *why);

#endif
