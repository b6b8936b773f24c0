#include "order_lock.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* From statfs(2). */
#define MAGIC_NFS 0x6969
#define MAGIC_SMB 0x517b
#define MAGIC_CIFS 0xff534d42
#define MAGIC_SMB2 0xfe534d42
#define MAGIC_9P 0x01021997

static err_t
system_fault(struct why *why, const char *path)
{
    int number = errno;
    err_t err = number == EACCES || number == EPERM || number == ELOOP || number == EROFS
                    ? ERR_DENIED
                    : ERR_IO;
    return why_set(why, err, "%s: %s", path, strerror(number));
}

static err_t
refuse_network(int fd, const char *path, struct why *why)
{
    struct statfs system;
    if (fstatfs(fd, &system) != 0) {
        return system_fault(why, path);
    }
    switch ((unsigned long)system.f_type & 0xffffffffUL) {
    case MAGIC_NFS:
    case MAGIC_SMB:
    case MAGIC_CIFS:
    case MAGIC_SMB2:
    case MAGIC_9P:
        return why_set(why, ERR_UNSUPPORTED,
                       "%s: on a network file system, whose locks cannot be trusted", path);
    default:
        return ERR_OK;
    }
}

static err_t
name_holder(int fd, const char *path, struct why *why)
{
    char holder[16] = "";
    ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
    holder[got > 0 ? got : 0] = '\0';
    holder[strspn(holder, "0123456789")] = '\0';
    return why_set(
        why, ERR_LOCKED,
        "%s: locked by pid %s; an SQLite database serves one order consumer, for several "
        "use PostgreSQL (setting database/url)",
        path, holder[0] == '\0' ? "(unknown)" : holder);
}

/* The number only helps people; the lock holds without it. */
static err_t
write_holder(int fd, const char *path, struct why *why)
{
    char holder[16];
    int size = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    CHECK(size > 0 && (size_t)size < sizeof holder);
    int rc = ftruncate(fd, 0);
    for (ssize_t done = 0; rc == 0 && done < size;) {
        ssize_t got = pwrite(fd, holder + done, (size_t)(size - done), done);
        done += got > 0 ? got : 0;
        rc = got < 0 && errno != EINTR ? -1 : 0;
    }
    return rc == 0 || errno == ENOSPC || errno == EDQUOT ? ERR_OK : system_fault(why, path);
}

err_t
order_lock_take(const char *db_path, int *fd_p, struct why *why)
{
    size_t size = strlen(db_path) + sizeof ".lock";
    char *path = mem_alloc(size);
    (void)snprintf(path, size, "%s.lock", db_path); /* fits by its size */
    err_t rc;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        rc = system_fault(why, path);
        goto done;
    }
    rc = refuse_network(fd, path, why);
    if (rc != ERR_OK) {
        goto done;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK ? name_holder(fd, path, why) : system_fault(why, path);
        goto done;
    }
    rc = write_holder(fd, path, why);
done:
    if (rc == ERR_OK) {
        *fd_p = fd;
    } else if (fd >= 0) {
        (void)close(fd); /* nothing was written that matters */
    }
    mem_free(path);
    return rc;
}
