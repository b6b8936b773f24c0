/*
 * The tree of files of a simulated disk: what is there, and what of it a power cut may take.
 * Private to sim_disk.c.
 */
#ifndef HERALD_TESTS_SUPPORT_SIM_NODE_H
#define HERALD_TESTS_SUPPORT_SIM_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NAME_SIZE 80

struct sim_node;

struct sim_entry {
    char name[SIM_NAME_SIZE];
    struct sim_node *node; /* borrowed from the tree */
};

/* A directory operation that is not synced: `name` came to mean `node` (NULL: nothing). A rename is
 * one operation with two names, kept or lost as one. */
struct sim_change {
    struct sim_entry set;
    struct sim_entry gone; /* name empty: none */
};

struct sim_node {
    uint64_t number;
    bool is_directory;
    bool locked;
    bool named; /* scratch of sim_tree.c */
    /* A file: as it is, as it is on disk, and which sectors differ. */
    uint8_t *bytes;
    uint8_t *disk_bytes;
    uint8_t *dirty; /* one byte a sector: whether they differ, see sim_node.c */
    size_t size;
    size_t disk_size;
    size_t capacity; /* of both, a multiple of the sector */
    /* A directory. */
    struct sim_node *parent;
    struct sim_entry *entries;
    size_t count;
    struct sim_entry *disk_entries;
    size_t disk_count;
    struct sim_change *changes;
    size_t change_count;
};

struct sim_tree {
    struct sim_node **nodes; /* owned; [0] is the root */
    size_t count;
};

typedef uint64_t sim_draw_fn(uint64_t *state);

void sim_tree_init(struct sim_tree *self);
void sim_tree_fini(struct sim_tree *self);
void sim_tree_copy(struct sim_tree *self, const struct sim_tree *from);
void sim_tree_crash(struct sim_tree *self, sim_draw_fn *draw, uint64_t *state);
void sim_tree_settle(struct sim_tree *self); /* all is on disk as it is */
void sim_tree_settle_directory(struct sim_tree *self, struct sim_node *directory);
uint64_t sim_tree_hash(const struct sim_tree *self);
uint64_t sim_tree_bytes(const struct sim_tree *self);

/* base NULL: the root. Paths with / . and .. are walked. */
struct sim_node *sim_tree_find(struct sim_tree *self, struct sim_node *base, const char *path);
int sim_tree_make(struct sim_tree *self, struct sim_node *base, const char *path, bool is_directory,
                  struct sim_node **node);
int sim_tree_unlink(struct sim_tree *self, struct sim_node *base, const char *path);
int sim_tree_rename(struct sim_tree *self, struct sim_node *directory, const char *from,
                    const char *to);

void sim_node_write(struct sim_node *self, const void *from, size_t size, size_t offset);
void sim_node_crash(struct sim_node *self, sim_draw_fn *draw, uint64_t *state);
void sim_node_resize(struct sim_node *self, size_t size);
void sim_node_settle(struct sim_node *self);     /* a sync that succeeded */
void sim_node_settle_all(struct sim_node *self); /* also where no write has said that it changed */

/* What was just written here does not reach the disk: it goes nowhere (0), or so many sectors
 * behind its place. The system does not know. */
void sim_node_stray(struct sim_node *self, size_t size, size_t offset, uint32_t sectors);

/* Whether a sector is not on disk, and the system believes that it is; and to put it there. */
bool sim_node_believed(const struct sim_node *self, size_t sector);
void sim_node_settle_sector(struct sim_node *self, size_t sector);

/* A sync that failed: the pages count as clean, and some of them are not on disk. */
void sim_node_forget(struct sim_node *self, uint64_t chance);

#endif
