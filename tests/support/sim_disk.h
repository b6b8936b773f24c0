/*
 * A disk in memory that forgets like a real one, behind the journal's table of file operations.
 *
 * What was written and not synced survives a power cut sector by sector, as it was, as it is, or as
 * garbage; directory operations that were not synced are kept or lost one by one. Every operation
 * is counted, and the n-th can be made to fail, to come out short, or to be the last.
 *
 * One disk is in use at a time (sim_disk_use), on one thread. Everything follows from the seeds.
 */
#ifndef HERALD_TESTS_SUPPORT_SIM_DISK_H
#define HERALD_TESTS_SUPPORT_SIM_DISK_H

#include "journal/file_ops.h"

#define SIM_DISK_SECTOR 512

typedef struct sim_disk sim_disk_t;

sim_disk_t *sim_disk_new(uint64_t seed);
sim_disk_t *sim_disk_clone(const sim_disk_t *other); /* without open descriptors */
void sim_disk_destroy(sim_disk_t **self_p);

/* Make it the one that the journal's files live on; NULL: the system's files again. */
void sim_disk_use(sim_disk_t *self);

/* The table by which it is used; for tests that change a single call of it. */
const struct file_ops *sim_disk_table(void);

/* The power is cut: what is left is one of the images that a real disk might hold. Descriptors and
 * locks are gone, faults are taken back. */
void sim_disk_crash(sim_disk_t *self, uint64_t seed);

/* The process is killed: descriptors and locks are gone, what was written is still there. */
void sim_disk_kill(sim_disk_t *self);

enum sim_disk_fault_kind {
    SIM_DISK_NO_FAULT,
    SIM_DISK_ERROR, /* fails with `error`, changes nothing; a failed sync loses what was dirty */
    SIM_DISK_SHORT, /* a read or write does a part of its work; others do all of it */
    SIM_DISK_OFF,   /* the power is gone: this operation and all after it fail and change nothing */
    SIM_DISK_TORN,  /* as SIM_DISK_OFF, but the first sectors of a write are still done */
    /* What a drive's firmware may do; nothing fails, and readers see it after a power cut only. */
    SIM_DISK_DROPPED,     /* a write never reaches the disk, synced or not */
    SIM_DISK_MISDIRECTED, /* a write reaches the disk so many sectors behind its place, synced or
                             not */
};

struct sim_disk_fault {
    enum sim_disk_fault_kind kind;
    uint64_t at;   /* number of the operation from now on, from 1 */
    int error;     /* errno */
    bool for_ever; /* this one and all after it */
};

void sim_disk_set_fault(sim_disk_t *self, const struct sim_disk_fault *fault);
void sim_disk_set_sectors(sim_disk_t *self, uint32_t sectors); /* of TORN and MISDIRECTED */
uint64_t sim_disk_operations(const sim_disk_t *self); /* since the fault was set, or the start */
bool sim_disk_fault_hit(const sim_disk_t *self);
bool sim_disk_fault_failed(const sim_disk_t *self); /* it was hit, and not by what came out short */
bool sim_disk_is_off(const sim_disk_t *self);       /* it was hit, and nothing works any more */

/*
 * The next write to this file goes astray as a drive's firmware may let it: it reaches the disk so
 * many sectors behind its place (0: nowhere), synced or not; nothing fails, and it is seen after a
 * power cut only. One at a time. Sectors that a failed sync forgot are taken for it: not both.
 */
void sim_disk_stray(sim_disk_t *self, const char *path, uint32_t sectors);
bool sim_disk_strayed(const sim_disk_t *self); /* it did, and was neither put right nor forgotten */
/* Put right what it took, as from a mirror: what was not written over since is as it should be. */
void sim_disk_stray_mend(sim_disk_t *self);
void sim_disk_stray_forget(sim_disk_t *self); /* as it is now it stays */

void sim_disk_set_now(sim_disk_t *self, int64_t now_ms);
void sim_disk_set_capacity(sim_disk_t *self, uint64_t bytes); /* of all files; default: 1 GiB */

/* A file's bytes as they are, to look at or to damage; sim_disk_settle makes the damage part of
 * what is on disk. NULL: no such file. */
uint8_t *sim_disk_bytes(sim_disk_t *self, const char *path, size_t *size);

/* A file is on disk as it is now, damage included; none of that name: nothing. */
void sim_disk_damaged(sim_disk_t *self, const char *path);

/* All is on disk as it is now. */
void sim_disk_settle(sim_disk_t *self);

/* Remove a file or an empty directory, or rename it, as an operator would: at once and for good. */
int sim_disk_remove(sim_disk_t *self, const char *path);

/* Bytes of all files, as their sizes say. */
uint64_t sim_disk_used(const sim_disk_t *self);

/* A checksum of all names and bytes as they are. */
uint64_t sim_disk_hash(const sim_disk_t *self);

#endif
