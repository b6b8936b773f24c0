#include "unit/journal/journal_fixture.h"

#include "base/limits.h"

#include <pthread.h>

Test(log_block, starts_empty_and_counts_what_is_added)
{
    log_block_t *block = fixture_block(7, 3, 9, 100);
    cr_assert_eq(log_block_first(block), 7);
    cr_assert_eq(log_block_count(block), 3);
    cr_assert_eq(log_block_last(block), 9);
    cr_assert_eq(log_block_kinds(block), 1U << 9);
    cr_assert_eq(log_block_size(block), 3 * 102);
    cr_assert_eq(log_block_span(block), 512);
    log_block_release(&block);
    cr_assert_null(block);
}

Test(log_block, grows_up_to_the_limit_and_keeps_its_records)
{
    log_block_t *block = log_block_new(1, 10);
    size_t size = LIMIT_RECORD_BYTES;
    unsigned count = LIMIT_BLOCK_BYTES / (LIMIT_RECORD_BYTES + 64);
    for (unsigned i = 0; i < count; i++) {
        memset(log_block_add(block, 5, size), (int)i, size);
    }
    const uint8_t *next = log_block_records(block);
    for (unsigned i = 0; i < count; i++) {
        cr_assert_eq(next[0], 5);
        cr_assert_eq(next[4], i);
        next += log_block_record_bytes(size);
    }
    cr_assert_leq(log_block_span(block), LIMIT_BLOCK_BYTES);
    log_block_release(&block);
}

Test(log_block, record_bytes_follow_the_length_of_the_length)
{
    cr_assert_eq(log_block_record_bytes(0), 2);
    cr_assert_eq(log_block_record_bytes(127), 129);
    cr_assert_eq(log_block_record_bytes(128), 131);
    cr_assert_eq(log_block_record_bytes(16383), 16386);
    cr_assert_eq(log_block_record_bytes(16384), 16388);
}

Test(log_block, padding_is_zero)
{
    log_block_t *block = fixture_block(1, 1, 5, 10);
    memset(block->bytes + LOG_BLOCK_HEAD_BYTES + block->size, 0xee,
           512 - LOG_BLOCK_HEAD_BYTES - block->size);
    log_block_pad(block, 0);
    for (size_t i = LOG_BLOCK_HEAD_BYTES + block->size; i < 512; i++) {
        cr_assert_eq(block->bytes[i], 0);
    }
    log_block_release(&block);
}

Test(log_block, release_of_nothing_does_nothing)
{
    log_block_t *block = NULL;
    log_block_release(&block);
    cr_assert_null(block);
}

static void *
hold_and_release(void *arg)
{
    for (int i = 0; i < 10000; i++) {
        log_block_t *mine = log_block_hold(arg);
        log_block_release(&mine);
    }
    return NULL;
}

Test(log_block, holds_may_be_taken_and_dropped_on_any_thread)
{
    log_block_t *block = fixture_block(1, 1, 5, 10);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, hold_and_release, block), 0);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(atomic_load(&block->holds), 1);
    log_block_release(&block);
}
