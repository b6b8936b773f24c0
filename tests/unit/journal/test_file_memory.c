/* What a log keeps in memory, and what it lets the system drop. */
#include "journal/segment.h"
#include "support/odd_call.h"
#include "unit/journal/store_fixture.h"

#include <errno.h>
#include <fcntl.h>

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

TestSuite(file_memory, .init = setup, .fini = teardown);

/* What is kept in memory is read although the disk would fail, and no more than that. */
Test(file_memory, as_much_of_what_was_written_last_is_kept_as_was_asked_for)
{
    for (int few = 0; few < 2; few++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        odd_call_set(&(struct odd_call){.operation = ODD_NONE});
        struct file_store_settings settings = {
            .directory = "j",
            .name = "producer",
            .segment_bytes = FIXTURE_SEGMENT,
            .no_write_ahead = true,
            .recent_bytes = few == 1 ? 1 : 0,
        };
        log_store_t *store = NULL;
        log_block_t *block = NULL;
        uint64_t tag;
        uint64_t position;
        cr_assert_eq(file_store_own(&store, &settings, 0, NULL), ERR_OK);
        store_fixture_append(store, 1, 50, 5);
        store_fixture_append(store, 51, 50, 5);
        cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
        odd_call_set(&(struct odd_call){.operation = ODD_PREAD, .times = 99, .answer = -EIO});
        cr_assert_eq(log_store_read(store, 51, LOG_ALL_KINDS, &block, NULL), ERR_OK);
        log_block_release(&block);
        err_t rc = log_store_read(store, 1, LOG_ALL_KINDS, &block, NULL);
        cr_assert_eq(rc, few == 1 ? ERR_IO : ERR_OK);
        log_block_release(&block);
        log_store_close(&store);
    }
}

/* A block of one record is 512 bytes on disk and nine times that in memory: fewer than 1,900 are 8
 * MiB.
 */
Test(file_memory, small_blocks_count_for_the_memory_they_take)
{
    enum { COUNT = 2500, KEPT = 1700, GONE = 1900 };
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    log_store_t *store = store_fixture_own(LOG_SYNC_HERE);
    log_block_t *block = NULL;
    uint64_t tag;
    uint64_t position;
    for (uint64_t i = 1; i <= COUNT; i++) {
        store_fixture_append(store, i, 1, 5);
    }
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_OK);
    odd_call_set(&(struct odd_call){.operation = ODD_PREAD, .times = 99, .answer = -EIO});
    cr_assert_eq(log_store_read(store, COUNT - KEPT, LOG_ALL_KINDS, &block, NULL), ERR_OK);
    log_block_release(&block);
    cr_assert_eq(log_store_read(store, COUNT - GONE, LOG_ALL_KINDS, &block, NULL), ERR_IO);
    log_store_close(&store);
}

static struct file_ops forgetting;
static char forgot[SEGMENT_NAME_SIZE];

static int
open_forgetting(int at, const char *name, int flags, unsigned mode)
{
    if (flags == O_RDONLY) {
        (void)snprintf(forgot, sizeof forgot, "%s", name); /* of the last one that was opened */
    }
    return sim_disk_table()->open(at, name, flags, mode);
}

static char forgotten[4 * SEGMENT_NAME_SIZE];

static void
note_forget(int fd, uint64_t offset, uint64_t size)
{
    (void)fd;
    (void)offset;
    (void)size;
    strcat(forgotten, forgot);
}

/* With each segment that begins, the one that has come to lie too far behind. */
Test(file_memory, what_lies_far_behind_the_end_need_not_stay_in_memory)
{
    forgetting = *sim_disk_table();
    forgetting.open = open_forgetting;
    forgetting.forget = note_forget;
    file_ops_install(&forgetting);
    struct file_store_settings settings = {
        .directory = "j",
        .name = "producer",
        .segment_bytes = FIXTURE_SEGMENT,
        .no_write_ahead = true,
        .cached_bytes = FIXTURE_SEGMENT,
    };
    log_store_t *store = NULL;
    cr_assert_eq(file_store_own(&store, &settings, 0, NULL), ERR_OK);
    for (uint64_t i = 0; i < 5; i++) { /* two do not fit into one segment */
        store_fixture_append(store, 1 + i * 500, 500, 5);
        cr_assert_eq(file_store_prepare(store), 0);
    }
    cr_assert_str_eq(forgotten, "0000000000000001.seg0000000000000002.seg0000000000000003.seg");
    log_store_close(&store);
}
