/*
 * Every call by which the file store touches a disk, in one table, so that a test can put a
 * simulated disk behind it. Private to the file store.
 *
 * Calls answer 0 (or a descriptor, or a count) when they succeed and a negative errno when not; a
 * short count is the caller's to go on from (file_io.h does).
 */
#ifndef HERALD_JOURNAL_FILE_OPS_H
#define HERALD_JOURNAL_FILE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_stat {
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;
    uint32_t owner; /* user id */
    uint32_t mode;  /* permission bits */
    bool is_directory;
};

struct file_space {
    uint64_t free_bytes; /* what a user without privileges may still write */
    uint64_t type;       /* statfs magic */
};

/* Return false to stop listing. */
typedef bool file_ops_entry_fn(void *arg, const char *name);

struct file_ops {
    /* dir_fd may be AT_FDCWD. flags and mode as open(2); O_CLOEXEC and O_NOFOLLOW are added. */
    int (*open)(int dir_fd, const char *name, int flags, unsigned mode);
    int (*close)(int fd);
    int64_t (*pread)(int fd, void *to, size_t size, uint64_t offset);
    int64_t (*pwrite)(int fd, const void *from, size_t size, uint64_t offset);
    int (*sync_data)(int fd);                                    /* fdatasync */
    int (*sync_directory)(int fd);                               /* fsync */
    int (*rename)(int dir_fd, const char *from, const char *to); /* -EEXIST: never replaces */
    int (*unlink)(int dir_fd, const char *name);
    int (*mkdir)(int dir_fd, const char *name, unsigned mode);
    int (*truncate)(int fd, uint64_t bytes);
    int (*allocate)(int fd, uint64_t bytes); /* fallocate from 0, the size grows */
    /* fadvise DONTNEED: what is synced of this range need not stay in memory; a hint */
    void (*forget)(int fd, uint64_t offset, uint64_t size);
    int (*lock)(int fd); /* flock, exclusive, -EWOULDBLOCK: held */
    int (*stat)(int fd, struct file_stat *stat);
    int (*stat_at)(int dir_fd, const char *name, struct file_stat *stat);
    int (*space)(int fd, struct file_space *space);
    int (*list)(int dir_fd, file_ops_entry_fn *entry, void *arg); /* without . and .. */
    int (*random)(void *to, size_t size);
    int64_t (*now_ms)(void); /* monotonic */
    int64_t (*now_ns)(void); /* the same, for how long a sync takes */
    unsigned (*user)(void);  /* effective user id */
};

/* The table in use: the system's, unless a test has installed another. A store keeps the one that
 * it was opened with. */
const struct file_ops *file_ops_current(void);

/* For tests: ops NULL puts the system's back. Not while another thread opens a store. */
void file_ops_install(const struct file_ops *ops);

/* The system's own. */
const struct file_ops *file_ops_system(void);

#endif
