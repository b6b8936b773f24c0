#include "journal/file_store_private.h"

#include "base/check.h"
#include "journal/file_io.h"

#define MEASURE_MS 1000

static void
measure(struct file_store *self)
{
    struct file_space space;
    bool known =
        self->ops->space(self->dir_fd, &space) == 0 && space.free_bytes > FILE_STORE_FLOOR_BYTES;
    self->free_bytes = known ? space.free_bytes - FILE_STORE_FLOOR_BYTES : 0;
    self->room_ms = self->ops->now_ms();
}

uint64_t
file_room_own(struct file_store *self)
{
    uint64_t own = spare_pool_bytes(self->pool);
    if (self->reserved) {
        uint64_t data_end = segment_data_end(file_store_active(self)->head.bytes);
        own += data_end > self->offset ? data_end - self->offset : 0;
    }
    return own;
}

uint64_t
file_room_now(struct file_store *self, bool again)
{
    if (again || self->ops->now_ms() - self->room_ms >= MEASURE_MS) {
        measure(self);
    }
    /* Whole segments only: a rest that holds none cannot be used for one. */
    uint64_t room = self->free_bytes / self->segment_bytes * segment_data_end(self->segment_bytes) +
                    file_room_own(self);
    return room > self->reserve ? room - self->reserve : 0;
}

void
file_room_took(struct file_store *self, uint64_t bytes)
{
    if (!self->reserved) {
        self->free_bytes -= bytes < self->free_bytes ? bytes : self->free_bytes;
    }
}

bool
file_room_for_segment(struct file_store *self)
{
    measure(self);
    return self->free_bytes >= self->reserve &&
           self->free_bytes - self->reserve >= self->segment_bytes;
}

uint64_t
file_room_bytes_on_disk(struct file_store *self)
{
    uint64_t bytes = self->pool == NULL ? 0 : spare_pool_bytes(self->pool);
    for (size_t i = 0; i < self->set.count; i++) {
        bytes += self->set.items[i].file_bytes;
    }
    return bytes;
}

/*
 * Segments go one by one from the front, each removal durable before the next: else a power cut
 * could keep an older one and lose a newer one, and the hole would look like damage.
 */
err_t
file_room_trim(struct file_store *self, uint64_t keep_from, struct why *why)
{
    /* A spare more is of use to this log alone; while room is short it is everybody's. */
    bool recycle = self->set.count > 1 && file_room_for_segment(self);
    while (self->set.count > 1 && self->set.items[1].head.first <= keep_from) {
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(self->set.items[0].head.counter, name);
        int rc = recycle ? spare_pool_recycle(self->pool, name) : 0;
        bool removed = rc != 0; /* if not for good */
        if (!removed) {
            rc = self->ops->unlink(self->dir_fd, name);
            removed = rc == 0;
            rc = removed ? self->ops->sync_directory(self->dir_fd) : rc;
        }
        if (removed) {
            segment_set_drop(&self->set, 1);
        }
        if (rc < 0) {
            err_t failed = file_io_failed(why, rc, "cannot remove", self->path, name);
            return removed ? ERR_LOST : failed; /* what failed then is the sync */
        }
    }
    return ERR_OK;
}
