#include "unit/journal/journal_fixture.h"

#include "base/mem.h"
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
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    int dir_fd = file_ops_current()->open(AT_FDCWD, "/", O_RDONLY, 0);
    segment_set_init(&set, file_ops_current(), dir_fd, "d");
}

static void
teardown(void)
{
    segment_set_fini(&set);
    sim_disk_destroy(&disk);
}

TestSuite(segment_chain, .init = setup, .fini = teardown);

static struct segment_head
head_of(uint64_t counter, uint64_t previous, uint64_t first)
{
    return (struct segment_head){
        .name = "producer",
        .identity = {9},
        .run = counter,
        .counter = counter,
        .first = first,
        .previous = previous,
        .previous_end = previous == 0 ? 0 : 8192,
        .bytes = FIXTURE_SEGMENT,
        .salt = counter * 77,
    };
}

static void
put(const struct segment_head *head)
{
    static uint8_t bytes[SEGMENT_HEAD_BYTES];
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(head->counter, name);
    segment_head_encode(head, bytes);
    int fd = file_ops_current()->open(AT_FDCWD, name, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(file_ops_current()->pwrite(fd, bytes, sizeof bytes, 0), (int64_t)sizeof bytes);
    (void)file_ops_current()->close(fd);
}

static void
put_simple(uint64_t counter, uint64_t previous, uint64_t first)
{
    struct segment_head head = head_of(counter, previous, first);
    put(&head);
}

Test(segment_chain, an_empty_directory_is_an_empty_set)
{
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_eq(set.count, 0);
}

Test(segment_chain, segments_are_in_order_and_end_where_their_successor_says)
{
    put_simple(3, 2, 30);
    put_simple(1, 0, 1);
    put_simple(2, 1, 10);
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_eq(set.count, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(set.items[i].head.counter, i + 1);
        cr_assert_eq(set.items[i].end, i < 2 ? 8192 : SEGMENT_HEAD_BYTES);
    }
    cr_assert_eq(segment_set_find(&set, 1), 0);
    cr_assert_eq(segment_set_find(&set, 10), 1);
    cr_assert_eq(segment_set_find(&set, 29), 1);
    cr_assert_eq(segment_set_find(&set, 1000), 2);
    cr_assert_eq(segment_set_by_counter(&set, 2), 1);
    cr_assert_eq(segment_set_by_counter(&set, 9), 3);
}

Test(segment_chain, the_front_may_be_gone)
{
    put_simple(7, 6, 70);
    put_simple(8, 7, 80);
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_eq(set.count, 2);
}

Test(segment_chain, a_hole_is_corruption)
{
    struct why why = {{0}};
    put_simple(1, 0, 1);
    put_simple(3, 2, 30);
    cr_assert_eq(segment_chain_load(&set, &why), ERR_CORRUPT);
    cr_assert_str_eq(why.text, "d/0000000000000002.seg is missing, but older segments are there");
}

Test(segment_chain, what_a_link_skips_is_left_over)
{
    put_simple(1, 0, 1);
    put_simple(2, 1, 10);
    put_simple(3, 2, 30);
    put_simple(4, 2, 30);
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_eq(set.count, 3);
    cr_assert_eq(set.leftover_count, 1);
    cr_assert_eq(set.leftovers[0], 3);
}

Test(segment_chain, segments_that_do_not_belong_together_are_refused)
{
    for (int i = 0; i < 5; i++) {
        struct segment_head head = head_of(2, 1, 10);
        head.identity[3] = i == 0 ? 1 : 0;
        head.name[0] = i == 1 ? 'q' : 'p';
        head.previous_end = i == 3 ? FIXTURE_SEGMENT : 8192;
        struct segment_head first = head_of(1, 0, i == 4 ? 11 : 1);
        first.run = i == 2 ? 3 : 1;
        put(&first);
        put(&head);
        cr_assert_eq(segment_chain_load(&set, NULL), ERR_CORRUPT, "case %d", i);
        cr_assert_eq(set.count, 0, "the set is as before");
    }
}

Test(segment_chain, a_file_under_another_number_is_refused)
{
    put_simple(1, 0, 1);
    cr_assert_eq(
        file_ops_current()->rename(AT_FDCWD, "0000000000000001.seg", "0000000000000005.seg"), 0);
    struct why why = {{0}};
    cr_assert_eq(segment_chain_load(&set, &why), ERR_CORRUPT);
    cr_assert_str_eq(why.text, "d/0000000000000005.seg holds segment 1: it was renamed or copied");
}

Test(segment_chain, what_is_known_is_kept_when_more_appears)
{
    put_simple(1, 0, 1);
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_geq(segment_set_open(&set, &set.items[0]), 0);
    int fd = set.items[0].fd;
    segment_set_extend(&set, 0, 5000);
    put_simple(2, 1, 10);
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_eq(set.items[0].fd, fd);
    cr_assert_eq(set.items[0].end, 8192);
    cr_assert_eq(file_ops_current()->unlink(AT_FDCWD, "0000000000000001.seg"), 0);
    cr_assert_not(segment_set_present(&set, &set.items[0]));
    cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
    cr_assert_eq(set.count, 1);
    cr_assert_eq(set.items[0].head.counter, 2);
}

Test(segment_chain, another_file_under_a_known_number_is_another_segment)
{
    for (int i = 0; i < 2; i++) {
        put_simple(1, 0, 1);
        cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
        segment_set_extend(&set, 0, 5000);
        cr_assert_geq(segment_set_open(&set, &set.items[0]), 0);
        struct segment_head head = head_of(1, 0, 1);
        if (i == 0) { /* another file with the same content */
            cr_assert_eq(file_ops_current()->unlink(AT_FDCWD, "0000000000000001.seg"), 0);
        } else { /* the same file, used again */
            head.salt++;
        }
        put(&head);
        cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
        cr_assert_eq(set.count, 1);
        cr_assert_eq(set.items[0].fd, -1);
        cr_assert_eq(set.items[0].end, SEGMENT_HEAD_BYTES, "nothing is known of it");
    }
}

Test(segment_chain, segments_with_one_salt_are_told_apart)
{
    for (uint64_t counter = 1; counter <= 3; counter++) {
        struct segment_head head = head_of(counter, counter - 1, counter * 10);
        head.salt = 5;
        put(&head);
    }
    for (size_t left = 3; left > 0; left--) {
        char name[SEGMENT_NAME_SIZE];
        cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
        cr_assert_eq(set.count, left);
        cr_assert_geq(segment_set_open(&set, &set.items[0]), 0);
        segment_file_name(set.items[0].head.counter, name);
        cr_assert_eq(file_ops_current()->unlink(AT_FDCWD, name), 0);
    }
}

static void
trim_first(void)
{
    (void)sim_disk_remove(disk, "0000000000000001.seg");
}

static void
roll_second(void)
{
    trim_first();
    put_simple(3, 2, 30);
}

/* The owner is at work between our look at the directory and the file. */
Test(segment_chain, a_directory_that_changes_meanwhile_is_looked_at_again)
{
    static void (*const works[])(void) = {trim_first, roll_second};
    for (size_t i = 0; i < 2; i++) {
        (void)sim_disk_remove(disk, "0000000000000003.seg");
        put_simple(1, 0, 1);
        put_simple(2, 1, 10);
        const struct odd_call meanwhile = {
            .operation = ODD_OPEN, .name = "0000000000000001.seg", .meanwhile = works[i]};
        odd_call_set(&meanwhile);
        cr_assert_eq(segment_chain_load(&set, NULL), ERR_OK);
        cr_assert_eq(odd_call_count(), 1);
        cr_assert_eq(set.count, i + 1);
        cr_assert_eq(set.items[i].head.counter, i + 2);
    }
}

static uint64_t strange_counter;

static void
put_strange(void)
{
    strange_counter++;
    put_simple(strange_counter, strange_counter - 1, 1000 - strange_counter); /* does not fit */
}

Test(segment_chain, a_directory_that_changes_for_ever_is_given_up)
{
    struct why why = {{0}};
    put_simple(10, 0, 990);
    strange_counter = 10;
    odd_call_set(
        &(struct odd_call){.operation = ODD_LIST, .times = 1000, .meanwhile = put_strange});
    cr_assert_eq(segment_chain_load(&set, &why), ERR_CORRUPT);
    cr_assert_lt(odd_call_count(), 100);
    cr_assert_eq(set.count, 0);
}

Test(segment_chain, what_cannot_be_listed_or_is_gone_is_an_error)
{
    struct why why = {{0}};
    for (unsigned times = 1; times <= 2; times++) { /* also when it is asked whether it changed */
        odd_call_set(&(struct odd_call){.operation = ODD_LIST, .times = times, .answer = -EIO});
        cr_assert_eq(segment_chain_load(&set, &why), ERR_IO);
        cr_assert_eq(odd_call_count(), times);
        cr_assert_str_eq(why.text, "cannot list d: Input/output error");
    }
    put_simple(1, 0, 1);
    odd_call_set(&(struct odd_call){
        .operation = ODD_OPEN, .name = "0000000000000001.seg", .answer = -ENOENT});
    cr_assert_eq(segment_chain_load(&set, &why), ERR_IO, "it is listed, and not there");
    cr_assert_str_eq(why.text, "d changes too often to be read");
}
