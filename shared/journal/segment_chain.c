#include "journal/segment_chain.h"

#include "base/check.h"
#include "base/mem.h"
#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A directory that changes while we look is looked at again, so often. */
#define LOAD_TRIES 16

struct counters {
    uint64_t *items;
    size_t count;
};

static bool
take_name(void *arg, const char *name)
{
    struct counters *found = arg;
    uint64_t counter = segment_file_counter(name);
    if (counter != 0) {
        found->items = mem_resize(found->items, (found->count + 1) * sizeof *found->items);
        found->items[found->count++] = counter;
    }
    return true;
}

static int
by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

err_t
segment_chain_list(const struct segment_set *set, uint64_t **counters, size_t *count,
                   struct why *why)
{
    struct counters found = {0};
    int rc = set->ops->list(set->dir_fd, take_name, &found);
    if (rc < 0) {
        mem_free(found.items);
        return file_io_failed(why, rc, "cannot list", set->path, NULL);
    }
    if (found.count > 0) {
        qsort(found.items, found.count, sizeof *found.items, by_value);
    }
    *counters = found.items;
    *count = found.count;
    return ERR_OK;
}

err_t
segment_chain_head(const struct segment_set *set, uint64_t counter, struct segment_head *head,
                   struct file_stat *stat, struct why *why)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(counter, name);
    int fd = file_io_open(set->ops, set->dir_fd, name, O_RDONLY, 0);
    if (fd == -ENOENT) {
        return why_set(why, ERR_NOT_FOUND, "%s/%s is gone", set->path, name);
    }
    if (fd < 0) {
        return file_io_failed(why, fd, "cannot open", set->path, name);
    }
    uint8_t *bytes = mem_zeroed(SEGMENT_HEAD_BYTES);
    int64_t got = set->ops->stat(fd, stat);
    if (got == 0) {
        got = file_io_read(set->ops, fd, bytes, SEGMENT_HEAD_BYTES, 0);
    }
    (void)set->ops->close(fd); /* read only */
    struct why inner = {{0}};
    err_t rc = ERR_OK;
    if (got < 0) {
        rc = file_io_failed(why, (int)got, "cannot read", set->path, name);
    } else if ((rc = segment_head_decode(bytes, head, &inner)) != ERR_OK) {
        (void)why_set(why, rc, "%s/%s %s", set->path, name, inner.text);
    } else if (head->counter != counter) {
        rc = why_set(why, ERR_CORRUPT, "%s/%s holds segment %llu: it was renamed or copied",
                     set->path, name, (unsigned long long)head->counter);
    }
    mem_free(bytes);
    return rc;
}

static const struct segment *
known(const struct segment_set *set, uint64_t counter)
{
    size_t at = segment_set_by_counter(set, counter);
    return at < set->count ? &set->items[at] : NULL;
}

static err_t
links_fit(const struct segment_set *set, const struct segment_head *older,
          const struct segment_head *newer, struct why *why)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(newer->counter, name);
    if (memcmp(older->identity, newer->identity, sizeof older->identity) != 0 ||
        strcmp(older->name, newer->name) != 0) {
        return why_set(why, ERR_CORRUPT, "%s/%s belongs to another log than its predecessor",
                       set->path, name);
    }
    if (newer->run < older->run || newer->first < older->first ||
        newer->previous_end > segment_data_end(older->bytes)) {
        return why_set(why, ERR_CORRUPT, "%s/%s does not fit its predecessor", set->path, name);
    }
    return ERR_OK;
}

/* What one look at the directory found; becomes the set when all of it fits together. */
struct look {
    uint64_t *counters;
    size_t count;
    struct segment *chain; /* newest first */
    size_t chain_count;
    uint64_t *leftovers;
    size_t leftover_count;
};

static void
look_fini(struct look *look)
{
    mem_free(look->counters);
    mem_free(look->chain);
    mem_free(look->leftovers);
    *look = (struct look){0};
}

static err_t
look_at(const struct segment_set *set, uint64_t counter, struct segment *segment, struct why *why)
{
    const struct segment *before = known(set, counter);
    struct file_stat stat;
    err_t rc = segment_chain_head(set, counter, &segment->head, &stat, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (before != NULL && before->inode == stat.inode && before->head.salt == segment->head.salt) {
        *segment = *before; /* moves its descriptor and index; the set is rewritten as a whole */
    } else {
        segment->fd = -1;
        segment->end = SEGMENT_HEAD_BYTES;
        segment->inode = stat.inode;
        segment_index_init(&segment->index, segment->head.first);
    }
    segment->file_bytes = stat.bytes;
    return ERR_OK;
}

/* Follow the links from the newest segment back to the oldest one kept. */
static err_t
look_back(const struct segment_set *set, struct look *look, struct why *why)
{
    look->chain = mem_array(look->count, sizeof *look->chain);
    look->leftovers = mem_array(look->count, sizeof *look->leftovers);
    for (size_t i = look->count; i > 0; i--) {
        uint64_t counter = look->counters[i - 1];
        struct segment *newer = look->chain_count == 0 ? NULL : &look->chain[look->chain_count - 1];
        if (newer != NULL && counter > newer->head.previous) {
            look->leftovers[look->leftover_count++] = counter;
            continue;
        }
        if (newer != NULL && counter < newer->head.previous) {
            char name[SEGMENT_NAME_SIZE];
            segment_file_name(newer->head.previous, name);
            return why_set(why, ERR_CORRUPT, "%s/%s is missing, but older segments are there",
                           set->path, name);
        }
        struct segment *found = &look->chain[look->chain_count];
        err_t rc = look_at(set, counter, found, why);
        if (rc == ERR_OK && newer != NULL) {
            rc = links_fit(set, &found->head, &newer->head, why);
        }
        if (rc != ERR_OK) {
            return rc;
        }
        if (newer != NULL) {
            found->end = newer->head.previous_end;
        }
        look->chain_count++;
    }
    return ERR_OK;
}

/* Put the chain into the set, oldest first, and close what is not in it any more. */
static void
adopt(struct segment_set *set, struct look *look)
{
    for (size_t i = 0; i < set->count; i++) {
        struct segment *old = &set->items[i];
        bool kept = false;
        for (size_t k = 0; k < look->chain_count && !kept; k++) {
            kept = look->chain[k].head.salt == old->head.salt &&
                   look->chain[k].head.counter == old->head.counter &&
                   look->chain[k].inode == old->inode;
        }
        if (!kept) {
            if (old->fd >= 0) {
                (void)set->ops->close(old->fd); /* read only */
            }
            segment_index_fini(&old->index);
        }
    }
    for (size_t i = 0, k = look->chain_count; i + 1 < k; i++, k--) {
        struct segment swap = look->chain[i];
        look->chain[i] = look->chain[k - 1];
        look->chain[k - 1] = swap;
    }
    mem_free(set->items);
    mem_free(set->leftovers);
    set->items = look->chain;
    set->count = look->chain_count;
    set->leftovers = look->leftovers;
    set->leftover_count = look->leftover_count;
    set->window_counter = 0;
    look->chain = NULL;
    look->leftovers = NULL;
}

/* Whether the directory holds other segments than at the look that failed. */
static bool
changed_since(const struct segment_set *set, const struct look *look)
{
    uint64_t *counters = NULL;
    size_t count = 0;
    bool changed = false;
    if (segment_chain_list(set, &counters, &count, NULL) == ERR_OK) {
        changed = count != look->count ||
                  (count > 0 && memcmp(counters, look->counters, count * sizeof *counters) != 0);
        mem_free(counters);
    }
    return changed;
}

err_t
segment_chain_load(struct segment_set *set, struct why *why)
{
    err_t rc = ERR_OK;
    for (int i = 0; i < LOAD_TRIES; i++) {
        struct look look = {0};
        rc = segment_chain_list(set, &look.counters, &look.count, why);
        if (rc == ERR_OK) {
            rc = look_back(set, &look, why);
        }
        if (rc == ERR_OK) {
            adopt(set, &look);
        }
        /* The owner may have trimmed or rolled in the meantime: then this was no damage. */
        bool again = rc != ERR_OK && changed_since(set, &look);
        look_fini(&look);
        if (!again) {
            break;
        }
    }
    return rc == ERR_NOT_FOUND ? why_set(why, ERR_IO, "%s changes too often to be read", set->path)
                               : rc;
}
