#include "journal/spare_names.h"

#include "base/mem.h"

#include <string.h>

static bool
ends_with(const char *name, const char *suffix)
{
    size_t size = strlen(name);
    size_t suffix_size = strlen(suffix);
    return size >= suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

bool
spare_name_finished(const char *name)
{
    return ends_with(name, SPARE_FINISHED);
}

uint64_t
spare_name_number(const char *name)
{
    uint64_t number = 0;
    for (; *name >= '0' && *name <= '9'; name++) {
        number = number * 10 + (uint64_t)(*name - '0');
    }
    return number;
}

static bool
take_name(void *arg, const char *name)
{
    struct spare_names *self = arg;
    if (strlen(name) < SPARE_POOL_NAME_SIZE &&
        (spare_name_finished(name) || ends_with(name, SPARE_UNFINISHED))) {
        self->items = mem_resize(self->items, (self->count + 1) * sizeof *self->items);
        memcpy(self->items[self->count++], name, strlen(name) + 1);
    }
    return true;
}

void
spare_names_list(struct spare_names *self, const struct file_ops *ops, int dir_fd)
{
    (void)ops->list(dir_fd, take_name, self); /* without it: no spares */
}

void
spare_names_fini(struct spare_names *self)
{
    mem_free(self->items);
    *self = (struct spare_names){0};
}
