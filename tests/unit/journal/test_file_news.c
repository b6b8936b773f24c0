/* What a reader knows of a log without looking at its blocks. */
#include "base/bytes.h"
#include "unit/journal/journal_forge.h"

#include <xxhash.h>

#define POSITION "j/producer/position"

static sim_disk_t *disk;

static void
setup(void)
{
    disk = fixture_disk();
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(file_news, .init = setup, .fini = teardown);

/* Reads of a segment, and other operations, that the next record took; 0: there is none. */
static uint64_t
next(struct log_cursor *cursor, uint64_t *position)
{
    struct log_record record;
    uint64_t before = sim_disk_operations(disk);
    struct why why = {{0}};
    err_t rc = log_cursor_next(cursor, &record, &why);
    cr_assert(rc == ERR_OK || rc == ERR_AGAIN, "%s", why.text);
    *position = rc == ERR_OK ? record.position : 0;
    return sim_disk_operations(disk) - before;
}

/* Blocks of others. */
static void
write_others(log_t *log, unsigned blocks)
{
    for (unsigned i = 0; i < blocks; i++) {
        fixture_write(log, 5, 4, 3000);
    }
}

Test(file_news, who_waits_for_other_kinds_reads_nothing)
{
    log_t *log = fixture_own(0);
    write_others(log, 10);
    log_t *reader = fixture_follow();
    struct log_cursor cursor;
    log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(6) | LOG_KIND_BIT(7));
    uint64_t position = 0;
    for (int i = 0; i < 40; i++) { /* several segments */
        write_others(log, 3);
        cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
        uint64_t operations = next(&cursor, &position);
        cr_assert_eq(position, 0);
        cr_assert(i == 0 || operations == 0, "%lu operations", operations);
    }
    fixture_write(log, 7, 1, 100);
    uint64_t at = log_durable(log);
    cr_assert_eq(next(&cursor, &position), 0, "not seen yet");
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    uint64_t operations = next(&cursor, &position);
    cr_assert_eq(position, at);
    cr_assert_leq(operations, 4, "%lu: all from the last look on is one block", operations);
    (void)next(&cursor, &position);
    cr_assert_eq(position, 0);
    log_cursor_fini(&cursor);
    cr_assert_eq(fixture_count(reader, 1, LOG_ALL_KINDS), at);
    log_close(&reader);
    log_close(&log);
}

/* What was passed over is found all the same, without going through all that lies before: in the
 * newest segment from the last look before it on, and in others by their footers. */
Test(file_news, what_was_passed_over_is_found_by_its_position)
{
    enum { LOOKS = 30, EACH = 8, SIZE = 65000 }; /* blocks of which only the heads are looked at */
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 4U * 1024 * 1024; /* 63 blocks */
    log_t *log = NULL;
    log_t *reader = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    cr_assert_eq(log_follow(&reader, &settings, "producer", NULL), ERR_OK);
    struct log_cursor cursor;
    log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(6));
    uint64_t position = 0;
    for (int look = 0; look < LOOKS; look++) {
        for (int i = 0; i < EACH; i++) {
            fixture_write(log, 5, 1, SIZE);
        }
        cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
        cr_assert(next(&cursor, &position) == 0 || look == 0);
        cr_assert_eq(position, 0);
    }
    for (uint64_t at = LOOKS * EACH; at > 0; at--) {
        struct log_record record;
        log_block_t *block = NULL;
        uint64_t before = sim_disk_operations(disk);
        cr_assert_eq(log_read(reader, at, &record, &block, NULL), ERR_OK);
        uint64_t operations = sim_disk_operations(disk) - before;
        bool newest = at > LOOKS * EACH / 63 * 63;
        cr_assert_leq(operations, newest ? EACH + 4 : 6, "%lu: %lu", at, operations);
        cr_assert_eq(memcmp(record.body, &at, sizeof at), 0);
        log_block_release(&block);
    }
    log_cursor_fini(&cursor);
    log_close(&reader);
    log_close(&log);
}

/* The next segment begins between two looks. */
Test(file_news, what_comes_in_the_next_segment_is_found)
{
    for (unsigned before = 1; before < 12; before++) {
        teardown();
        setup();
        log_t *log = fixture_own(0);
        write_others(log, before);
        log_t *reader = fixture_follow();
        struct log_cursor cursor;
        log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(6));
        uint64_t position = 0;
        (void)next(&cursor, &position);
        cr_assert_eq(position, 0);
        write_others(log, 9);
        fixture_write(log, 6, 1, 100);
        uint64_t at = log_durable(log);
        write_others(log, 9);
        cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
        (void)next(&cursor, &position);
        cr_assert_eq(position, at, "%u: %lu", before, position);
        (void)next(&cursor, &position);
        cr_assert_eq(position, 0);
        log_cursor_fini(&cursor);
        log_close(&reader);
        log_close(&log);
    }
}

/* A new owner does not know of what kinds is what it found. */
Test(file_news, a_new_run_may_hold_anything)
{
    log_t *log = fixture_own(0);
    write_others(log, 3);
    log_t *reader = fixture_follow();
    struct log_cursor cursor;
    log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(6));
    uint64_t position = 0;
    (void)next(&cursor, &position);
    cr_assert_eq(position, 0);
    fixture_append(log, 6, 1, 100);
    uint64_t at = log_next(log) - 1;
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK); /* and never synced by this one */
    log_close(&log);
    log = fixture_own(0);
    cr_assert_eq(log_durable(log), at);
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    (void)next(&cursor, &position);
    cr_assert_eq(position, at);
    log_cursor_fini(&cursor);
    log_close(&reader);
    log_close(&log);
}

Test(file_news, a_log_whose_writer_does_not_say_is_looked_through)
{
    log_t *log = fixture_own(0);
    write_others(log, 3);
    fixture_write(log, 6, 1, 100);
    uint64_t at = log_durable(log);
    write_others(log, 3);
    size_t size = 0;
    uint8_t *slots = sim_disk_bytes(disk, POSITION, &size);
    for (uint8_t *slot = slots; slot < slots + size; slot += 512) { /* of minor version 1 */
        bytes_put_u16(slot + 10, 1);
        memset(slot + 72, 0, 8 * LIMIT_KINDS);
        bytes_put_u64(slot + 504, XXH3_64bits(slot, 504));
    }
    log_t *reader = fixture_follow();
    struct log_cursor cursor;
    log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(6));
    uint64_t position = 0;
    (void)next(&cursor, &position);
    cr_assert_eq(position, at);
    (void)next(&cursor, &position);
    cr_assert_eq(position, 0);
    log_cursor_fini(&cursor);
    log_close(&reader);
    log_close(&log);
}

/* Under a right checksum: a program with a fault may write it. */
Test(file_news, a_claim_that_cannot_be_true_ends_no_process)
{
    log_t *log = fixture_own(0);
    write_others(log, 3);
    log_close(&log);
    const struct position_claim good = forge_last_claim(disk, POSITION);
    const uint64_t ends[] = {0,         good.end - 1, good.end, good.end + 512, FIXTURE_SEGMENT,
                             UINT64_MAX};
    const uint64_t positions[] = {0, 1, good.durable, good.durable + 1, UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < 36; i++) {
        struct position_claim claim = good;
        claim.end = ends[i / 6];
        claim.durable = positions[i % 6];
        memset(claim.newest, 0, sizeof claim.newest);
        forge_claim(disk, POSITION, &claim);
        struct log_settings settings = fixture_settings();
        log_t *reader = NULL;
        if (log_follow(&reader, &settings, "producer", NULL) != ERR_OK) {
            continue;
        }
        struct log_cursor cursor;
        struct log_record record;
        log_cursor_init(&cursor, reader, 1, LOG_KIND_BIT(6));
        cr_assert_eq(log_cursor_next(&cursor, &record, NULL), ERR_AGAIN);
        forge_claim(disk, POSITION, &good);
        (void)log_refresh(reader, NULL);
        (void)log_cursor_next(&cursor, &record, NULL);
        log_cursor_fini(&cursor);
        log_close(&reader);
    }
}

/* A random life of a log: what was written of which kind, and readers of some of them, who look
 * whenever they do. Each sees all of its own, in order, and nothing else. */
enum { RECORDS_MAX = 4000, READERS = 4, KINDS = 4, STEPS = 400 };

static struct life {
    uint64_t random;
    log_t *log;
    log_t *reader;
    struct log_cursor cursors[READERS];
    uint32_t masks[READERS];
    uint64_t read[READERS]; /* all of its own up to here */
    uint8_t kinds[RECORDS_MAX];
} life;

static uint32_t
draw(uint32_t below)
{
    life.random = life.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(life.random >> 33) % below;
}

static void
life_write(void)
{
    uint32_t count = draw(6);
    for (uint32_t i = 0; i < count && log_next(life.log) < RECORDS_MAX; i++) {
        uint8_t kind = (uint8_t)(5 + (draw(8) == 0 ? 1 + draw(KINDS - 1) : 0));
        life.kinds[log_next(life.log)] = kind;
        fixture_append(life.log, kind, 1, draw(10) == 0 ? 9000 : 200);
    }
    if (draw(3) != 0) {
        cr_assert_eq(log_commit(life.log, 0, NULL), ERR_OK);
    }
    if (draw(3) != 0) {
        cr_assert_eq(log_reap(life.log, NULL), ERR_OK);
    }
}

/* What was not committed is gone, and its positions are given again. */
static void
life_restart(void)
{
    log_close(&life.log);
    life.log = fixture_own(0);
}

/* What all have read may go, and its segments are used again. */
static void
life_trim(void)
{
    uint64_t least = life.read[0];
    for (uint32_t i = 1; i < READERS; i++) {
        least = life.read[i] < least ? life.read[i] : least;
    }
    cr_assert_eq(log_trim(life.log, least + 1, NULL), ERR_OK);
}

static void
life_read(uint32_t reader)
{
    struct log_record record;
    struct why why = {{0}};
    err_t rc = ERR_OK;
    for (uint32_t left = 1 + draw(200); left > 0; left--) {
        rc = log_cursor_next(&life.cursors[reader], &record, &why);
        if (rc != ERR_OK) {
            break;
        }
        for (uint64_t passed = life.read[reader] + 1; passed < record.position; passed++) {
            cr_assert_eq(LOG_KIND_BIT(life.kinds[passed]) & life.masks[reader], 0, "%lu", passed);
        }
        cr_assert_eq(record.kind, life.kinds[record.position]);
        cr_assert_eq(memcmp(record.body, &record.position, sizeof record.position), 0);
        life.read[reader] = record.position;
    }
    if (rc == ERR_OK) {
        return;
    }
    cr_assert_eq(rc, ERR_AGAIN, "%s", why.text);
    uint64_t durable = log_durable(life.reader);
    for (uint64_t passed = life.read[reader] + 1; passed <= durable; passed++) {
        cr_assert_eq(LOG_KIND_BIT(life.kinds[passed]) & life.masks[reader], 0, "%lu", passed);
    }
    life.read[reader] = durable > life.read[reader] ? durable : life.read[reader];
}

static void
life_look_up(void)
{
    uint64_t durable = log_durable(life.reader);
    if (durable > 0) {
        struct log_record record;
        log_block_t *block = NULL;
        uint64_t position = 1 + draw((uint32_t)durable);
        err_t rc = log_read(life.reader, position, &record, &block, NULL);
        cr_assert(rc == ERR_OK ? record.kind == life.kinds[position]
                               : rc == ERR_NOT_FOUND && position < log_first(life.log));
        log_block_release(&block);
    }
}

static void
live(uint64_t seed)
{
    life.random = seed;
    life.log = fixture_own(0);
    life.reader = fixture_follow();
    for (uint32_t i = 0; i < READERS; i++) {
        life.masks[i] = i == 0 ? LOG_ALL_KINDS : LOG_KIND_BIT(5 + i) | LOG_KIND_BIT(30);
        life.read[i] = 0;
        log_cursor_init(&life.cursors[i], life.reader, 1, life.masks[i]);
    }
    for (int step = 0; step < STEPS; step++) {
        uint32_t what = draw(40);
        if (what == 0) {
            life_restart();
        } else if (what == 1) {
            life_trim();
        } else if (what < 24) {
            life_write();
        } else if (what < 30) {
            struct why why = {{0}};
            cr_assert_eq(log_refresh(life.reader, &why), ERR_OK, "%s", why.text);
        } else if (what < 38) {
            life_read(draw(READERS));
        } else {
            life_look_up();
        }
    }
    for (uint32_t i = 0; i < READERS; i++) {
        log_cursor_fini(&life.cursors[i]);
    }
    log_close(&life.reader);
    log_close(&life.log);
}

Test(file_news, whoever_looks_whenever_sees_all_of_its_kinds)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        teardown();
        setup();
        live(seed);
    }
}
