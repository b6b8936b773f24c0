#include "journal/file_store_private.h"

#include "journal/segment_chain.h"

#include <errno.h>
#include <string.h>

/* The log's files, once they are there. ERR_NOT_FOUND: not yet, and that is no fault. */
static err_t
find_files(struct file_store *self, struct why *why)
{
    if (self->dir_fd < 0) {
        err_t rc = file_place_find(self, why);
        if (rc != ERR_OK) {
            return rc;
        }
        self->set.dir_fd = self->dir_fd;
        self->looked_ms = self->ops->now_ms();
    }
    if (self->position_file.fd < 0) {
        int rc = position_file_open(&self->position_file, self->dir_fd, false);
        if (rc < 0 && rc != -ENOENT) {
            return why_set(why, ERR_IO, "cannot open %s/" POSITION_FILE_NAME ": %s", self->path,
                           strerror(-rc));
        }
        return rc < 0 ? ERR_NOT_FOUND : ERR_OK;
    }
    return ERR_OK;
}

static err_t
went_back(struct file_store *self, const struct position_claim *claim, struct why *why)
{
    if (self->run != 0 && memcmp(claim->identity, self->identity, sizeof self->identity) != 0) {
        return why_set(why, ERR_CORRUPT, "%s was replaced by another log while it was read",
                       self->path);
    }
    if (claim->run < self->run || claim->durable < self->durable) {
        return why_set(why, ERR_CORRUPT,
                       "%s went back from position %llu (run %llu) to %llu (run %llu): was it "
                       "restored from a backup?",
                       self->path, (unsigned long long)self->durable, (unsigned long long)self->run,
                       (unsigned long long)claim->durable, (unsigned long long)claim->run);
    }
    return ERR_OK;
}

/* Make the segments fit the claim, and allow reading up to it. */
static err_t
take_claim(struct file_store *self, const struct position_claim *claim, struct why *why)
{
    size_t at = segment_set_by_counter(&self->set, claim->counter);
    bool newest = self->set.count > 0 && at + 1 == self->set.count;
    if (!newest || claim->run != self->run) {
        err_t rc = segment_chain_load(&self->set, why);
        if (rc != ERR_OK) {
            return rc;
        }
        at = segment_set_by_counter(&self->set, claim->counter);
    }
    if (at == self->set.count) {
        /* Recovery may have skipped the claimed segment when it kept nothing of it. What is durable
         * then lies before the newest, and the next claim names that. */
        if (self->set.count == 0 || file_store_active(self)->head.counter < claim->counter) {
            return why_set(why, ERR_CORRUPT,
                           "%s: segment %llu is missing, in which the position file says that the "
                           "log ends",
                           self->path, (unsigned long long)claim->counter);
        }
    } else if (at + 1 == self->set.count) {
        segment_set_extend(&self->set, at, claim->end);
    }
    if (self->run == 0) {
        memcpy(self->identity, claim->identity, sizeof self->identity);
    }
    self->run = claim->run;
    self->durable = claim->durable;
    self->durable_counter = claim->counter;
    self->durable_offset = claim->end;
    memcpy(self->newest, claim->newest, sizeof self->newest);
    self->reserve = claim->reserve;
    return ERR_OK;
}

err_t
file_follow_refresh(struct file_store *self, struct why *why)
{
    err_t rc = find_files(self, why);
    struct position_claim claim;
    if (rc == ERR_OK) {
        rc = position_file_read(&self->position_file, &claim, why);
    }
    if (rc == ERR_NOT_FOUND) {
        rc = ERR_OK; /* not there yet, or its owner has not started since a power cut */
    } else if (rc == ERR_OK) {
        rc = went_back(self, &claim, why);
        if (rc == ERR_OK && (claim.run != self->run || claim.durable != self->durable)) {
            rc = take_claim(self, &claim, why);
        }
    }
    int64_t now_ms = self->ops->now_ms();
    if (rc == ERR_OK && self->dir_fd >= 0 && now_ms - self->looked_ms >= FILE_STORE_LOOK_MS) {
        self->looked_ms = now_ms;
        rc = file_place_same(self, why);
    }
    return rc;
}
