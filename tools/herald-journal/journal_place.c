#include "journal_place.h"

#include "base/mem.h"
#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

err_t
journal_place_open(struct journal_place *self, const struct journal_command *command,
                   struct why *why)
{
    *self = (struct journal_place){.ops = file_ops_current(), .dir_fd = -1};
    size_t size = strlen(command->directory) + strlen(command->name) + 2;
    self->path = mem_alloc(size);
    (void)snprintf(self->path, size, "%s/%s", command->directory, command->name); /* fits */
    self->dir_fd = file_io_open(self->ops, AT_FDCWD, self->path, O_RDONLY | O_DIRECTORY, 0);
    segment_set_init(&self->set, self->ops, self->dir_fd, self->path);
    if (self->dir_fd < 0) {
        int rc = self->dir_fd;
        self->dir_fd = -1;
        return file_io_failed(why, rc, "cannot open", self->path, NULL);
    }
    struct position_file file;
    position_file_init(&file, self->ops);
    int opened = position_file_open(&file, self->dir_fd, false);
    if (opened == -ENOENT) {
        return ERR_OK;
    }
    if (opened < 0) {
        return file_io_failed(why, opened, "cannot open", self->path, POSITION_FILE_NAME);
    }
    err_t rc = position_file_read(&file, &self->claim, why);
    position_file_close(&file);
    self->claimed = rc == ERR_OK;
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

void
journal_place_close(struct journal_place *self)
{
    segment_set_fini(&self->set);
    if (self->dir_fd >= 0) {
        (void)self->ops->close(self->dir_fd); /* read only */
    }
    mem_free(self->path);
}

int
journal_place_exit(err_t rc)
{
    return rc == ERR_OK ? JOURNAL_SOUND : rc == ERR_CORRUPT ? JOURNAL_DAMAGED : JOURNAL_UNREADABLE;
}
