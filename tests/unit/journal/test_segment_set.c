#include "unit/journal/journal_forge.h"

#include "journal/segment_chain.h"
#include "support/odd_call.h"

#include <errno.h>
#include <fcntl.h>

static sim_disk_t *disk;
static struct segment_set set;

static void
setup(void)
{
    disk = fixture_disk();
    log_t *log = fixture_own(0);
    for (int i = 0; i < 150; i++) {
        fixture_write(log, (uint8_t)(5 + i % 2), 10, 900);
    }
    log_close(&log);
    int dir_fd = file_ops_current()->open(AT_FDCWD, "j/producer", O_RDONLY, 0);
    segment_set_init(&set, file_ops_current(), dir_fd, "j/producer");
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_gt(set.count, SEGMENT_SET_OPEN_MAX + 3);
}

static void
teardown(void)
{
    segment_set_fini(&set);
    sim_disk_destroy(&disk);
}

TestSuite(segment_set, .init = setup, .fini = teardown);

static size_t
open_count(void)
{
    size_t open = 0;
    for (size_t i = 0; i < set.count; i++) {
        open += set.items[i].fd >= 0;
    }
    return open;
}

Test(segment_set, a_sealed_segment_is_indexed_by_its_footer_and_by_hopping_alike)
{
    struct segment *segment = &set.items[1];
    sim_disk_t *other = sim_disk_clone(disk);
    cr_assert_eq(segment_set_index(&set, segment, NULL), ERR_OK);
    struct segment_index foot = segment->index;
    cr_assert_eq(foot.next_position, set.items[2].head.first);
    segment_index_init(&segment->index, segment->head.first);
    segment->indexed_foot = true; /* as if it had none */
    cr_assert_eq(segment_set_index(&set, segment, NULL), ERR_OK);
    cr_assert_eq(segment->index.count, foot.count);
    cr_assert_eq(segment->index.kinds, foot.kinds);
    cr_assert_eq(memcmp(segment->index.marks, foot.marks, foot.count * sizeof *foot.marks), 0);
    cr_assert_eq(segment->index.next_position, foot.next_position);
    segment_index_fini(&foot);
    sim_disk_destroy(&other);
}

Test(segment_set, a_damaged_footer_is_done_without)
{
    char path[64];
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(set.items[1].head.counter, name);
    (void)snprintf(path, sizeof path, "j/producer/%s", name);
    fixture_flip(disk, path, (size_t)segment_data_end(FIXTURE_SEGMENT) + 70);
    cr_assert_eq(segment_set_index(&set, &set.items[1], NULL), ERR_OK);
    cr_assert_eq(set.items[1].index.next_position, set.items[2].head.first);
}

Test(segment_set, few_descriptors_are_open_at_a_time)
{
    for (size_t i = 0; i < set.count; i++) {
        cr_assert_geq(segment_set_open(&set, &set.items[i]), 0);
        cr_assert_leq(open_count(), SEGMENT_SET_OPEN_MAX);
    }
}

Test(segment_set, a_lack_of_descriptors_closes_the_others_first)
{
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, ENFILE, false};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_geq(segment_set_open(&set, &set.items[0]), 0);
        cr_assert_geq(segment_set_open(&set, &set.items[1]), 0);
        sim_disk_set_fault(disk, &fault);
        cr_assert_geq(segment_set_open(&set, &set.items[2 + i]), 0);
        cr_assert_eq(open_count(), 1);
        fault.error = EMFILE;
    }
    log_block_t *block = NULL;
    fault.for_ever = true;
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(segment_set_block(&set, &set.items[4], 4096, &block, NULL), ERR_IO);
}

Test(segment_set, a_shortened_file_is_damage)
{
    char path[64];
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(set.items[1].head.counter, name);
    (void)snprintf(path, sizeof path, "j/producer/%s", name);
    int fd = file_ops_current()->open(AT_FDCWD, path, O_RDWR, 0);
    cr_assert_eq(file_ops_current()->truncate(fd, 4096 + 100), 0);
    log_block_t *block = NULL;
    struct why why = {{0}};
    cr_assert_eq(segment_set_block(&set, &set.items[1], 4096, &block, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "ends at offset 4196"), "%s", why.text);
}

Test(segment_set, a_wrong_offset_is_never_a_block)
{
    log_block_t *block = NULL;
    struct segment_block head;
    struct segment *segment = &set.items[1];
    for (uint64_t offset = 4096 + 512; offset < 4096 + 9216; offset += 512) {
        cr_assert_eq(segment_set_peek(&set, segment, offset, &head, NULL), ERR_CORRUPT);
    }
    cr_assert_eq(segment_set_peek(&set, segment, segment->end, &head, NULL), ERR_CORRUPT);
    cr_assert_eq(segment_set_block(&set, segment, 4096, &block, NULL), ERR_OK);
    cr_assert_eq(log_block_first(block), segment->head.first);
    log_block_release(&block);
}

Test(segment_set, another_file_under_the_name_is_not_opened)
{
    struct segment *segment = &set.items[0];
    segment->inode++;
    cr_assert_eq(segment_set_open(&set, segment), -ENOENT);
    cr_assert_not(segment_set_present(&set, segment));
}

static const char *
path_of(const struct segment *segment)
{
    static char path[64];
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(segment->head.counter, name);
    (void)snprintf(path, sizeof path, "j/producer/%s", name);
    return path;
}

Test(segment_set, a_block_that_reaches_beyond_the_content_is_damage)
{
    struct segment *segment = &set.items[1];
    struct segment_block head;
    struct why why = {{0}};
    segment->end = SEGMENT_HEAD_BYTES + 512;
    cr_assert_eq(segment_set_peek(&set, segment, SEGMENT_HEAD_BYTES, &head, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "reaches beyond the content's end"), "%s", why.text);
}

Test(segment_set, a_block_whose_records_do_not_fit_its_header_is_damage)
{
    struct segment *segment = &set.items[1];
    log_block_t *forged = fixture_block(segment->head.first, 10, 5, 900);
    forged->count++;
    forge_block(disk, path_of(segment), SEGMENT_HEAD_BYTES, forged);
    log_block_t *block = NULL;
    cr_assert_eq(segment_set_block(&set, segment, SEGMENT_HEAD_BYTES, &block, NULL), ERR_CORRUPT);
    cr_assert_null(block);
}

Test(segment_set, blocks_with_a_hole_in_their_positions_are_damage)
{
    struct segment *segment = &set.items[1];
    forge_block(disk, path_of(segment), SEGMENT_HEAD_BYTES,
                fixture_block(segment->head.first + 1, 10, 5, 900));
    segment->indexed_foot = true; /* as if it had none */
    struct why why = {{0}};
    cr_assert_eq(segment_set_index(&set, segment, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "a block is missing before this one"), "%s", why.text);
}

/* Read past the window, straight into the block's memory. */
Test(segment_set, a_large_block_that_cannot_be_read_whole_is_told)
{
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 4U * 1024 * 1024;
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "large", 0, NULL), ERR_OK);
    fixture_write(log, 5, 4, 60000);
    log_close(&log);
    struct segment_set large;
    int dir_fd = file_ops_current()->open(AT_FDCWD, "j/large", O_RDONLY, 0);
    segment_set_init(&large, file_ops_current(), dir_fd, "j/large");
    cr_assert_eq(segment_chain_load(&large, NULL), ERR_OK);
    struct segment *segment = &large.items[0];
    segment_set_extend(&large, 0, 1024U * 1024);
    struct segment_block head;
    log_block_t *block = NULL;
    struct why why = {{0}};
    cr_assert_eq(segment_set_peek(&large, segment, SEGMENT_HEAD_BYTES, &head, NULL), ERR_OK);
    cr_assert_gt(head.size, SEGMENT_SET_WINDOW / 2);
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EIO, false};
    sim_disk_set_fault(disk, &fault); /* the head is in the window: this is the block's own */
    cr_assert_eq(segment_set_block(&large, segment, SEGMENT_HEAD_BYTES, &block, &why), ERR_IO);
    cr_assert_not_null(strstr(why.text, "cannot read j/large/"), "%s", why.text);
    cr_assert_eq(segment_set_block(&large, segment, SEGMENT_HEAD_BYTES, &block, NULL), ERR_OK);
    log_block_release(&block);
    file_ops_current()->close(segment->fd);
    segment->fd = -1;
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(segment_set_block(&large, segment, SEGMENT_HEAD_BYTES, &block, &why), ERR_IO,
                 "it cannot be opened again");
    int fd = file_ops_current()->open(AT_FDCWD, "j/large/0000000000000001.seg", O_RDWR, 0);
    cr_assert_eq(file_ops_current()->truncate(fd, 100000), 0);
    cr_assert_eq(segment_set_block(&large, segment, SEGMENT_HEAD_BYTES, &block, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "the file ends in the middle of a block"), "%s", why.text);
    segment_set_fini(&large);
}

/* More is read than was asked for. What cannot be read of that says nothing of what was. */
Test(segment_set, blocks_before_and_behind_one_that_cannot_be_read_are_read)
{
    enum { SPAN = 1024, BAD = 7 };
    struct log_settings settings = fixture_settings();
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "small", 0, NULL), ERR_OK);
    for (int i = 0; i < 20; i++) {
        fixture_write(log, 5, 1, 700);
    }
    log_close(&log);
    const uint64_t at = SEGMENT_HEAD_BYTES + (uint64_t)BAD * SPAN;
    odd_call_unreadable("j/small/0000000000000001.seg", at + 512, at + 1024);
    struct segment_set small;
    int dir_fd = file_ops_current()->open(AT_FDCWD, "j/small", O_RDONLY, 0);
    segment_set_init(&small, file_ops_current(), dir_fd, "j/small");
    cr_assert_eq(segment_chain_load(&small, NULL), ERR_OK);
    segment_set_extend(&small, 0, SEGMENT_HEAD_BYTES + (uint64_t)20 * SPAN);
    for (uint64_t i = 0; i < 20; i++) {
        struct segment_block head;
        log_block_t *block = NULL;
        struct why why = {{0}};
        uint64_t offset = SEGMENT_HEAD_BYTES + i * SPAN;
        cr_assert_eq(segment_set_peek(&small, &small.items[0], offset, &head, &why), ERR_OK, "%s",
                     why.text);
        err_t rc = segment_set_block(&small, &small.items[0], offset, &block, &why);
        cr_assert_eq(rc, i == BAD ? ERR_IO : ERR_OK, "block %d: %s", (int)i, why.text);
        cr_assert(rc != ERR_OK || log_block_first(block) == i + 1);
        log_block_release(&block);
    }
    cr_assert_gt(odd_call_count(), 1);
    segment_set_fini(&small);
}

static struct file_ops counting;
static uint64_t bytes_read;
static unsigned reads;

static int64_t
counted_pread(int fd, void *to, size_t size, uint64_t offset)
{
    bytes_read += size;
    reads++;
    return sim_disk_table()->pread(fd, to, size, offset);
}

/* Who only wants to know what there is reads headers: of a large block little else, and many small
 * ones at a time. */
Test(segment_set, to_index_large_blocks_little_of_them_is_read)
{
    enum { BLOCKS = 8, SMALL = 64 };
    struct log_settings settings = fixture_settings();
    settings.segment_bytes = 4U * 1024 * 1024;
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "large", 0, NULL), ERR_OK);
    for (int i = 0; i < BLOCKS; i++) {
        fixture_write(log, 5, 4, 60000);
    }
    for (int i = 0; i < SMALL; i++) {
        fixture_write(log, 6, 1, 100);
    }
    log_close(&log);
    counting = *sim_disk_table();
    counting.pread = counted_pread;
    struct segment_set large;
    int dir_fd = counting.open(AT_FDCWD, "j/large", O_RDONLY, 0);
    segment_set_init(&large, &counting, dir_fd, "j/large");
    cr_assert_eq(segment_chain_load(&large, NULL), ERR_OK);
    segment_set_extend(&large, 0, SEGMENT_HEAD_BYTES + BLOCKS * 59 * 4096 + SMALL * 512);
    bytes_read = 0;
    reads = 0;
    cr_assert_eq(segment_set_index(&large, &large.items[0], NULL), ERR_OK);
    cr_assert_eq(large.items[0].index.next_position, 1 + BLOCKS * 4 + SMALL);
    /* The first one is not known to be large yet, and the first small one not to be small. */
    cr_assert_leq(bytes_read, 2 * SEGMENT_SET_WINDOW + BLOCKS * SEGMENT_SET_GLANCE);
    cr_assert_leq(reads, BLOCKS + 2);
    segment_set_fini(&large);
}
