/*
 * A healthy log, damaged where it was acknowledged: it must be refused and left as it is, or hold
 * everything. Nothing may be lost in silence.
 */
#include "crash/crash.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_FILE "j/producer/0000000000000001.seg"
#define HEALTHY_STEPS 40
#define SEGMENT_HEAD 4096
#define STRAY_STEPS 60
#define BLOCKS_MAX 64

/* A start that finds the newest segment empty puts the next one in its place: the second may be
 * gone and a third there. Each step is a start at most. */
static bool
has_successor(sim_disk_t *disk)
{
    for (unsigned counter = 2; counter <= HEALTHY_STEPS + 1; counter++) {
        char name[48];
        size_t size;
        (void)snprintf(name, sizeof name, "j/producer/%016x.seg", counter); /* fits */
        if (sim_disk_bytes(disk, name, &size) != NULL) {
            return true;
        }
    }
    return false;
}

/* A log of one run and one segment, much of it full, all of it acknowledged and published: a start
 * looks at all of it. */
static sim_disk_t *
full_segment(struct crash_model *model, uint64_t seed)
{
    for (;; seed++) {
        memset(model, 0, sizeof *model);
        model->random = seed;
        sim_disk_t *disk = sim_disk_new(seed);
        sim_disk_use(disk);
        if (crash_model_run(model, HEALTHY_STEPS) == ERR_OK && model->acked >= 60 &&
            model->acked == model->appended && !has_successor(disk)) {
            return disk;
        }
        sim_disk_destroy(&disk);
    }
}

/* Open what was damaged. True: it was refused, and is as it was. */
static bool
open_damaged(struct crash_tried *tried, sim_disk_t *disk, const struct crash_model *model,
             uint64_t witnessed, uint64_t seed)
{
    const struct log_settings settings = crash_model_settings();
    log_t *log = NULL;
    uint64_t before = sim_disk_hash(disk);
    err_t rc = log_own(&log, &settings, "producer", witnessed, NULL);
    log_close(&log);
    tried->damages++;
    if (rc == ERR_CORRUPT || rc == ERR_UNSUPPORTED) {
        tried->refused++;
        /* A start has begun a new segment when what it reads next is in an older one. */
        if (!model->damaged && sim_disk_hash(disk) != before) {
            printf("VIOLATION a damaged log was touched\n");
            crash_verdict(tried, false, "damage", seed);
        }
        return true;
    }
    struct crash_model found;
    crash_model_copy(&found, model);
    crash_verdict(tried, crash_model_check(&found, witnessed, "damage"), "damage", seed);
    return false;
}

void
crash_flips(struct crash_tried *tried, uint64_t stride, uint64_t seed)
{
    struct crash_model *model = mem_alloc(sizeof *model);
    sim_disk_t *whole = full_segment(model, seed);
    size_t size = 0;
    (void)sim_disk_bytes(whole, SEGMENT_FILE, &size);
    sim_disk_t *disk = sim_disk_clone(whole);
    for (uint64_t bit = seed % stride; bit < size * 8; bit += stride) {
        sim_disk_use(disk);
        uint8_t *bytes = sim_disk_bytes(disk, SEGMENT_FILE, &size);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        sim_disk_kill(disk);
        if (open_damaged(tried, disk, model, 0, bit)) {
            bytes = sim_disk_bytes(disk, SEGMENT_FILE, &size);
            bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            continue;
        }
        sim_disk_destroy(&disk);
        disk = sim_disk_clone(whole);
    }
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
    sim_disk_destroy(&whole);
    mem_free(model);
}

struct place {
    size_t offset;
    size_t size;
};

/* Where the blocks are; see docs/JOURNAL.md. */
static size_t
find_blocks(const uint8_t *bytes, size_t size, struct place blocks[BLOCKS_MAX])
{
    size_t count = 0;
    size_t at = SEGMENT_HEAD;
    while (count < BLOCKS_MAX && at + 64 <= size && memcmp(bytes + at + 12, "HBLK", 4) == 0) {
        uint32_t records = 0;
        memcpy(&records, bytes + at + 48, sizeof records); /* the machine is little-endian too */
        blocks[count].offset = at;
        blocks[count].size = (64 + (size_t)records + 511) / 512 * 512;
        at += blocks[count++].size;
    }
    return count;
}

enum harm { ZEROED, DOUBLED, SWAPPED, HARMS };

static void
harm(uint8_t *bytes, enum harm how, const struct place *a, const struct place *b)
{
    size_t least = a->size < b->size ? a->size : b->size;
    uint8_t *copy = mem_copy(bytes + a->offset, a->size);
    if (how == ZEROED) {
        memset(bytes + a->offset, 0, a->size);
    } else if (how == DOUBLED) {
        memcpy(bytes + b->offset, copy, least);
    } else {
        memcpy(bytes + a->offset, bytes + b->offset, least);
        memcpy(bytes + b->offset, copy, least);
    }
    mem_free(copy);
}

void
crash_blocks(struct crash_tried *tried, uint64_t stride, uint64_t seed)
{
    struct crash_model *model = mem_alloc(sizeof *model);
    sim_disk_t *whole = full_segment(model, seed);
    size_t size = 0;
    struct place blocks[BLOCKS_MAX];
    size_t count = find_blocks(sim_disk_bytes(whole, SEGMENT_FILE, &size), size, blocks);
    uint64_t each = HARMS * count;
    for (uint64_t i = seed % stride; i < each * count; i += stride) {
        const struct place *a = &blocks[i / each];
        const struct place *b = &blocks[i / HARMS % count];
        enum harm how = (enum harm)(i % HARMS);
        if ((a == b) != (how == ZEROED)) {
            continue; /* nothing is changed by it, or it was done already */
        }
        sim_disk_t *disk = sim_disk_clone(whole);
        sim_disk_use(disk);
        harm(sim_disk_bytes(disk, SEGMENT_FILE, &size), how, a, b);
        sim_disk_settle(disk);
        if (!open_damaged(tried, disk, model, 0, i)) {
            printf("VIOLATION a damaged block was not seen\n");
            crash_verdict(tried, false, "block", i);
        }
        sim_disk_use(NULL);
        sim_disk_destroy(&disk);
    }
    sim_disk_destroy(&whole);
    mem_free(model);
}

/* One write goes astray, the log works on and is closed in peace, then the power is cut. */
static bool
stray(struct crash_tried *tried, const struct sim_disk_fault *fault, uint32_t sectors,
      uint64_t seed)
{
    struct crash_model *model = mem_zeroed(sizeof *model);
    model->random = seed;
    sim_disk_t *disk = sim_disk_new(seed);
    sim_disk_use(disk);
    sim_disk_set_fault(disk, fault);
    sim_disk_set_sectors(disk, sectors);
    (void)crash_model_run(model, STRAY_STEPS);
    bool more = sim_disk_operations(disk) >= fault->at;
    sim_disk_crash(disk, seed + fault->at);
    model->damaged = true; /* a start looks at the newest segment; older ones when they are read */
    /* What was acknowledged last may be known to the position file only, and that may have been
     * the write; a reader of the log knows it too. */
    (void)open_damaged(tried, disk, model, model->acked, fault->at);
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
    mem_free(model);
    return more;
}

void
crash_strays(struct crash_tried *tried, uint64_t stride, uint64_t seed)
{
    bool more = true;
    for (uint64_t at = 1 + seed % stride; more; at += stride) {
        struct sim_disk_fault fault = {.kind = SIM_DISK_DROPPED, .at = at};
        more = stray(tried, &fault, 0, seed);
        fault.kind = SIM_DISK_MISDIRECTED;
        for (uint32_t sectors = 1; sectors <= 16; sectors *= 2) {
            more = stray(tried, &fault, sectors, seed) && more;
        }
    }
}
