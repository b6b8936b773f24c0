#include "salvage_writer.h"

#include "base/mem.h"
#include "journal/file_io.h"
#include "journal/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LOST_A_BLOCK 50000U /* two bytes each */

err_t
salvage_writer_open(struct salvage_writer *self, const char *into, const struct segment_head *like,
                    struct why *why)
{
    *self = (struct salvage_writer){.ops = file_ops_current(), .dir_fd = -1, .head = *like};
    self->head.run = like->run + 1;
    self->head.counter = 0;
    self->head.previous = 0;
    self->head.previous_end = 0;
    size_t size = strlen(into) + strlen(like->name) + 2;
    self->path = mem_alloc(size);
    (void)snprintf(self->path, size, "%s/%s", into, like->name); /* fits */
    int rc = self->ops->mkdir(AT_FDCWD, into, 0700);
    rc = rc == -EEXIST ? 0 : rc;
    rc = rc == 0 ? self->ops->mkdir(AT_FDCWD, self->path, 0700) : rc;
    if (rc == -EEXIST) {
        return why_set(why, ERR_CONFLICT, "%s exists: salvage writes over nothing", self->path);
    }
    if (rc == 0) {
        rc = file_io_open(self->ops, AT_FDCWD, self->path, O_RDONLY | O_DIRECTORY, 0);
        self->dir_fd = rc;
    }
    return rc < 0 ? file_io_failed(why, rc, "cannot make", self->path, NULL) : ERR_OK;
}

static err_t
next_segment(struct salvage_writer *self, struct why *why)
{
    struct segment_place place = {.ops = self->ops, .dir_fd = self->dir_fd, .path = self->path};
    self->head.previous = self->head.counter;
    self->head.previous_end = self->head.counter == 0 ? 0 : self->offset;
    self->head.counter++;
    self->head.first = self->next;
    self->head.bytes = SEGMENT_BYTES_DEFAULT;
    self->offset = SEGMENT_HEAD_BYTES;
    segment_index_fini(&self->index);
    segment_index_init(&self->index, self->next);
    int rc = self->ops->random(&self->head.salt, sizeof self->head.salt);
    if (rc < 0) {
        return file_io_failed(why, rc, "no random bytes for", self->path, NULL);
    }
    self->drafting = true;
    return segment_draft_open(&self->draft, &place, self->head.bytes, true, why);
}

static err_t
seal_segment(struct salvage_writer *self, struct why *why)
{
    size_t size = (size_t)segment_foot_bytes(self->head.bytes);
    uint8_t *foot = mem_alloc(size);
    segment_foot_encode(&self->head, self->offset, self->index.marks, self->index.count, foot);
    int rc = file_io_write(self->ops, self->draft.file.fd, foot, size,
                           segment_data_end(self->head.bytes));
    mem_free(foot);
    if (rc < 0) {
        return file_io_failed(why, rc, "cannot write", self->path, self->draft.file.name);
    }
    int fd = -1;
    err_t done = segment_draft_finish(&self->draft, &self->head, &fd, why);
    if (done == ERR_OK) {
        (void)self->ops->close(fd); /* all in it is synced */
        self->drafting = false;
    }
    return done;
}

err_t
salvage_writer_begin(struct salvage_writer *self, uint64_t first, struct why *why)
{
    self->next = first;
    return next_segment(self, why);
}

err_t
salvage_writer_block(struct salvage_writer *self, log_block_t *block, struct why *why)
{
    uint64_t span = log_block_span(block);
    err_t rc = ERR_OK;
    if (self->offset + span > segment_data_end(self->head.bytes)) {
        rc = seal_segment(self, why);
        rc = rc == ERR_OK ? next_segment(self, why) : rc;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    segment_block_seal(&self->head, self->offset, self->next - 1, block);
    rc = segment_draft_write(&self->draft, block, self->offset, why);
    if (rc == ERR_OK) {
        struct segment_block written = {
            .first = block->first,
            .count = block->count,
            .kinds = block->kinds,
            .size = block->size,
        };
        segment_index_add(&self->index, &written);
        self->offset += span;
        self->next += block->count;
    }
    return rc;
}

err_t
salvage_writer_lost(struct salvage_writer *self, uint64_t last, struct why *why)
{
    err_t rc = ERR_OK;
    while (rc == ERR_OK && self->next <= last) {
        log_block_t *block = log_block_new(self->next, 4096);
        for (uint32_t i = 0; i < LOST_A_BLOCK && self->next + i <= last; i++) {
            (void)log_block_add(block, LOG_KIND_LOST, 0);
        }
        rc = salvage_writer_block(self, block, why);
        log_block_release(&block);
    }
    return rc;
}

err_t
salvage_writer_finish(struct salvage_writer *self, struct why *why)
{
    uint64_t end = self->offset;
    err_t rc = seal_segment(self, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct position_claim claim = {
        .run = self->head.run,
        .durable = self->next - 1,
        .counter = self->head.counter,
        .end = end,
    };
    memcpy(claim.identity, self->head.identity, sizeof claim.identity);
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        claim.newest[kind] = claim.durable; /* what is there may be of any */
    }
    struct position_file file;
    position_file_init(&file, self->ops);
    int done = position_file_open(&file, self->dir_fd, true);
    if (done == 0) {
        done = position_file_publish(&file, &claim);
    }
    done = done == 0 ? position_file_sync(&file) : done;
    position_file_close(&file);
    done = done == 0 ? self->ops->sync_directory(self->dir_fd) : done;
    return done < 0 ? file_io_failed(why, done, "cannot write", self->path, POSITION_FILE_NAME)
                    : ERR_OK;
}

void
salvage_writer_close(struct salvage_writer *self)
{
    if (self->drafting) {
        segment_draft_drop(&self->draft);
    }
    segment_index_fini(&self->index);
    if (self->dir_fd >= 0) {
        (void)self->ops->close(self->dir_fd); /* read only */
    }
    mem_free(self->path);
}
