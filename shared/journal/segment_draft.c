#include "journal/segment_draft.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define NEW_NAME "new.tmp"

static err_t
make_file(struct segment_draft *self, bool may_lack_room, struct why *why)
{
    const struct segment_place *place = &self->place;
    memcpy(self->file.name, NEW_NAME, sizeof NEW_NAME);
    int flags = O_RDWR | O_CREAT | O_EXCL;
    int fd = file_io_open(place->ops, place->dir_fd, NEW_NAME, flags, 0600);
    if (fd == -EEXIST) {
        /* Left over from an attempt that failed. The lock says that it is nobody else's. */
        int gone = place->ops->unlink(place->dir_fd, NEW_NAME);
        fd = gone < 0 ? gone : file_io_open(place->ops, place->dir_fd, NEW_NAME, flags, 0600);
    }
    if (fd < 0) {
        return file_io_failed(why, fd, "cannot make", place->path, NEW_NAME);
    }
    self->file.fd = fd;
    if (place->sparing && may_lack_room) {
        return ERR_OK;
    }
    int rc;
    do {
        rc = place->ops->allocate(fd, self->bytes);
    } while (rc == -EINTR);
    self->reserved = rc == 0;
    bool cannot = rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EINVAL;
    if (rc < 0 && !cannot && !(may_lack_room && file_io_err(rc) == ERR_FULL)) {
        return file_io_failed(why, rc, "cannot set room aside for", place->path, NEW_NAME);
    }
    return ERR_OK;
}

err_t
segment_draft_open(struct segment_draft *self, const struct segment_place *place, uint64_t bytes,
                   bool may_lack_room, struct why *why)
{
    *self = (struct segment_draft){.place = *place, .file = {.fd = -1}, .bytes = bytes};
    if (place->pool != NULL && place->pool_bytes == bytes &&
        spare_pool_take(place->pool, &self->file)) {
        self->pooled = true;
        self->reserved = true;
        return ERR_OK;
    }
    err_t rc = make_file(self, may_lack_room, why);
    if (rc != ERR_OK) {
        segment_draft_drop(self);
    }
    return rc;
}

err_t
segment_draft_write(struct segment_draft *self, const log_block_t *block, uint64_t offset,
                    struct why *why)
{
    int rc =
        file_io_write(self->place.ops, self->file.fd, block->bytes, log_block_span(block), offset);
    return rc == 0 ? ERR_OK
                   : file_io_failed(why, rc, "cannot write", self->place.path, self->file.name);
}

err_t
segment_draft_finish(struct segment_draft *self, const struct segment_head *head, int *fd,
                     struct why *why)
{
    CHECK(head->bytes == self->bytes);
    const struct segment_place *place = &self->place;
    uint8_t *bytes = mem_alloc(SEGMENT_HEAD_BYTES);
    segment_head_encode(head, bytes);
    int rc = file_io_write(place->ops, self->file.fd, bytes, SEGMENT_HEAD_BYTES, 0);
    mem_free(bytes);
    if (rc == 0) {
        rc = place->ops->sync_data(self->file.fd);
        /* A file whose sync failed may look written and not be: it is never used again. */
        self->pooled = self->pooled && rc == 0;
    }
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(head->counter, name);
    if (rc == 0) {
        rc = place->ops->rename(place->dir_fd, self->file.name, name);
    }
    if (rc != 0) {
        return file_io_failed(why, rc, "cannot prepare", place->path, name);
    }
    *fd = self->file.fd;
    self->file.fd = -1;
    rc = place->ops->sync_directory(place->dir_fd);
    if (rc != 0) {
        (void)place->ops->close(*fd); /* its content is synced; its name is what is in doubt */
        *fd = -1;
        (void)file_io_failed(why, rc, "cannot sync", place->path, NULL);
        return ERR_LOST;
    }
    return ERR_OK;
}

void
segment_draft_drop(struct segment_draft *self)
{
    if (self->file.fd < 0) {
        return;
    }
    if (self->pooled) {
        spare_pool_return(self->place.pool, &self->file);
        return;
    }
    (void)self->place.ops->close(self->file.fd); /* nothing in it matters */
    self->file.fd = -1;
    (void)self->place.ops->unlink(self->place.dir_fd, self->file.name); /* or at the next start */
}
