#include "submit_record.h"

#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A record that was just made is there after a power failure too. */
static err_t
submit_record_sync_name(const char *path, struct why *why)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    char *directory = mem_text(slash == NULL ? "." : slash == path ? "/" : path);
    if (size > 0) {
        directory[size] = '\0';
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err_t rc = fd < 0 || fsync(fd) != 0 ? why_set(why, ERR_IO, "%s: %s", directory, strerror(errno))
                                        : ERR_OK;
    if (fd >= 0) {
        (void)close(fd); /* it was only synced */
    }
    mem_free(directory);
    return rc;
}

/* Cut off the unfinished line at the end, if there is one. */
static err_t
submit_record_mend(struct submit_record *record, const char *path, struct why *why)
{
    struct stat stat;
    char tail[LIMIT_BIZ_ID_BYTES + 2];
    if (fstat(record->fd, &stat) != 0) {
        return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    }
    size_t size = stat.st_size < (off_t)sizeof tail ? (size_t)stat.st_size : sizeof tail;
    ssize_t got = pread(record->fd, tail, size, stat.st_size - (off_t)size);
    if (got != (ssize_t)size) {
        return why_set(why, ERR_IO, "%s: cannot be read", path);
    }
    size_t whole = size;
    while (whole > 0 && tail[whole - 1] != '\n') {
        whole--;
    }
    if (whole == 0 && (off_t)size < stat.st_size) {
        return why_set(why, ERR_INVALID, "%s: no record of biz_ids, its last line is too long",
                       path);
    }
    if (whole < size && ftruncate(record->fd, stat.st_size - (off_t)(size - whole)) != 0) {
        return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    }
    return ERR_OK;
}

err_t
submit_record_open(struct submit_record *record, const char *path, struct why *why)
{
    memset(record, 0, sizeof *record);
    record->fd = -1;
    if (path == NULL) {
        return ERR_OK;
    }
    record->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (record->fd < 0) {
        return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    }
    err_t rc = submit_record_mend(record, path, why);
    return rc == ERR_OK ? submit_record_sync_name(path, why) : rc;
}

void
submit_record_close(struct submit_record *record)
{
    if (record->fd >= 0) {
        (void)close(record->fd); /* what counts was synced */
    }
    mem_free(record->data);
    memset(record, 0, sizeof *record);
    record->fd = -1;
}

void
submit_record_add(struct submit_record *record, const char *biz_id)
{
    size_t size = strlen(biz_id);
    if (record->fd < 0) {
        return;
    }
    if (record->size + size + 1 > record->capacity) {
        record->capacity = (record->capacity + size + 1) * 2;
        record->data = mem_resize(record->data, record->capacity);
    }
    memcpy(record->data + record->size, biz_id, size);
    record->data[record->size + size] = '\n';
    record->size += size + 1;
}

err_t
submit_record_sync(struct submit_record *record, struct why *why)
{
    size_t at = 0;
    if (record->size == 0) {
        return ERR_OK;
    }
    while (at < record->size) {
        ssize_t put = write(record->fd, record->data + at, record->size - at);
        if (put < 0 && errno != EINTR) {
            return why_set(why, ERR_IO, "the record: %s", strerror(errno));
        }
        at += put < 0 ? 0 : (size_t)put;
    }
    record->size = 0;
    if (fdatasync(record->fd) != 0) {
        return why_set(why, ERR_IO, "the record: %s", strerror(errno));
    }
    return ERR_OK;
}
