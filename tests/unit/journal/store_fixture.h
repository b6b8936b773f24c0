/*
 * A file store without a log over it.
 */
#ifndef HERALD_TESTS_UNIT_STORE_FIXTURE_H
#define HERALD_TESTS_UNIT_STORE_FIXTURE_H

#include "unit/journal/journal_fixture.h"

static inline log_store_t *
store_fixture_own(enum log_sync sync)
{
    struct file_store_settings settings = {
        .directory = "j",
        .name = "producer",
        .segment_bytes = FIXTURE_SEGMENT,
        .no_write_ahead = true,
        .sync = sync,
    };
    log_store_t *store = NULL;
    struct why why = {{0}};
    cr_assert_eq(file_store_own(&store, &settings, 0, &why), ERR_OK, "%s", why.text);
    return store;
}

static inline void
store_fixture_append(log_store_t *store, uint64_t first, unsigned count, uint8_t kind)
{
    log_block_t *block = fixture_block(first, count, kind, 100);
    uint64_t tag = 0;
    cr_assert_eq(log_store_append(store, block, 0, &tag), ERR_OK);
    cr_assert_eq(tag, first + count - 1);
    log_block_release(&block);
}

#endif
