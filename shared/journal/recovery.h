/*
 * The one recovery procedure, at every start: prove how far the log is durable, copy what is valid
 * behind that into a new segment of a new run, and serve from there. It may be interrupted anywhere
 * and started again. docs/JOURNAL.md has the rule and the order of file operations.
 */
#ifndef HERALD_JOURNAL_RECOVERY_H
#define HERALD_JOURNAL_RECOVERY_H

#include "journal/position_file.h"
#include "journal/segment_draft.h"
#include "journal/segment_set.h"

struct recovery {
    struct segment_set *set;            /* borrowed, loaded */
    const char *name;                   /* borrowed; the log's */
    const struct position_claim *claim; /* borrowed; NULL: the position file claims nothing */
    uint64_t witnessed;
    uint64_t segment_bytes; /* wanted for the new segment */

    /* Found by recovery_examine. */
    uint64_t proven;     /* position up to which the log is known to have been durable,
                            at the end of a block */
    uint64_t proven_end; /* offset of that in the newest segment */
    uint64_t valid;      /* position up to which there is valid content */
    uint64_t valid_end;
    uint64_t torn_bytes; /* from valid_end to the last byte behind it that is not zero */
    uint8_t *bytes;      /* owned; the newest segment's content */
    size_t size;

    /* Made by recovery_restart. */
    struct segment_head head; /* of the new segment */
    int fd;                   /* the caller's; of the new segment */
    uint64_t end;             /* offset at which the next block goes */
    bool reserved;
};

/*
 * Look at the newest segment and decide. Changes nothing.
 *
 * ERR_CORRUPT  damage at or before the proven position; why names file and offset
 * ERR_IO
 */
err_t recovery_examine(struct recovery *self, struct why *why);

/*
 * Start the new run: write the new segment and name it. In a log without segments this makes the
 * first one. segment_draft_finish has the errors; but for ERR_LOST nothing has changed.
 */
err_t recovery_restart(struct recovery *self, const struct segment_place *place, struct why *why);

/* Afterwards: drop what recovery has superseded, and shrink the abandoned segment to its content.
 * What fails is tried again by the next start; but ERR_LOST where the directory cannot be synced.
 */
err_t recovery_tidy(struct recovery *self, const struct segment_place *place, struct why *why);

void recovery_fini(struct recovery *self);

#endif
