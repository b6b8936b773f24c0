/*
 * A log on the simulated disk, of which every record is durable, is damaged and opened again.
 *
 *   byte 0   1: a peer has seen the log's end   2: the checksums are made to agree with the damage
 *            4: the rest replaces the position file, then the newest segment from its start
 *            8: a follower looks at it too, first   16: it is recovered a second time
 *   edits    file (0: the position file, 1 and up: segments), offset u16, size, bytes; a size from
 *            128 on stands for that many sectors' zeros
 *
 * With checksums as they were: what is served is what was appended, in order and without a gap, up
 * to the proven position at least, or the log says that it is damaged. Recovering twice gives the
 * same.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"
#include "journal/log.h"
#include "journal/segment.h"
#include "support/sim_disk.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define FILES_MAX 8
#define RECORDS_MAX 40
#define RUNS 3
#define COMMITS_A_RUN 4
#define SECTOR 512

enum {
    SEEN = 1,
    RESEALED = 2,
    REPLACED = 4,
    FOLLOWED = 8,
    TWICE = 16,
};

static const struct log_settings settings = {
    .directory = "j", .segment_bytes = 64U * 1024, .no_write_ahead = true};
static sim_disk_t *intact;
static uint64_t hashes[RECORDS_MAX];
static uint64_t appended;
static char files[FILES_MAX][64]; /* the position file, then the segments */
static size_t file_count;

static uint64_t
hash_of(uint8_t kind, const uint8_t *body, size_t size)
{
    return XXH3_64bits_withSeed(body, size, kind);
}

/* Some runs, with some records a commit; each run begins a segment. As small as has it all, since
 * every input copies it, and reads it three times. */
static void
fill(void)
{
    struct why why = {{0}};
    for (int run = 0; run < RUNS; run++) {
        log_t *log = NULL;
        CHECK(log_own(&log, &settings, "producer", appended, &why) == ERR_OK);
        for (int commit = 0; commit < COMMITS_A_RUN; commit++) {
            for (int i = 0; i <= commit % 3; i++) {
                uint8_t body[1200];
                size_t size = (size_t)(commit * 37 + i * 611) % sizeof body;
                memset(body, commit * 16 + i, size);
                uint8_t kind = (uint8_t)(5 + i);
                CHECK(log_append(log, kind, body, size) == appended + 1);
                hashes[appended++] = hash_of(kind, body, size);
            }
            CHECK(log_commit(log, 0, &why) == ERR_OK && log_reap(log, &why) == ERR_OK);
        }
        CHECK(log_durable(log) == appended);
        log_close(&log);
    }
}

static void
prepare(void)
{
    intact = sim_disk_new(1);
    sim_disk_use(intact);
    fill();
    (void)snprintf(files[0], sizeof files[0], "j/producer/position");
    size_t size = 0;
    for (uint64_t counter = 1; counter <= 16 && file_count < FILES_MAX - 1; counter++) {
        char name[SEGMENT_NAME_SIZE];
        char *path = files[file_count + 1];
        segment_file_name(counter, name);
        (void)snprintf(path, sizeof files[0], "j/producer/%s", name);
        file_count += sim_disk_bytes(intact, path, &size) != NULL;
    }
    file_count++;
    CHECK(file_count >= 2 && sim_disk_bytes(intact, files[0], &size) != NULL);
}

/* Answers whether the position file is among what was changed. */
static bool
edit(sim_disk_t *disk, struct fuzz_in *in)
{
    bool position = false;
    while (in->left > 0) {
        size_t file = fuzz_in_byte(in) % file_count;
        size_t at = fuzz_in_u16(in);
        size_t wanted = fuzz_in_byte(in);
        size_t size = 0;
        uint8_t *bytes = sim_disk_bytes(disk, files[file], &size);
        at = size == 0 ? 0 : at % size;
        if (wanted >= 128) {
            wanted = (wanted - 127) * SECTOR;
            memset(bytes + at, 0, wanted < size - at ? wanted : size - at);
        } else {
            size_t given = 0;
            const uint8_t *from = fuzz_in_span(in, wanted, &given);
            if (given > 0) {
                memcpy(bytes + at, from, given < size - at ? given : size - at);
            }
        }
        position = position || file == 0;
    }
    return position;
}

static void
replace(sim_disk_t *disk, struct fuzz_in *in)
{
    const char *both[] = {files[0], files[file_count - 1]};
    for (size_t i = 0; i < 2; i++) {
        size_t size = 0;
        size_t given = 0;
        uint8_t *bytes = sim_disk_bytes(disk, both[i], &size);
        const uint8_t *from = fuzz_in_span(in, size, &given);
        if (given > 0) {
            memcpy(bytes, from, given);
        }
    }
}

/* As segment.c seals: by salt, run, counter and offset, all of them as they stand in the file. */
static void
reseal_segment(uint8_t *bytes, size_t size)
{
    bytes_put_u64(bytes + SECTOR - 8, XXH3_64bits(bytes, SECTOR - 8));
    for (size_t at = SEGMENT_HEAD_BYTES; at + SECTOR <= size; at += SECTOR) {
        uint8_t *block = bytes + at;
        uint64_t records = bytes_get_u32(block + 48);
        if (memcmp(block + 12, "HBLK", 4) != 0 || records > size - at - LOG_BLOCK_HEAD_BYTES) {
            continue;
        }
        uint8_t place[32];
        memcpy(place, bytes + 80, 8);
        memcpy(place + 8, bytes + 32, 16);
        bytes_put_u64(place + 24, at);
        uint64_t seed = XXH3_64bits(place, sizeof place);
        bytes_put_u32(block + 8,
                      (uint32_t)XXH3_64bits_withSeed(block + 12, LOG_BLOCK_HEAD_BYTES - 12, seed));
        bytes_put_u64(block, XXH3_64bits_withSeed(
                                 block + 8, LOG_BLOCK_HEAD_BYTES - 8 + (size_t)records, seed));
    }
}

static void
reseal(sim_disk_t *disk)
{
    size_t size = 0;
    uint8_t *slots = sim_disk_bytes(disk, files[0], &size);
    for (size_t at = 0; at + SECTOR <= size; at += SECTOR) {
        bytes_put_u64(slots + at + SECTOR - 8, XXH3_64bits(slots + at, SECTOR - 8));
    }
    for (size_t i = 1; i < file_count; i++) {
        uint8_t *bytes = sim_disk_bytes(disk, files[i], &size);
        reseal_segment(bytes, size);
    }
}

/* All that the log serves; with `honest` checksums it is what was appended. */
static void
read_all(log_t *log, bool honest)
{
    struct log_cursor cursor;
    struct log_record record;
    struct why why = {{0}};
    uint64_t expected = log_first(log);
    CHECK(!honest || (log_first(log) == 1 && log_durable(log) <= appended));
    log_cursor_init(&cursor, log, expected, LOG_ALL_KINDS);
    err_t rc;
    while ((rc = log_cursor_next(&cursor, &record, &why)) == ERR_OK) {
        CHECK(!honest || record.position == expected);
        CHECK(!honest ||
              hash_of(record.kind, record.body, record.size) == hashes[record.position - 1]);
        expected++;
    }
    log_cursor_fini(&cursor);
    if (rc == ERR_AGAIN) {
        CHECK(!honest || expected == log_durable(log) + 1);
    } else {
        CHECK(why.text[0] != '\0');
    }
    log_block_t *block = NULL;
    if (log_newest(log, 5, &record, &block, &why) == ERR_OK) {
        log_block_release(&block);
    }
}

static void
look_as_follower(bool honest)
{
    struct why why = {{0}};
    log_t *reader = NULL;
    if (log_follow(&reader, &settings, "producer", &why) == ERR_OK) {
        read_all(reader, honest && log_durable(reader) > 0);
        log_close(&reader);
    } else {
        CHECK(why.text[0] != '\0');
    }
}

static void
recover(uint64_t witnessed, uint64_t proven, bool honest, bool twice)
{
    struct why why = {{0}};
    log_t *log = NULL;
    err_t rc = log_own(&log, &settings, "producer", witnessed, &why);
    if (rc != ERR_OK) {
        CHECK(why.text[0] != '\0');
        return;
    }
    CHECK(log_durable(log) >= proven);
    read_all(log, honest);
    uint64_t durable = log_durable(log);
    uint64_t first = log_first(log);
    log_close(&log);
    if (twice) {
        CHECK(log_own(&log, &settings, "producer", durable, &why) == ERR_OK);
        CHECK(log_durable(log) == durable && log_first(log) == first);
        log_close(&log);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (intact == NULL) {
        prepare();
    }
    struct fuzz_in in = {.next = data, .left = size};
    uint8_t flags = fuzz_in_byte(&in);
    sim_disk_t *disk = sim_disk_clone(intact);
    bool claim_changed = true;
    if ((flags & REPLACED) != 0) {
        replace(disk, &in);
    } else {
        claim_changed = edit(disk, &in);
    }
    if ((flags & RESEALED) != 0) {
        reseal(disk);
    }
    sim_disk_settle(disk);
    sim_disk_use(disk);
    bool honest = (flags & RESEALED) == 0;
    uint64_t witnessed = (flags & SEEN) != 0 ? appended : 0;
    if ((flags & FOLLOWED) != 0) {
        look_as_follower(honest);
    }
    recover(witnessed, claim_changed ? witnessed : appended, honest, (flags & TWICE) != 0);
    sim_disk_use(NULL);
    sim_disk_destroy(&disk);
    return 0;
}
