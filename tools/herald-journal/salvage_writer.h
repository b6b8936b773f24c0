/*
 * Writes a log anew, block by block, with positions given by the caller.
 */
#ifndef HERALD_TOOLS_SALVAGE_WRITER_H
#define HERALD_TOOLS_SALVAGE_WRITER_H

#include "journal/segment_draft.h"
#include "journal/segment_index.h"
#include "journal_place.h"

struct salvage_writer {
    const struct file_ops *ops; /* borrowed */
    char *path;                 /* owned; of the new log's directory */
    int dir_fd;                 /* owned; -1: none */
    struct segment_head head;   /* of the segment being written */
    struct segment_draft draft;
    struct segment_index index;
    bool drafting;
    uint64_t offset;
    uint64_t next; /* position */
};

/*
 * Make into/NAME; `like` gives name, identity and the run before.
 *
 * ERR_CONFLICT  it exists: a salvage never writes over anything
 */
err_t salvage_writer_open(struct salvage_writer *self, const char *into,
                          const struct segment_head *like, struct why *why);
err_t salvage_writer_begin(struct salvage_writer *self, uint64_t first, struct why *why);
err_t salvage_writer_block(struct salvage_writer *self, log_block_t *block, struct why *why);

/* Records of kind LOST up to and with this position. */
err_t salvage_writer_lost(struct salvage_writer *self, uint64_t last, struct why *why);
err_t salvage_writer_finish(struct salvage_writer *self, struct why *why);
void salvage_writer_close(struct salvage_writer *self);

#endif
