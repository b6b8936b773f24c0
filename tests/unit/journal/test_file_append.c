#include "journal/segment.h"
#include "support/odd_call.h"
#include "unit/journal/store_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

int __real_eventfd(unsigned count, int flags); // NOLINT
int __wrap_eventfd(unsigned count, int flags); // NOLINT

static sim_disk_t *disk;
static bool no_event;

int
__wrap_eventfd(unsigned count, int flags) // NOLINT
{
    return no_event ? -1 : __real_eventfd(count, flags);
}

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

/* The simulated disk belongs to one thread: a sync on another answers and touches nothing. */
static struct file_ops threaded;
static atomic_int sync_answer;
static atomic_bool sync_held; /* as long as this is so, a sync does not end */

static int
sync_elsewhere(int fd)
{
    (void)fd;
    while (atomic_load(&sync_held)) {
        (void)sched_yield();
    }
    return atomic_load(&sync_answer);
}

static log_store_t *
own_threaded(void)
{
    threaded = *sim_disk_table();
    log_store_t *store = store_fixture_own(false); /* makes the files */
    log_store_close(&store);
    threaded.sync_data = sync_elsewhere;
    file_ops_install(&threaded);
    return store_fixture_own(true);
}

static err_t
reap_when_told(log_store_t *store, struct why *why)
{
    uint64_t tag;
    uint64_t position;
    struct pollfd event = {.fd = log_store_fd(store), .events = POLLIN};
    err_t rc = log_store_reap(store, &tag, &position, why); /* begins a sync */
    if (rc == ERR_AGAIN) {
        cr_assert_eq(poll(&event, 1, 60000), 1);
        rc = log_store_reap(store, &tag, &position, why);
    }
    return rc;
}

Test(file_append, a_sync_that_fails_on_its_thread_is_final)
{
    log_store_t *store = own_threaded();
    struct why why = {{0}};
    store_fixture_append(store, 1, 3, 5);
    cr_assert_eq(reap_when_told(store, &why), ERR_OK);
    store_fixture_append(store, 4, 3, 5);
    atomic_store(&sync_answer, -EIO);
    cr_assert_eq(reap_when_told(store, &why), ERR_LOST);
    cr_assert_not_null(strstr(why.text, "cannot sync j/producer/"), "%s", why.text);
    log_store_close(&store);
}

/* What is written while a sync is under way waits for the next one. */
Test(file_append, a_sync_proves_only_what_was_written_before_it_began)
{
    log_store_t *store = own_threaded();
    uint64_t tag;
    uint64_t position;
    atomic_store(&sync_held, true);
    store_fixture_append(store, 1, 3, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
    store_fixture_append(store, 4, 3, 5);
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN, "it is under way");
    atomic_store(&sync_held, false);
    for (uint64_t expected = 3; expected <= 6; expected += 3) {
        struct pollfd event = {.fd = log_store_fd(store), .events = POLLIN};
        cr_assert_eq(poll(&event, 1, 60000), 1);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
        cr_assert_eq(position, expected);
        cr_assert_eq(tag, expected);
    }
    log_store_close(&store);
}

/* With the thread at rest and at work, and when it finds that the disk fails. */
Test(file_append, a_roll_waits_for_the_thread_that_syncs)
{
    for (int i = 0; i < 3; i++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        atomic_store(&sync_answer, 0);
        log_store_t *store = own_threaded();
        uint64_t tag;
        uint64_t position;
        store_fixture_append(store, 1, 500, 5);
        cr_assert_eq(reap_when_told(store, NULL), ERR_OK);
        if (i > 0) {
            store_fixture_append(store, 501, 10, 5);
            atomic_store(&sync_answer, i == 2 ? -EIO : 0);
            cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
        }
        uint64_t next = i > 0 ? 511 : 501;
        log_block_t *block = fixture_block(next, 500, 5, 100);
        err_t rc = log_store_append(store, block, 0, &tag);
        log_block_release(&block);
        cr_assert_eq(rc, i == 2 ? ERR_LOST : ERR_OK);
        cr_assert_eq(i == 2 || reap_when_told(store, NULL) == ERR_OK, true);
        log_store_close(&store);
    }
}

Test(file_append, without_a_thread_that_was_asked_for_the_log_is_not_served)
{
    struct file_store_settings settings = {.directory = "j",
                                           .name = "producer",
                                           .segment_bytes = FIXTURE_SEGMENT,
                                           .sync_thread = true};
    log_store_t *store = NULL;
    struct why why = {{0}};
    settings.no_write_ahead = true;
    no_event = true;
    cr_assert_eq(file_store_own(&store, &settings, 0, &why), ERR_IO);
    cr_assert_str_eq(why.text, "j/producer: cannot start a thread that syncs");
    cr_assert_null(store);
}

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
        log_store_t *store = store_fixture_own(false);
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
    log_store_t *store = store_fixture_own(false);
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
    log_store_t *store = store_fixture_own(false);
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
    log_store_t *store = store_fixture_own(false);
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
    log_store_t *store = store_fixture_own(false);
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
    log_store_t *store = store_fixture_own(false);
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

/* A part of a page that is not in memory would have to be read from the disk first, and a page more
 * might be the segment's foot. Behind the block are zeros, whatever stood there. */
Test(file_append, a_block_is_written_to_the_end_of_its_page_and_no_further)
{
    watching = *sim_disk_table();
    watching.pwrite = watch_pwrite;
    file_ops_install(&watching);
    log_store_t *store = store_fixture_own(false);
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
        store_fixture_append(store, next, count, 5);
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
