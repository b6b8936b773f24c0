#include "journal/segment.h"
#include "support/odd_call.h"
#include "unit/journal/store_fixture.h"

#include <errno.h>
#include <string.h>

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

TestSuite(file_append, .init = setup, .fini = teardown);

struct bad_roll {
    struct odd_call call;
    err_t rc;
};

/* The segment holds blocks that were never synced: a roll must, before the next one is named. */
Test(file_append, a_roll_that_cannot_finish_is_lost)
{
    static const struct bad_roll rolls[] = {
        {{.operation = ODD_SYNC_DATA, .answer = -EIO}, ERR_LOST},
        {{.operation = ODD_RANDOM, .answer = -ENOSYS}, ERR_LOST},
        {{.operation = ODD_OPEN, .name = "new.tmp", .answer = -EIO}, ERR_LOST},
        {{.operation = ODD_OPEN, .name = "new.tmp", .answer = -EMFILE}, ERR_FULL},
        {{.operation = ODD_STAT, .answer = -EIO}, ERR_LOST},
    };
    for (size_t i = 0; i < sizeof rolls / sizeof *rolls; i++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        odd_call_set(&(struct odd_call){.operation = ODD_NONE});
        log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
        store_fixture_append(store, 1, 500, 5);
        log_block_t *block = fixture_block(501, 500, 5, 100);
        uint64_t tag;
        odd_call_set(&rolls[i].call);
        cr_assert_eq(log_store_append(store, block, 0, &tag), rolls[i].rc, "case %zu", i);
        cr_assert_eq(odd_call_count(), 1, "case %zu", i);
        cr_assert_eq(log_store_append(store, block, 0, &tag),
                     rolls[i].rc == ERR_LOST ? ERR_LOST : ERR_OK, "case %zu", i);
        log_block_release(&block);
        log_store_close(&store);
    }
}

Test(file_append, a_position_that_could_not_be_published_is_published_later)
{
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    log_t *reader = fixture_follow();
    uint64_t tag;
    uint64_t position;
    store_fixture_append(store, 1, 3, 5);
    odd_call_set(&(struct odd_call){.operation = ODD_PWRITE, .times = 99, .answer = -EIO});
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK, "it is durable");
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    cr_assert_eq(log_durable(reader), 0);
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN, "nothing new");
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    cr_assert_eq(log_durable(reader), 3);
    log_close(&reader);
    log_store_close(&store);
}

Test(file_append, more_blocks_than_are_kept_in_memory_are_read_from_the_files)
{
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    uint64_t tag;
    uint64_t position;
    for (uint64_t i = 1; i <= 5000; i++) {
        store_fixture_append(store, i, 1, 5);
    }
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    static const uint64_t positions[] = {1, 904, 905, 5000};
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        log_block_t *block = NULL;
        cr_assert_eq(log_store_read(store, positions[i], LOG_ALL_KINDS, &block, NULL), ERR_OK);
        cr_assert_eq(log_block_first(block), positions[i]);
        log_block_release(&block);
    }
    log_store_close(&store);
}

/* The newest blocks are in memory before they are durable, and are not to be read from there. */
Test(file_append, a_kind_of_which_only_pending_blocks_exist_is_not_there_yet)
{
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    log_block_t *block = NULL;
    uint64_t tag;
    uint64_t position;
    store_fixture_append(store, 1, 3, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    store_fixture_append(store, 4, 3, 6);
    cr_assert_eq(log_store_read(store, 1, 1U << 6, &block, NULL), ERR_AGAIN);
    cr_assert_eq(log_store_read_back(store, 9, 1U << 6, &block, NULL), ERR_NOT_FOUND);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    cr_assert_eq(log_store_read(store, 1, 1U << 6, &block, NULL), ERR_OK);
    log_block_release(&block);
    log_store_close(&store);
}

/* So that a later recovery proves as much as can be proven. */
Test(file_append, an_idle_log_syncs_its_position_once)
{
    odd_call_set(&(struct odd_call){.operation = ODD_NONE}); /* the store goes through it */
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    uint64_t tag;
    uint64_t position;
    store_fixture_append(store, 1, 3, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    unsigned synced = 0;
    for (int64_t now_ms = 0; now_ms < 1000; now_ms += 100) {
        odd_call_set(&(struct odd_call){.operation = ODD_SYNC_DATA, .answer = 0});
        sim_disk_set_now(disk, now_ms);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
        cr_assert(odd_call_count() == 0 || now_ms >= 200, "not while there may be more");
        synced += odd_call_count();
    }
    cr_assert_eq(synced, 1);
    log_store_close(&store);
}

/* The kernel forgets what a failed sync was to write, and readers might be told less than before:
 * a disk that fails there ends the service as anywhere else. */
Test(file_append, a_position_that_cannot_be_synced_is_a_disk_that_has_failed)
{
    odd_call_set(&(struct odd_call){.operation = ODD_NONE}); /* the store goes through it */
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    uint64_t tag;
    uint64_t position;
    struct why why = {{0}};
    store_fixture_append(store, 1, 3, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    sim_disk_set_now(disk, 1000);
    odd_call_set(&(struct odd_call){.operation = ODD_SYNC_DATA, .answer = -EIO});
    cr_assert_eq(log_store_reap(store, &tag, &position, &why), ERR_LOST);
    cr_assert_not_null(strstr(why.text, "cannot sync the position"), "%s", why.text);
    odd_call_set(&(struct odd_call){.operation = ODD_SYNC_DATA, .answer = 0});
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_LOST);
    cr_assert_eq(odd_call_count(), 0, "and it is not tried again");
    log_store_close(&store);
    cr_assert_eq(odd_call_count(), 0);
}

/* The last write; an append writes its block last. */
static struct file_ops watching;
static uint64_t written_from;
static uint64_t written_to;

static int64_t
watch_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    written_from = offset;
    written_to = offset + size;
    return sim_disk_table()->pwrite(fd, from, size, offset);
}

/* Through the cache. A part of a page that is not in memory would have to be read from the disk
 * first, and a page more might be the segment's foot. Behind the block are zeros, whatever stood
 * there. */
Test(file_append, a_block_is_written_to_the_end_of_its_page_and_no_further)
{
    watching = *sim_disk_table();
    watching.pwrite = watch_pwrite;
    file_ops_install(&watching);
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    size_t size;
    uint8_t *bytes = sim_disk_bytes(disk, "j/producer/0000000000000001.seg", &size);
    cr_assert_eq(size, FIXTURE_SEGMENT);
    memset(bytes + 4096, 0xee, size - 4096); /* as a segment that is used again */
    const uint64_t data_end = segment_data_end(FIXTURE_SEGMENT);
    uint64_t next = 1;
    uint64_t at = 4096;
    /* Some end where a page does; then small ones up to the segment's foot. */
    static const unsigned counts[] = {1, 4, 29, 31, 36, 40, 41, 80, 1, 5, 28, 25};
    for (size_t i = 0; at < data_end; i++) {
        unsigned count = i < sizeof counts / sizeof *counts ? counts[i] : 1;
        uint64_t end = at + log_block_span_of(count * log_block_record_bytes(100));
        log_block_t *block = fixture_block(next, count, 5, 100);
        uint64_t tag;
        cr_assert_eq(log_store_append(store, block, LOG_STORE_FOLLOWED, &tag), ERR_OK);
        log_block_release(&block);
        next += count;
        cr_assert_eq(written_from, at, "block %zu", i);
        cr_assert_eq(written_to, (end + 4095) / 4096 * 4096, "block %zu ends at %llu", i,
                     (unsigned long long)end);
        bytes = sim_disk_bytes(disk, "j/producer/0000000000000001.seg", &size);
        for (uint64_t byte = end; byte < written_to; byte++) {
            cr_assert_eq(bytes[byte], 0, "block %zu, byte %llu", i, (unsigned long long)byte);
        }
        cr_assert(written_to == size || bytes[written_to] == 0xee, "block %zu", i);
        at = end;
    }
    log_store_close(&store);
}
