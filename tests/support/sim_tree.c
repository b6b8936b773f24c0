#include "support/sim_node.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>

static struct sim_node *
add_node(struct sim_tree *self, bool is_directory, struct sim_node *parent)
{
    self->nodes = mem_resize(self->nodes, (self->count + 1) * sizeof *self->nodes);
    struct sim_node *node = mem_zeroed(sizeof *node);
    node->number = self->count + 1;
    node->is_directory = is_directory;
    node->parent = parent;
    self->nodes[self->count++] = node;
    return node;
}

static void
node_destroy(struct sim_node *node)
{
    mem_free(node->bytes);
    mem_free(node->disk_bytes);
    mem_free(node->dirty);
    mem_free(node->entries);
    mem_free(node->disk_entries);
    mem_free(node->changes);
    mem_free(node);
}

void
sim_tree_init(struct sim_tree *self)
{
    *self = (struct sim_tree){0};
    (void)add_node(self, true, NULL);
}

void
sim_tree_fini(struct sim_tree *self)
{
    for (size_t i = 0; i < self->count; i++) {
        node_destroy(self->nodes[i]);
    }
    mem_free(self->nodes);
    *self = (struct sim_tree){0};
}

/* Nodes are numbered from 1 in the order of the array, in a copy as in the original. */
static struct sim_node *
same_node(const struct sim_tree *self, const struct sim_node *node)
{
    return node == NULL ? NULL : self->nodes[node->number - 1];
}

static struct sim_entry *
copy_entries(const struct sim_tree *self, const struct sim_entry *from, size_t count)
{
    struct sim_entry *to = mem_array(count, sizeof *to);
    for (size_t i = 0; i < count; i++) {
        to[i] = from[i];
        to[i].node = same_node(self, from[i].node);
    }
    return to;
}

static void
release_bytes(struct sim_node *node)
{
    mem_free(node->bytes);
    mem_free(node->disk_bytes);
    mem_free(node->dirty);
    node->bytes = node->disk_bytes = node->dirty = NULL;
    node->size = node->disk_size = node->capacity = 0;
}

static void
mark_named(const struct sim_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        entries[i].node->named = true;
    }
}

/* Which nodes a name leads to, or may lead to once the power has been cut; others are what is left
 * of unlinked files. */
static void
find_named(const struct sim_tree *self)
{
    for (size_t i = 0; i < self->count; i++) {
        self->nodes[i]->named = i == 0;
    }
    for (size_t i = 0; i < self->count; i++) {
        const struct sim_node *node = self->nodes[i];
        mark_named(node->entries, node->count);
        mark_named(node->disk_entries, node->disk_count);
        for (size_t k = 0; k < node->change_count; k++) {
            if (node->changes[k].set.node != NULL) {
                node->changes[k].set.node->named = true;
            }
        }
    }
}

static void
copy_node(const struct sim_tree *self, struct sim_node *to, const struct sim_node *from)
{
    *to = *from;
    to->locked = false;
    to->parent = same_node(self, from->parent);
    if (!from->named) {
        to->bytes = to->disk_bytes = to->dirty = NULL;
        to->size = to->disk_size = to->capacity = 0;
    }
    if (to->capacity > 0) {
        to->bytes = mem_copy(from->bytes, from->capacity);
        to->disk_bytes = mem_copy(from->disk_bytes, from->capacity);
        to->dirty = mem_copy(from->dirty, from->capacity / 512);
    }
    to->entries = copy_entries(self, from->entries, from->count);
    to->disk_entries = copy_entries(self, from->disk_entries, from->disk_count);
    to->changes = mem_array(from->change_count, sizeof *to->changes);
    for (size_t i = 0; i < from->change_count; i++) {
        to->changes[i] = from->changes[i];
        to->changes[i].set.node = same_node(self, from->changes[i].set.node);
    }
}

void
sim_tree_copy(struct sim_tree *self, const struct sim_tree *from)
{
    *self = (struct sim_tree){.count = from->count};
    self->nodes = mem_array(from->count, sizeof *self->nodes);
    for (size_t i = 0; i < from->count; i++) {
        self->nodes[i] = mem_zeroed(sizeof **self->nodes);
    }
    find_named(from);
    for (size_t i = 0; i < from->count; i++) {
        copy_node(self, self->nodes[i], from->nodes[i]);
    }
}

static void
set_entry(struct sim_entry **entries, size_t *count, const struct sim_entry *entry)
{
    size_t at = 0;
    while (at < *count && strcmp((*entries)[at].name, entry->name) != 0) {
        at++;
    }
    if (entry->node == NULL) {
        if (at < *count) {
            (*entries)[at] = (*entries)[--*count];
        }
        return;
    }
    if (at == *count) {
        *entries = mem_resize(*entries, (*count + 1) * sizeof **entries);
        (*count)++;
    }
    (*entries)[at] = *entry;
}

static void
change(struct sim_node *directory, const struct sim_change *made)
{
    set_entry(&directory->entries, &directory->count, &made->set);
    if (made->gone.name[0] != '\0') {
        set_entry(&directory->entries, &directory->count, &made->gone);
    }
    directory->changes =
        mem_resize(directory->changes, (directory->change_count + 1) * sizeof *directory->changes);
    directory->changes[directory->change_count++] = *made;
}

static void
settle_entries(struct sim_node *directory)
{
    mem_free(directory->disk_entries);
    directory->disk_entries = mem_array(directory->count, sizeof *directory->entries);
    if (directory->count > 0) {
        memcpy(directory->disk_entries, directory->entries,
               directory->count * sizeof *directory->entries);
    }
    directory->disk_count = directory->count;
    directory->change_count = 0;
}

void
sim_tree_settle_directory(struct sim_tree *self, struct sim_node *directory)
{
    (void)self;
    CHECK(directory->is_directory);
    settle_entries(directory);
}

void
sim_tree_settle(struct sim_tree *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->nodes[i]->is_directory) {
            settle_entries(self->nodes[i]);
        } else {
            sim_node_settle_all(self->nodes[i]);
        }
    }
}

static void
crash_directory(struct sim_node *directory, sim_draw_fn *draw, uint64_t *state)
{
    uint64_t mood = draw(state) % 3; /* lose all, keep all, keep some */
    for (size_t i = 0; i < directory->change_count; i++) {
        const struct sim_change *made = &directory->changes[i];
        if (mood == 1 || (mood == 2 && draw(state) % 2 == 0)) {
            set_entry(&directory->disk_entries, &directory->disk_count, &made->set);
            if (made->gone.name[0] != '\0') {
                set_entry(&directory->disk_entries, &directory->disk_count, &made->gone);
            }
        }
    }
    mem_free(directory->entries);
    directory->entries = mem_array(directory->disk_count, sizeof *directory->entries);
    if (directory->disk_count > 0) {
        memcpy(directory->entries, directory->disk_entries,
               directory->disk_count * sizeof *directory->entries);
    }
    directory->count = directory->disk_count;
    directory->change_count = 0;
}

void
sim_tree_crash(struct sim_tree *self, sim_draw_fn *draw, uint64_t *state)
{
    for (size_t i = 0; i < self->count; i++) {
        struct sim_node *node = self->nodes[i];
        node->locked = false;
        if (node->is_directory) {
            crash_directory(node, draw, state);
        } else if (node->capacity > 0) {
            sim_node_crash(node, draw, state);
        }
    }
    find_named(self);
    for (size_t i = 0; i < self->count; i++) {
        if (!self->nodes[i]->named) {
            release_bytes(self->nodes[i]);
        }
    }
}

static struct sim_node *
lookup(const struct sim_node *directory, const char *name, size_t size)
{
    for (size_t i = 0; i < directory->count; i++) {
        const struct sim_entry *entry = &directory->entries[i];
        if (strlen(entry->name) == size && memcmp(entry->name, name, size) == 0) {
            return entry->node;
        }
    }
    return NULL;
}

/* Walk to the directory that holds the last component. */
static struct sim_node *
walk(struct sim_tree *self, struct sim_node *base, const char **path)
{
    struct sim_node *at = base == NULL ? self->nodes[0] : base;
    for (;;) {
        *path += strspn(*path, "/");
        size_t size = strcspn(*path, "/");
        if ((*path)[size] == '\0') {
            return at;
        }
        if (size == 2 && memcmp(*path, "..", 2) == 0) {
            at = at->parent == NULL ? at : at->parent;
        } else if (!(size == 1 && **path == '.')) {
            at = lookup(at, *path, size);
        }
        if (at == NULL || !at->is_directory) {
            return NULL;
        }
        *path += size;
    }
}

struct sim_node *
sim_tree_find(struct sim_tree *self, struct sim_node *base, const char *path)
{
    struct sim_node *at = walk(self, base, &path);
    if (at == NULL || *path == '\0' || strcmp(path, ".") == 0) {
        return at;
    }
    if (strcmp(path, "..") == 0) {
        return at->parent == NULL ? at : at->parent;
    }
    return lookup(at, path, strlen(path));
}

int
sim_tree_make(struct sim_tree *self, struct sim_node *base, const char *path, bool is_directory,
              struct sim_node **node)
{
    struct sim_node *directory = walk(self, base, &path);
    if (directory == NULL) {
        return -ENOENT;
    }
    if (lookup(directory, path, strlen(path)) != NULL) {
        return -EEXIST;
    }
    CHECK(strlen(path) < SIM_NAME_SIZE);
    struct sim_change made = {0};
    memcpy(made.set.name, path, strlen(path) + 1);
    *node = add_node(self, is_directory, directory);
    made.set.node = *node;
    change(directory, &made);
    return 0;
}

int
sim_tree_unlink(struct sim_tree *self, struct sim_node *base, const char *path)
{
    struct sim_node *directory = walk(self, base, &path);
    if (directory == NULL || lookup(directory, path, strlen(path)) == NULL) {
        return -ENOENT;
    }
    struct sim_change made = {0};
    memcpy(made.set.name, path, strlen(path) + 1);
    change(directory, &made);
    return 0;
}

int
sim_tree_rename(struct sim_tree *self, struct sim_node *directory, const char *from, const char *to)
{
    directory = directory == NULL ? self->nodes[0] : directory;
    struct sim_node *node = lookup(directory, from, strlen(from));
    if (node == NULL) {
        return -ENOENT;
    }
    if (lookup(directory, to, strlen(to)) != NULL) {
        return -EEXIST;
    }
    struct sim_change made = {.set.node = node};
    CHECK(strlen(to) < SIM_NAME_SIZE);
    memcpy(made.set.name, to, strlen(to) + 1);
    memcpy(made.gone.name, from, strlen(from) + 1);
    change(directory, &made);
    return 0;
}

static uint64_t
hash_node(const struct sim_node *node)
{
    if (!node->is_directory) {
        return node->size == 0 ? 1 : XXH3_64bits(node->bytes, node->size);
    }
    uint64_t sum = 2; /* the order of entries does not count */
    for (size_t i = 0; i < node->count; i++) {
        const struct sim_entry *entry = &node->entries[i];
        sum += XXH3_64bits_withSeed(entry->name, strlen(entry->name), hash_node(entry->node));
    }
    return sum;
}

uint64_t
sim_tree_hash(const struct sim_tree *self)
{
    return hash_node(self->nodes[0]);
}

static uint64_t
node_bytes(const struct sim_node *node)
{
    uint64_t bytes = node->is_directory ? 0 : node->size;
    for (size_t i = 0; i < node->count; i++) {
        bytes += node_bytes(node->entries[i].node);
    }
    return bytes;
}

uint64_t
sim_tree_bytes(const struct sim_tree *self)
{
    return node_bytes(self->nodes[0]);
}
