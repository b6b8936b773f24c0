#define _GNU_SOURCE /* O_DIRECT */
#include "support/sim_disk_private.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FIRST_DESCRIPTOR 1000 /* none of the system's */

/* Count one operation. 0: go on; *short_p: do a part. Else the negative errno to fail with. */
static int
counted(bool *short_p)
{
    sim_disk_t *self = sim_disk_in_use;
    uint64_t number = ++self->operations;
    const struct sim_disk_fault *fault = &self->fault;
    bool off = fault->kind == SIM_DISK_OFF || fault->kind == SIM_DISK_TORN;
    bool now = fault->kind != SIM_DISK_NO_FAULT &&
               (number == fault->at || (number > fault->at && (fault->for_ever || off)));
    *short_p = now && fault->kind == SIM_DISK_SHORT;
    if (!now) {
        return 0;
    }
    self->hit = true;
    return fault->kind == SIM_DISK_ERROR ? -fault->error : off ? -EIO : 0;
}

static struct sim_node *
node_of(int fd)
{
    CHECK(fd >= FIRST_DESCRIPTOR && fd < FIRST_DESCRIPTOR + SIM_DISK_DESCRIPTORS);
    struct sim_node *node = sim_disk_in_use->open[fd - FIRST_DESCRIPTOR];
    CHECK(node != NULL); /* used after close */
    return node;
}

static struct sim_node *
base_of(int dir_fd)
{
    return dir_fd == AT_FDCWD ? NULL : node_of(dir_fd);
}

static int
disk_open(int dir_fd, const char *name, int flags, unsigned mode)
{
    (void)mode;
    bool part;
    int rc = counted(&part);
    if (rc != 0) {
        return rc;
    }
    struct sim_node *node = sim_tree_find(&sim_disk_in_use->tree, base_of(dir_fd), name);
    if (node != NULL && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
        return -EEXIST;
    }
    if (node == NULL && (flags & O_CREAT) == 0) {
        return -ENOENT;
    }
    if (node == NULL) {
        rc = sim_tree_make(&sim_disk_in_use->tree, base_of(dir_fd), name, false, &node);
        if (rc != 0) {
            return rc;
        }
    }
    for (int i = 0; i < SIM_DISK_DESCRIPTORS; i++) {
        if (sim_disk_in_use->open[i] == NULL) {
            sim_disk_in_use->open[i] = node;
            sim_disk_in_use->direct[i] = (flags & O_DIRECT) != 0;
            return FIRST_DESCRIPTOR + i;
        }
    }
    return -EMFILE;
}

static int
disk_close(int fd)
{
    struct sim_node *node = node_of(fd);
    int at = fd - FIRST_DESCRIPTOR;
    if (sim_disk_in_use->locker[at]) {
        node->locked = false;
        sim_disk_in_use->locker[at] = false;
    }
    sim_disk_in_use->open[at] = NULL;
    return 0;
}

static int64_t
disk_pread(int fd, void *to, size_t size, uint64_t offset)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc != 0) {
        return rc;
    }
    if (offset >= node->size) {
        return 0;
    }
    size_t left = node->size - (size_t)offset;
    size = size < left ? size : left;
    size = part && size > 1 ? size / 2 : size;
    memcpy(to, node->bytes + offset, size);
    return (int64_t)size;
}

static bool
fits(const struct sim_node *node, uint64_t end)
{
    uint64_t more = end > node->size ? end - node->size : 0;
    return sim_tree_bytes(&sim_disk_in_use->tree) + more <= sim_disk_in_use->capacity;
}

/* Whether this operation is the one that is to go wrong in this way. */
static bool
goes_wrong(enum sim_disk_fault_kind kind)
{
    const struct sim_disk *self = sim_disk_in_use;
    return self->fault.kind == kind &&
           (self->operations == self->fault.at ||
            (self->fault.for_ever && self->operations > self->fault.at));
}

static int64_t
disk_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc != 0) {
        size_t done = (size_t)sim_disk_in_use->sectors * SIM_DISK_SECTOR;
        if (goes_wrong(SIM_DISK_TORN)) {
            sim_node_write(node, from, done < size ? done : size, (size_t)offset);
        }
        return rc;
    }
    if (sim_disk_in_use->direct[fd - FIRST_DESCRIPTOR] &&
        ((uintptr_t)from | size | offset) % SIM_DISK_SECTOR != 0) {
        return -EINVAL;
    }
    size = part && size > 1 ? size / 2 : size;
    if (!fits(node, offset + size)) {
        return -ENOSPC;
    }
    sim_node_write(node, from, size, (size_t)offset);
    sim_stray_write(sim_disk_in_use, node, size, (size_t)offset);
    if (goes_wrong(SIM_DISK_DROPPED)) {
        sim_node_stray(node, size, (size_t)offset, 0);
    } else if (goes_wrong(SIM_DISK_MISDIRECTED)) {
        sim_node_stray(node, size, (size_t)offset, sim_disk_in_use->sectors);
    }
    return (int64_t)size;
}

static int
disk_sync_data(int fd)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc == 0) {
        sim_node_settle(node);
    } else if (sim_disk_in_use->fault.kind == SIM_DISK_ERROR) {
        sim_node_forget(
            node,
            sim_disk_draw(&sim_disk_in_use->random)); /* as Linux does: clean, and not on disk */
    }
    return rc;
}

static int
disk_sync_directory(int fd)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc == 0) {
        sim_tree_settle_directory(&sim_disk_in_use->tree, node);
    }
    return rc;
}

static int
disk_rename(int dir_fd, const char *from, const char *to)
{
    bool part;
    int rc = counted(&part);
    return rc != 0 ? rc : sim_tree_rename(&sim_disk_in_use->tree, base_of(dir_fd), from, to);
}

static int
disk_unlink(int dir_fd, const char *name)
{
    bool part;
    int rc = counted(&part);
    return rc != 0 ? rc : sim_tree_unlink(&sim_disk_in_use->tree, base_of(dir_fd), name);
}

static int
disk_mkdir(int dir_fd, const char *name, unsigned mode)
{
    (void)mode;
    bool part;
    int rc = counted(&part);
    struct sim_node *node;
    return rc != 0 ? rc : sim_tree_make(&sim_disk_in_use->tree, base_of(dir_fd), name, true, &node);
}

static int
disk_truncate(int fd, uint64_t bytes)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc == 0) {
        sim_node_resize(node, (size_t)bytes);
    }
    return rc;
}

static int
disk_allocate(int fd, uint64_t bytes)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc != 0) {
        return rc;
    }
    if (!fits(node, bytes)) {
        return -ENOSPC;
    }
    if (bytes > node->size) {
        sim_node_resize(node, (size_t)bytes);
    }
    return 0;
}

static int
disk_lock(int fd)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc != 0) {
        return rc;
    }
    if (node->locked) {
        return -EWOULDBLOCK;
    }
    node->locked = true;
    sim_disk_in_use->locker[fd - FIRST_DESCRIPTOR] = true;
    return 0;
}

static void
describe(const struct sim_node *node, struct file_stat *stat)
{
    *stat = (struct file_stat){
        .device = 1,
        .inode = node->number,
        .bytes = node->size,
        .owner = 7,
        .mode = node->is_directory ? 0700 : 0600,
        .is_directory = node->is_directory,
    };
}

static int
disk_stat(int fd, struct file_stat *stat)
{
    struct sim_node *node = node_of(fd);
    bool part;
    int rc = counted(&part);
    if (rc == 0) {
        describe(node, stat);
    }
    return rc;
}

static int
disk_stat_at(int dir_fd, const char *name, struct file_stat *stat)
{
    bool part;
    int rc = counted(&part);
    if (rc != 0) {
        return rc;
    }
    struct sim_node *node = sim_tree_find(&sim_disk_in_use->tree, base_of(dir_fd), name);
    if (node == NULL) {
        return -ENOENT;
    }
    describe(node, stat);
    return 0;
}

static int
disk_space(int fd, struct file_space *space)
{
    (void)node_of(fd);
    bool part;
    int rc = counted(&part);
    uint64_t used = sim_tree_bytes(&sim_disk_in_use->tree);
    *space = (struct file_space){
        .free_bytes = sim_disk_in_use->capacity > used ? sim_disk_in_use->capacity - used : 0,
        .type = 0xef53, /* ext4 */
    };
    return rc;
}

static int
disk_list(int dir_fd, file_ops_entry_fn *entry, void *arg)
{
    struct sim_node *node = node_of(dir_fd);
    bool part;
    int rc = counted(&part);
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        if (!entry(arg, node->entries[i].name)) {
            break;
        }
    }
    return rc;
}

static int
disk_random(void *to, size_t size)
{
    uint8_t *next = to;
    for (; size > 0; size--) {
        *next++ = (uint8_t)(sim_disk_draw(&sim_disk_in_use->random) >> 56);
    }
    return 0;
}

static void
disk_forget(int fd, uint64_t offset, uint64_t size)
{
    (void)fd; /* a simulated disk has no cache of what is synced */
    (void)offset;
    (void)size;
}

/* Now and then much time goes by between two questions, so that syncs are slow at once, and quick
 * again after some. */
static int64_t
disk_now_ns(void)
{
    uint64_t draw = sim_disk_draw(&sim_disk_in_use->random);
    sim_disk_in_use->now_ns += draw % 4 == 0 ? 20000000 : 100000;
    return sim_disk_in_use->now_ns;
}

static int64_t
disk_now_ms(void)
{
    return sim_disk_in_use->now_ms;
}

static unsigned
disk_user(void)
{
    return 7;
}

const struct file_ops sim_disk_ops = {
    .open = disk_open,
    .close = disk_close,
    .pread = disk_pread,
    .pwrite = disk_pwrite,
    .sync_data = disk_sync_data,
    .sync_directory = disk_sync_directory,
    .rename = disk_rename,
    .unlink = disk_unlink,
    .mkdir = disk_mkdir,
    .truncate = disk_truncate,
    .allocate = disk_allocate,
    .forget = disk_forget,
    .lock = disk_lock,
    .stat = disk_stat,
    .stat_at = disk_stat_at,
    .space = disk_space,
    .list = disk_list,
    .random = disk_random,
    .now_ms = disk_now_ms,
    .now_ns = disk_now_ns,
    .user = disk_user,
};
