#include "unit/journal/journal_fixture.h"

#include "base/mem.h"
#include "journal/segment_index.h"

static void
add(struct segment_index *index, uint32_t count, uint32_t kinds, uint32_t size)
{
    struct segment_block block = {
        .first = index->next_position,
        .count = count,
        .kinds = kinds,
        .size = size,
    };
    segment_index_add(index, &block);
}

Test(segment_index, has_one_mark_for_each_chunk_in_which_a_block_starts)
{
    struct segment_index index;
    segment_index_init(&index, 100);
    for (int i = 0; i < 300; i++) {
        add(&index, 2, 1U << (i % 3), 1000); /* 1536 bytes each */
    }
    uint64_t end = SEGMENT_HEAD_BYTES + 300 * 1536;
    cr_assert_eq(index.next_offset, end);
    cr_assert_eq(index.next_position, 700);
    cr_assert_eq(index.kinds, 7);
    cr_assert_eq(index.count, end / SEGMENT_CHUNK_BYTES + 1);
    for (uint32_t i = 1; i < index.count; i++) {
        cr_assert_eq(index.marks[i].offset / SEGMENT_CHUNK_BYTES, i);
    }
    segment_index_fini(&index);
}

Test(segment_index, finds_the_mark_from_which_to_look)
{
    struct segment_index index;
    segment_index_init(&index, 1);
    for (int i = 0; i < 1000; i++) {
        add(&index, 3, 1, 2000);
    }
    for (uint64_t position = 1; position <= 3000; position++) {
        uint32_t at = segment_index_find(&index, position);
        cr_assert_leq(index.marks[at].first, position);
        cr_assert(at + 1 == index.count || index.marks[at + 1].first > position);
    }
    segment_index_fini(&index);
}

Test(segment_index, a_block_larger_than_a_chunk_leaves_chunks_without_a_mark)
{
    struct segment_index index;
    segment_index_init(&index, 1);
    add(&index, 1, 2, 200000);
    add(&index, 1, 4, 100);
    cr_assert_eq(index.count, 2);
    cr_assert_eq(index.marks[0].kinds, 2);
    cr_assert_eq(index.marks[1].kinds, 4);
    cr_assert_eq(index.marks[1].first, 2);
    segment_index_fini(&index);
}

Test(segment_index, what_is_passed_over_may_be_of_any_kind)
{
    struct segment_index index;
    segment_index_init(&index, 1);
    add(&index, 1, 2, 1000);
    segment_index_pass(&index, 300032, 90);
    cr_assert(index.coarse);
    add(&index, 1, 4, 100);
    cr_assert_eq(index.next_position, 91);
    cr_assert_eq(index.count, 2);
    cr_assert_eq(index.marks[0].kinds, UINT32_MAX);
    cr_assert_eq(index.marks[1].kinds, 4);
    cr_assert_eq(index.marks[1].first, 90);
    cr_assert_eq(index.marks[1].offset, 300032);
    cr_assert_eq(segment_index_find(&index, 89), 0);
    cr_assert_eq(segment_index_find(&index, 90), 1);
    segment_index_pass(&index, 600064, 200); /* where there is no mark yet */
    cr_assert_eq(index.count, 2, "its chunk has one");
    segment_index_fini(&index);
    segment_index_init(&index, 1);
    segment_index_pass(&index, 8192, 3);
    cr_assert_eq(index.count, 1);
    cr_assert_eq(index.marks[0].first, 1);
    cr_assert_eq(index.marks[0].offset, SEGMENT_HEAD_BYTES);
    segment_index_fini(&index);
}

Test(segment_index, takes_over_the_marks_of_a_footer)
{
    struct segment_index index;
    segment_index_init(&index, 1);
    struct segment_mark *marks = mem_array(2, sizeof *marks);
    marks[0] = (struct segment_mark){1, 4096, 3};
    marks[1] = (struct segment_mark){50, 70000, 8};
    segment_index_adopt(&index, marks, 2, 90112, 99);
    cr_assert_eq(index.kinds, 11);
    cr_assert_not(index.coarse);
    cr_assert_eq(index.next_position, 100);
    cr_assert_eq(segment_index_find(&index, 49), 0);
    cr_assert_eq(segment_index_find(&index, 50), 1);
    segment_index_fini(&index);
}
