#include "journal/file_store_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_NAME "lock"

/* statfs magics, as in linux/magic.h. */
#define TYPE_NFS 0x6969U
#define TYPE_SMB 0x517bU
#define TYPE_CIFS 0xff534d42U
#define TYPE_SMB2 0xfe534d42U
#define TYPE_9P 0x01021997U
#define TYPE_OVERLAY 0x794c7630U
#define TYPE_TMPFS 0x01021994U
#define TYPE_BTRFS 0x9123683eU

/* mkdir, and its name made durable; also when it was there: whoever made it may have been killed
 * before its name was synced. */
static err_t
make_directory(struct file_store *self, const char *path, struct why *why)
{
    int rc = self->ops->mkdir(AT_FDCWD, path, 0700);
    bool made = rc == 0;
    if (rc < 0 && rc != -EEXIST) {
        return file_io_failed(why, rc, "cannot make", path, NULL);
    }
    size_t size = strlen(path) + sizeof "/..";
    char *parent = mem_alloc(size);
    (void)snprintf(parent, size, "%s/..", path); /* fits by construction */
    int fd = file_io_open(self->ops, AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
    rc = fd < 0 ? fd : self->ops->sync_directory(fd);
    if (fd >= 0) {
        (void)self->ops->close(fd); /* read only */
    }
    mem_free(parent);
    if (rc == -EACCES && !made) {
        return ERR_OK; /* an administrator made it where we may not look */
    }
    return rc < 0 ? file_io_failed(why, rc, "cannot sync the parent of", path, NULL) : ERR_OK;
}

static err_t
check_type(struct file_store *self, struct why *why)
{
    struct file_space space;
    int rc = self->ops->space(self->dir_fd, &space);
    if (rc < 0) {
        return file_io_failed(why, rc, "cannot ask for the file system of", self->path, NULL);
    }
    const char *network =
        space.type == TYPE_NFS                                                         ? "NFS"
        : space.type == TYPE_CIFS || space.type == TYPE_SMB2 || space.type == TYPE_SMB ? "CIFS"
        : space.type == TYPE_9P                                                        ? "9p"
                                                                                       : NULL;
    if (network != NULL) {
        return why_set(why, ERR_UNSUPPORTED,
                       "%s is on %s, where locks and syncs do not keep their promises: use a local "
                       "disk",
                       self->path, network);
    }
    const char *doubtful = space.type == TYPE_OVERLAY ? "overlay"
                           : space.type == TYPE_TMPFS ? "tmpfs"
                           : space.type == TYPE_BTRFS ? "btrfs"
                                                      : NULL;
    if (doubtful != NULL) {
        (void)snprintf(self->notice, sizeof self->notice, "%s is on %s: %s", self->path, doubtful,
                       space.type == TYPE_TMPFS ? "a restart of the machine loses the journal"
                                                : "syncs cost more there; ext4 or xfs are better");
    }
    return ERR_OK;
}

static err_t
check_owner(struct file_store *self, struct why *why)
{
    struct file_stat stat;
    int rc = self->ops->stat(self->dir_fd, &stat);
    if (rc < 0) {
        return file_io_failed(why, rc, "cannot stat", self->path, NULL);
    }
    self->dir_device = stat.device;
    self->dir_inode = stat.inode;
    if (stat.owner != self->ops->user()) {
        return why_set(why, ERR_DENIED, "%s belongs to user %u, but this process is user %u",
                       self->path, stat.owner, self->ops->user());
    }
    if ((stat.mode & 022U) != 0) {
        return why_set(why, ERR_DENIED, "%s may be written by others (mode %03o): chmod 700 it",
                       self->path, stat.mode);
    }
    return ERR_OK;
}

err_t
file_place_find(struct file_store *self, struct why *why)
{
    int fd = file_io_open(self->ops, AT_FDCWD, self->path, O_RDONLY | O_DIRECTORY, 0);
    if (fd == -ENOENT) {
        return why_set(why, ERR_NOT_FOUND, "%s is not there", self->path);
    }
    if (fd < 0) {
        return file_io_failed(why, fd, "cannot open", self->path, NULL);
    }
    self->dir_fd = fd;
    err_t rc = check_owner(self, why);
    return rc == ERR_OK ? check_type(self, why) : rc;
}

static err_t
take_lock(struct file_store *self, struct why *why)
{
    int fd = file_io_open(self->ops, self->dir_fd, LOCK_NAME, O_RDWR | O_CREAT, 0600);
    if (fd < 0) {
        return file_io_failed(why, fd, "cannot open", self->path, LOCK_NAME);
    }
    self->lock_fd = fd;
    int rc;
    do {
        rc = self->ops->lock(fd);
    } while (rc == -EINTR);
    char text[32] = {0};
    if (rc == -EWOULDBLOCK) {
        int64_t count = file_io_read(self->ops, fd, text, sizeof text - 1, 0);
        long pid = count > 0 ? strtol(text, NULL, 10) : 0;
        return pid > 0 ? why_set(why, ERR_LOCKED, "%s is locked by pid %ld", self->path, pid)
                       : why_set(why, ERR_LOCKED, "%s is locked by another process", self->path);
    }
    if (rc < 0) {
        return file_io_failed(why, rc, "cannot lock", self->path, LOCK_NAME);
    }
    /* Only for the message above: padded, so that a longer pid of before leaves nothing behind. */
    (void)snprintf(text, sizeof text, "%-20ld\n", (long)getpid());
    (void)file_io_write(self->ops, fd, text, strlen(text),
                        0); /* a lock without a name still holds */
    return ERR_OK;
}

err_t
file_place_make(struct file_store *self, struct why *why)
{
    err_t rc = make_directory(self, self->directory, why);
    if (rc == ERR_OK) {
        rc = make_directory(self, self->path, why);
    }
    if (rc == ERR_OK) {
        rc = file_place_find(self, why);
    }
    if (rc == ERR_OK) {
        rc = take_lock(self, why);
    }
    return rc == ERR_NOT_FOUND ? ERR_IO : rc; /* made a moment ago: somebody removes it */
}

err_t
file_place_same(struct file_store *self, struct why *why)
{
    struct file_stat stat;
    int rc = self->ops->stat_at(AT_FDCWD, self->path, &stat);
    if (rc == -ENOENT ||
        (rc == 0 && (stat.device != self->dir_device || stat.inode != self->dir_inode))) {
        return why_set(why, ERR_CORRUPT, "%s was %s while it was in use", self->path,
                       rc == 0 ? "replaced by another directory" : "removed");
    }
    return rc < 0 ? file_io_failed(why, rc, "cannot stat", self->path, NULL) : ERR_OK;
}

/* What was synced into a file that nobody will find again is not durable: the directory or the
 * segment may have been moved, removed or replaced under us, by a restore as a rule. So nothing is
 * said to be durable before both have been looked at once more. */
err_t
file_place_kept(struct file_store *self, struct why *why)
{
    char name[SEGMENT_NAME_SIZE];
    struct segment *active = file_store_active(self);
    err_t rc = file_place_same(self, why);
    if (rc == ERR_OK) {
        struct file_stat stat;
        segment_file_name(active->head.counter, name);
        int found = self->ops->stat_at(self->dir_fd, name, &stat);
        if (found == -ENOENT || (found == 0 && stat.inode != active->inode)) {
            rc = why_set(why, ERR_CORRUPT, "%s/%s was %s while it was in use", self->path, name,
                         found == 0 ? "replaced by another file" : "removed");
        }
    }
    /* Where the system would not say, nothing is known to be wrong. */
    return rc == ERR_CORRUPT ? rc : ERR_OK;
}
