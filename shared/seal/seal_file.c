#include "seal/seal_file.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

static err_t
check(const char *path, enum seal_file_kind kind, const struct stat *stat, struct why *why)
{
    unsigned mode = stat->st_mode & 07777U;
    if (!S_ISREG(stat->st_mode)) {
        return why_set(why, ERR_DENIED, "%s: not a regular file", path);
    }
    if (stat->st_uid != geteuid() && stat->st_uid != 0) {
        return why_set(why, ERR_DENIED, "%s: belongs to user %u, must belong to user %u or root",
                       path, (unsigned)stat->st_uid, (unsigned)geteuid());
    }
    if (kind == SEAL_FILE_SECRET && mode != 0400) {
        return why_set(why, ERR_DENIED, "%s: has mode %04o, a secret key must have 0400", path,
                       mode);
    }
    if ((mode & 022U) != 0) {
        return why_set(why, ERR_DENIED, "%s: has mode %04o: group or others may change it", path,
                       mode);
    }
    return ERR_OK;
}

static err_t
read_all(int fd, const char *path, struct seal_content *content, struct why *why)
{
    content->size = 0;
    while (content->size < content->room) {
        ssize_t count = read(fd, content->bytes + content->size, content->room - content->size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return why_set(why, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
        }
        if (count == 0) {
            return ERR_OK;
        }
        content->size += (size_t)count;
    }
    uint8_t more = 0;
    return read(fd, &more, 1) == 0
               ? ERR_OK
               : why_set(why, ERR_INVALID, "%s: longer than %zu bytes", path, content->room);
}

err_t
seal_file_read(const char *path, enum seal_file_kind kind, struct seal_content *content,
               struct why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        bool full = errno == EMFILE || errno == ENFILE;
        err_t rc = errno == ENOENT ? ERR_NOT_FOUND : full ? ERR_FULL : ERR_DENIED;
        return why_set(why, rc, "%s: %s", path,
                       errno == ELOOP ? "a symbolic link, which is not followed" : strerror(errno));
    }
    struct stat stat;
    err_t rc = fstat(fd, &stat) == 0 ? check(path, kind, &stat, why)
                                     : why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc == ERR_OK) {
        rc = read_all(fd, path, content, why);
    }
    (void)close(fd); /* only read */
    return rc;
}

static bool
write_all(int fd, const uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = write(fd, bytes + done, size - done);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* The name is there only once its directory is synced. */
static err_t
sync_directory(const char *path, struct why *why)
{
    char directory[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    (void)snprintf(directory, sizeof directory, "%.*s%s", (int)size, path,
                   size == 0 ? (slash == NULL ? "." : "/")
                             : ""); /* shorter than a path that fits */
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return good ? ERR_OK
                : why_set(why, ERR_IO, "%s: cannot be synced: %s", directory, strerror(errno));
}

err_t
seal_file_make(const char *path, enum seal_file_kind kind, const void *bytes, size_t size,
               struct why *why)
{
    char draft[PATH_BYTES];
    uint64_t name = 0; /* nobody's: a process's number is the same at each start of a container */
    CHECK(sodium_init() >= 0);
    randombytes_buf(&name, sizeof name);
    int length = snprintf(draft, sizeof draft, "%s.%016" PRIx64 ".new", path, name);
    if (length < 0 || (size_t)length >= sizeof draft) {
        return why_set(why, ERR_INVALID, "%.60s...: the path is too long", path);
    }
    mode_t mode = kind == SEAL_FILE_SECRET ? 0400 : 0644;
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        return why_set(why, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: cannot be made: %s", draft,
                       strerror(errno));
    }
    bool good = fchmod(fd, mode) == 0 && write_all(fd, bytes, size) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    err_t rc =
        good ? ERR_OK : why_set(why, ERR_IO, "%s: cannot be written: %s", draft, strerror(errno));
    /* A link and not a rename: what is there already stays. */
    if (rc == ERR_OK && link(draft, path) != 0) {
        rc = errno == EEXIST
                 ? why_set(why, ERR_CONFLICT, "%s: is there already", path)
                 : why_set(why, ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
    }
    (void)unlink(draft); /* a left-over draft harms nobody */
    return rc == ERR_OK ? sync_directory(path, why) : rc;
}
