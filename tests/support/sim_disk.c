#include "support/sim_disk_private.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

sim_disk_t *sim_disk_in_use;

/* splitmix64 */
uint64_t
sim_disk_draw(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15U;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

sim_disk_t *
sim_disk_new(uint64_t seed)
{
    sim_disk_t *self = mem_zeroed(sizeof *self);
    sim_tree_init(&self->tree);
    self->random = seed;
    self->capacity = UINT64_C(1) << 30;
    return self;
}

sim_disk_t *
sim_disk_clone(const sim_disk_t *other)
{
    sim_disk_t *self = mem_zeroed(sizeof *self);
    sim_tree_copy(&self->tree, &other->tree);
    self->random = other->random;
    self->capacity = other->capacity;
    self->now_ms = other->now_ms;
    return self;
}

void
sim_disk_destroy(sim_disk_t **self_p)
{
    sim_disk_t *self = *self_p;
    *self_p = NULL;
    if (self != NULL) {
        if (sim_disk_in_use == self) {
            sim_disk_use(NULL);
        }
        sim_disk_stray_forget(self);
        sim_tree_fini(&self->tree);
        mem_free(self);
    }
}

void
sim_disk_kill(sim_disk_t *self)
{
    memset(self->open, 0, sizeof self->open);
    memset(self->locker, 0, sizeof self->locker);
    self->fault = (struct sim_disk_fault){0};
    self->operations = 0;
    self->hit = false;
}

void
sim_disk_crash(sim_disk_t *self, uint64_t seed)
{
    uint64_t state = seed;
    bool shown = sim_stray_before(self);
    sim_tree_crash(&self->tree, sim_disk_draw, &state);
    sim_stray_after(self, shown);
    sim_disk_kill(self);
}

void
sim_disk_set_fault(sim_disk_t *self, const struct sim_disk_fault *fault)
{
    self->fault = *fault;
    self->operations = 0;
    self->hit = false;
}

void
sim_disk_set_sectors(sim_disk_t *self, uint32_t sectors)
{
    self->sectors = sectors;
}

uint64_t
sim_disk_operations(const sim_disk_t *self)
{
    return self->operations;
}

bool
sim_disk_fault_hit(const sim_disk_t *self)
{
    return self->hit;
}

bool
sim_disk_fault_failed(const sim_disk_t *self)
{
    return self->hit && self->fault.kind != SIM_DISK_SHORT;
}

bool
sim_disk_is_off(const sim_disk_t *self)
{
    return self->hit && (self->fault.kind == SIM_DISK_OFF || self->fault.kind == SIM_DISK_TORN);
}

void
sim_disk_set_now(sim_disk_t *self, int64_t now_ms)
{
    self->now_ms = now_ms;
}

void
sim_disk_set_capacity(sim_disk_t *self, uint64_t bytes)
{
    self->capacity = bytes;
}

uint8_t *
sim_disk_bytes(sim_disk_t *self, const char *path, size_t *size)
{
    struct sim_node *node = sim_tree_find(&self->tree, NULL, path);
    if (node == NULL || node->is_directory) {
        return NULL;
    }
    sim_node_settle(node);
    *size = node->size;
    return node->bytes;
}

void
sim_disk_damaged(sim_disk_t *self, const char *path)
{
    struct sim_node *node = sim_tree_find(&self->tree, NULL, path);
    if (node != NULL && !node->is_directory) {
        sim_node_settle_all(node);
    }
}

void
sim_disk_settle(sim_disk_t *self)
{
    sim_tree_settle(&self->tree);
}

int
sim_disk_remove(sim_disk_t *self, const char *path)
{
    int rc = sim_tree_unlink(&self->tree, NULL, path);
    sim_tree_settle(&self->tree);
    return rc;
}

uint64_t
sim_disk_used(const sim_disk_t *self)
{
    return sim_tree_bytes(&self->tree);
}

uint64_t
sim_disk_hash(const sim_disk_t *self)
{
    return sim_tree_hash(&self->tree);
}

void
sim_disk_use(sim_disk_t *self)
{
    sim_disk_in_use = self;
    file_ops_install(self == NULL ? NULL : &sim_disk_ops);
}

const struct file_ops *
sim_disk_table(void)
{
    return &sim_disk_ops;
}
