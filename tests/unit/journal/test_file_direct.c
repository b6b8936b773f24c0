#define _GNU_SOURCE /* O_DIRECT */
#include "journal/segment.h"
#include "unit/journal/journal_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <xxhash.h>

#define LARGE 40000U /* bytes of a record that makes its block a large one */

/* A disk that notes what is written past the page cache, and can refuse it. */
static sim_disk_t *disk;
static struct file_ops watching;
static int direct_fd;
static int open_answer;
static int write_answer;
static unsigned direct_opens;
static unsigned direct_writes;
static unsigned misplaced; /* that such a descriptor would not have taken */
static size_t sector;      /* the disk's */
static uint64_t last_offset;
static size_t last_size;
static uint64_t cached_offset; /* of the last write through the cache, to a segment's blocks */
static size_t cached_size;
static atomic_llong clock_ns;
static long long write_takes_ns;

static int
watched_open(int dir_fd, const char *name, int flags, unsigned mode)
{
    bool direct = (flags & O_DIRECT) != 0;
    direct_opens += direct;
    if (direct && open_answer != 0) {
        return open_answer;
    }
    int fd = sim_disk_table()->open(dir_fd, name, flags, mode);
    direct_fd = direct ? fd : direct_fd;
    return fd;
}

static int
watched_close(int fd)
{
    direct_fd = fd == direct_fd ? -1 : direct_fd;
    return sim_disk_table()->close(fd);
}

static int64_t
watched_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    if (fd == direct_fd) {
        direct_writes++;
        bool fits = ((uintptr_t)from | size | offset) % sector == 0;
        misplaced += !fits;
        last_offset = offset;
        last_size = size;
        (void)atomic_fetch_add(&clock_ns, write_takes_ns);
        if (write_answer != 0 || !fits) {
            return fits ? write_answer : -EINVAL;
        }
    } else if (offset >= 4096) {
        cached_offset = offset;
        cached_size = size;
    }
    return sim_disk_table()->pwrite(fd, from, size, offset);
}

static void
setup(void)
{
    disk = fixture_disk();
    watching = *sim_disk_table();
    watching.open = watched_open;
    watching.close = watched_close;
    watching.pwrite = watched_pwrite;
    file_ops_install(&watching);
    direct_fd = -1;
    open_answer = 0;
    write_answer = 0;
    direct_opens = 0;
    direct_writes = 0;
    misplaced = 0;
    sector = 512;
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(file_direct, .init = setup, .fini = teardown);

static log_t *
own(void)
{
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 1024U * 1024;
    settings.recent_bytes = 1; /* what is read comes from the disk */
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, &why), ERR_OK, "%s", why.text);
    return log;
}

/* All of it, by its owner and, after a start, by the next one. */
static void
count_twice(log_t **log, uint64_t count)
{
    cr_assert_eq(fixture_count(*log, 1, LOG_ALL_KINDS), count);
    log_close(log);
    *log = own();
    cr_assert_eq(fixture_count(*log, 1, LOG_ALL_KINDS), count);
    log_close(log);
}

/* A large block ends with a page wherever it begins, a small one where its records do. */
Test(file_direct, a_block_is_filled_to_the_end_of_its_page_when_it_is_large)
{
    struct segment_head head = {.run = 1, .counter = 1, .first = 1, .bytes = 1024U * 1024};
    log_block_t *large = fixture_block(1, 400, 7, 99);
    log_block_t *small = fixture_block(1, 10, 7, 99);
    for (uint64_t offset = 4096; offset < 16384; offset += 512) {
        log_block_fill(large, offset, true);
        size_t span = log_block_span(large);
        cr_assert_eq((offset + span) % 4096, 0);
        memset(large->bytes + 64 + large->size, 0xff, span - 64 - large->size);
        segment_block_seal(&head, offset, 0, large);
        struct segment_block back;
        cr_assert(segment_block_decode(&head, offset, large->bytes, &back));
        cr_assert(segment_block_check(&head, offset, large->bytes, &back));
        cr_assert(segment_block_records_ok(&back, log_block_records(large)));
        cr_assert_eq(log_block_span_of(back.size), span);
        log_block_fill(large, offset, false);
        cr_assert_eq(large->fill, 0);
        log_block_fill(small, offset, true);
        cr_assert_eq(small->fill, 0);
    }
    log_block_release(&large);
    log_block_release(&small);
}

/* And not a byte before or behind them: what is before is acknowledged. */
Test(file_direct, blocks_go_past_the_page_cache_from_where_they_end)
{
    log_t *log = own();
    uint64_t at = 4096;
    unsigned filled = 0;
    for (size_t size = 10; at < 900U * 1024; size += 1523) { /* one segment */
        uint64_t end = at + log_block_span_of(log_block_record_bytes(size));
        uint64_t page = (end + 4095) / 4096 * 4096;
        filled += end - at >= 32768 && page > end;
        end = end - at >= 32768 ? page : end;
        fixture_write(log, 5, 1, size);
        cr_assert_eq(last_offset, at, "%zu", size);
        cr_assert_eq(last_size, end - at, "%zu", size);
        at = end;
    }
    cr_assert(filled > 5 && misplaced == 0 && direct_writes == log_durable(log));
    count_twice(&log, log_durable(log));
}

Test(file_direct, where_sectors_are_pages_large_blocks_do_once_they_begin_a_page)
{
    sector = 4096;
    log_t *log = own();
    fixture_write(log, 5, 1, 100); /* the next one begins within a page */
    fixture_write(log, 5, 1, LARGE);
    cr_assert_eq(direct_writes, 1);
    fixture_write(log, 5, 3, LARGE);
    fixture_write(log, 5, 1, LARGE + 1000);
    cr_assert_eq(direct_writes, 3);
    fixture_write(log, 5, 1, 100);
    fixture_write(log, 5, 1, LARGE);
    cr_assert_eq(direct_writes, 3, "it began within a page");
    fixture_write(log, 5, 1, LARGE);
    cr_assert(direct_writes == 4 && misplaced == 1, "the first was tried, and no other");
    count_twice(&log, 9);
}

/* A page goes one way. */
Test(file_direct, behind_what_went_through_the_cache_the_rest_of_the_page_does_too)
{
    static const unsigned flags[] = {0, LOG_STORE_BULK, 0, 0, 0, 0};
    static const unsigned direct[] = {1, 1, 1, 1, 2, 3};
    log_t *log = own();
    for (size_t i = 0; i < 6; i++) {
        fixture_append(log, 5, 1, 700); /* four are a page */
        cr_assert_eq(log_commit(log, flags[i], NULL), ERR_OK);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
        cr_assert_eq(direct_writes, direct[i], "%zu", i);
        cr_assert(i == 0 || i > 3 || cached_offset == 4096 + 1024 * i, "%zu", i);
    }
    count_twice(&log, 6);
}

/* A follower finds them there, and what comes behind in their page does not drop it. */
Test(file_direct, small_blocks_that_others_read_go_through_the_cache)
{
    static const bool followed[] = {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1};
    static const bool direct[] = {1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0};
    log_t *log = own();
    for (size_t i = 0; i < sizeof direct; i++) {
        unsigned before = direct_writes;
        fixture_append(log, 6, 1, 700); /* four are a page */
        cr_assert_eq(log_commit(log, followed[i] ? LOG_STORE_FOLLOWED : 0, NULL), ERR_OK);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
        cr_assert_eq(direct_writes - before, direct[i], "%zu", i);
        cr_assert_eq(direct[i] ? last_offset : cached_offset, 4096 + i * 1024, "%zu", i);
        cr_assert_eq(direct[i] ? last_size : cached_size, direct[i] ? 1024 : 4096 - i % 4 * 1024);
    }
    fixture_append(log, 6, 1, LARGE);
    cr_assert_eq(log_commit(log, LOG_STORE_FOLLOWED, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    cr_assert_eq(direct_writes, 9, "a large one does not");
    count_twice(&log, 17);
}

Test(file_direct, a_block_that_grew_to_be_large_lies_in_pages_too)
{
    sector = 4096;
    log_t *log = own();
    fixture_write(log, 5, 500, 90);
    fixture_write(log, 6, 500, 90);
    cr_assert_eq(direct_writes, 2);
    cr_assert_eq(misplaced, 0);
    count_twice(&log, 1000);
}

Test(file_direct, the_next_segment_is_written_so_as_well)
{
    sector = 4096;
    log_t *log = own();
    for (int i = 0; i < 60; i++) {
        fixture_write(log, 5, 1, LARGE);
    }
    cr_assert_eq(direct_writes, 60);
    cr_assert_eq(direct_opens, 3);
    cr_assert_eq(misplaced, 0);
    count_twice(&log, 60);
}

/* Written one behind the other each would wait for the disk: with 4 KiB payloads a sixth slower. */
Test(file_direct, of_a_commit_of_many_blocks_all_go_through_the_cache)
{
    log_t *log = own();
    fixture_write(log, 5, 6, 60000); /* two blocks */
    cr_assert_eq(direct_writes, 2);
    fixture_write(log, 5, 9, 60000); /* three */
    cr_assert_eq(direct_writes, 2);
    count_twice(&log, 15);
}

Test(file_direct, without_such_a_descriptor_all_goes_through_the_cache)
{
    open_answer = -EINVAL;
    log_t *log = own();
    fixture_write(log, 5, 1, LARGE);
    fixture_write(log, 5, 1, LARGE);
    cr_assert_eq(direct_writes, 0);
    count_twice(&log, 2);
}

/* A file system may open it and refuse only the write; another that it needs whole blocks of more
 * than a page. */
Test(file_direct, where_the_write_is_refused_it_goes_through_the_cache_and_is_not_tried_again)
{
    static const int refusals[] = {-EINVAL, -EOPNOTSUPP};
    for (size_t i = 0; i < 2; i++) {
        teardown();
        setup();
        write_answer = refusals[i];
        log_t *log = own();
        for (int block = 0; block < 60; block++) { /* three segments */
            fixture_write(log, 5, 1, LARGE);
        }
        cr_assert_eq(direct_writes, 1);
        cr_assert_eq(direct_opens, 1);
        count_twice(&log, 60);
    }
}

Test(file_direct, an_error_is_one_of_the_disk)
{
    log_t *log = own();
    fixture_write(log, 5, 1, LARGE);
    write_answer = -EIO;
    fixture_append(log, 5, 1, LARGE);
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, 0, &why), ERR_LOST);
    cr_assert_not_null(strstr(why.text, "cannot write"), "%s", why.text);
    cr_assert_eq(direct_fd, -1, "nothing can be written through it any more");
    log_close(&log);
}

/* Nothing was written, and the next try finds the block as it was, at another place perhaps. */
Test(file_direct, a_full_disk_is_tried_again)
{
    log_t *log = own();
    fixture_write(log, 5, 1, LARGE);
    fixture_append(log, 5, 1, LARGE);
    write_answer = -ENOSPC;
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(log_commit(log, 0, NULL), ERR_FULL);
    }
    write_answer = 0;
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    cr_assert_eq(misplaced, 0);
    count_twice(&log, 2);
}

/* The reserve is for accepted work: what is written while room is short takes no more than it must.
 */
Test(file_direct, pages_are_not_filled_from_the_reserve)
{
    log_t *log = own();
    fixture_write(log, 5, 1, LARGE);
    fixture_write(log, 5, 1, LARGE);
    cr_assert_eq(direct_writes, 2);
    uint64_t end = last_offset + 10 * 4096; /* 79 sectors, filled to 80 */
    log_reserve(log, UINT64_MAX);
    for (int i = 0; i < 2; i++) {
        fixture_append(log, 5, 1, LARGE);
        cr_assert_eq(log_commit(log, LOG_STORE_FINISHING, NULL), ERR_OK);
        cr_assert_eq(log_reap(log, NULL), ERR_OK);
    }
    size_t size;
    const uint8_t *bytes = sim_disk_bytes(disk, "j/producer/0000000000000001.seg", &size);
    cr_assert_eq(memcmp(bytes + end + 12, "HBLK", 4), 0);
    cr_assert_eq(memcmp(bytes + end + 79 * 512 + 12, "HBLK", 4), 0);
    cr_assert_eq(direct_writes, 4);
    count_twice(&log, 4);
}

static int64_t
now_of_test(void)
{
    return atomic_load(&clock_ns);
}

/* The simulated disk belongs to one thread. */
static int
sync_at_once(int fd)
{
    (void)fd;
    return 0;
}

/* Of a disk without a cache of its own the write takes long, and the sync nothing. */
Test(file_direct, while_the_disk_is_slow_the_loop_does_not_wait_for_it)
{
    log_t *log = own(); /* makes the files */
    log_close(&log);
    watching.now_ns = now_of_test;
    watching.sync_data = sync_at_once;
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 8U * 1024 * 1024;
    settings.sync = LOG_SYNC_AUTO;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, NULL), ERR_OK);
    for (unsigned takes_us = 100; takes_us <= 3000; takes_us += 2900) {
        write_takes_ns = takes_us * 1000LL;
        unsigned before = direct_writes;
        for (int i = 0; i < 60; i++) {
            fixture_append(log, 5, 1, LARGE);
            cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
            cr_assert_eq(log_reap(log, NULL), ERR_OK);
            while (log_durable(log) + 1 < log_next(log)) {
                struct pollfd event = {.fd = log_fd(log), .events = POLLIN};
                cr_assert_eq(poll(&event, 1, 60000), 1);
                cr_assert_eq(log_reap(log, NULL), ERR_OK);
            }
        }
        unsigned direct = direct_writes - before;
        cr_assert(takes_us < 1000 ? direct == 60 : direct > 0 && direct < 10, "%u: %u", takes_us,
                  direct);
    }
    write_takes_ns = 0;
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 120);
    log_close(&log);
}

/* Logs of before: no block ends with zeros that count as its records. */
Test(file_direct, a_segment_of_version_1_is_read)
{
    log_t *log = own();
    fixture_write(log, 5, 7, 100);
    log_close(&log);
    size_t size;
    uint8_t *bytes = sim_disk_bytes(disk, "j/producer/0000000000000001.seg", &size);
    bytes[8] = 1;
    uint64_t sum = XXH3_64bits(bytes, 504);
    memcpy(bytes + 504, &sum, sizeof sum); /* little-endian, as the machines that tests run on */
    sim_disk_settle(disk);
    log = own();
    fixture_write(log, 5, 1, LARGE);
    count_twice(&log, 8);
}
