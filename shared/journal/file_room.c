#include "journal/file_store_private.h"

#include "base/check.h"
#include "journal/file_io.h"

/* Left to the file system for directories and the like. */
#define FLOOR_BYTES (1024U * 1024)
#define MEASURE_MS 1000

uint64_t
file_room_now(struct file_store *self, bool measure)
{
    int64_t now_ms = self->ops->now_ms();
    if (measure || now_ms - self->room_ms >= MEASURE_MS) {
        struct file_space space;
        uint64_t room = 0;
        if (self->ops->space(self->dir_fd, &space) == 0 && space.free_bytes > FLOOR_BYTES) {
            /* Whole segments only: a rest that holds none cannot be used for one. */
            room = (space.free_bytes - FLOOR_BYTES) / self->segment_bytes *
                   segment_data_end(self->segment_bytes);
        }
        if (self->reserved) {
            uint64_t data_end = segment_data_end(file_store_active(self)->head.bytes);
            room += data_end > self->offset ? data_end - self->offset : 0;
        }
        self->room = room + spare_pool_bytes(self->pool);
        self->room_ms = now_ms;
    }
    return self->room > self->reserve ? self->room - self->reserve : 0;
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
    while (self->set.count > 1 && self->set.items[1].head.first <= keep_from) {
        char name[SEGMENT_NAME_SIZE];
        segment_file_name(self->set.items[0].head.counter, name);
        int rc = 0;
        if (!spare_pool_recycle(self->pool, name)) {
            rc = self->ops->unlink(self->dir_fd, name);
        }
        if (rc == 0) {
            segment_set_drop(&self->set, 1);
            rc = self->ops->sync_directory(self->dir_fd);
        }
        if (rc < 0) {
            return file_io_failed(why, rc, "cannot remove", self->path, name);
        }
    }
    return ERR_OK;
}
