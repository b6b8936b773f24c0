#include "unit/journal/journal_fixture.h"

/* An engine that keeps nothing: only what it was asked last. */
struct engine {
    log_store_t store;
    const char *asked;
    log_block_t *block; /* what every read finds; NULL: nothing */
    err_t trouble;      /* what reading and inspecting fail with */
};

static struct engine *
self_of(log_store_t *store)
{
    return (struct engine *)(void *)store;
}

static err_t
engine_append(log_store_t *store, log_block_t *block, unsigned flags, uint64_t *tag)
{
    (void)block;
    self_of(store)->asked = flags == LOG_STORE_FINISHING ? "finish" : "append";
    *tag = 1;
    return ERR_FULL;
}

static err_t
engine_reap(log_store_t *store, uint64_t *tag, uint64_t *position, struct why *why)
{
    (void)tag;
    (void)position;
    (void)why;
    self_of(store)->asked = "reap";
    return ERR_AGAIN;
}

static err_t
engine_sync(log_store_t *store, struct why *why)
{
    (void)why;
    self_of(store)->asked = "sync";
    return self_of(store)->trouble;
}

static err_t
engine_read(log_store_t *store, uint64_t from, uint32_t kinds, log_block_t **block_p,
            struct why *why)
{
    (void)from;
    (void)kinds;
    (void)why;
    struct engine *self = self_of(store);
    self->asked = "read";
    if (self->block != NULL) {
        *block_p = log_block_hold(self->block);
        return ERR_OK;
    }
    return self->trouble != ERR_OK ? self->trouble : ERR_AGAIN;
}

static err_t
engine_inspect(log_store_t *store, struct log_store_state *state, struct why *why)
{
    (void)why;
    self_of(store)->asked = "inspect";
    *state = (struct log_store_state){.first = 1, .durable = 9, .block_bytes = 65536};
    return self_of(store)->trouble;
}

static err_t
engine_trim(log_store_t *store, uint64_t keep_from, struct why *why)
{
    (void)keep_from;
    (void)why;
    self_of(store)->asked = "trim";
    return ERR_OK;
}

static void
engine_reserve(log_store_t *store, uint64_t bytes)
{
    (void)bytes;
    self_of(store)->asked = "reserve";
}

static void
engine_close(log_store_t **store_p)
{
    self_of(*store_p)->asked = "close";
    *store_p = NULL;
}

static const struct log_store_ops engine_ops = {
    .append = engine_append,
    .reap = engine_reap,
    .sync = engine_sync,
    .read = engine_read,
    .read_back = engine_read,
    .inspect = engine_inspect,
    .trim = engine_trim,
    .reserve = engine_reserve,
    .close = engine_close,
};

Test(log_store, every_call_goes_to_the_engine)
{
    struct engine engine = {.store.ops = &engine_ops};
    log_store_t *store = &engine.store;
    log_block_t *block = NULL;
    uint64_t tag;
    uint64_t position;
    struct log_store_state state;
    cr_assert_eq(log_store_append(store, NULL, LOG_STORE_FINISHING, &tag), ERR_FULL);
    cr_assert_str_eq(engine.asked, "finish");
    cr_assert_eq(log_store_reap(store, &tag, &position, NULL), ERR_AGAIN);
    cr_assert_str_eq(engine.asked, "reap");
    cr_assert_eq(log_store_sync(store, NULL), ERR_OK);
    cr_assert_str_eq(engine.asked, "sync");
    cr_assert_not(log_store_syncs_aside(store), "an engine that says nothing of it");
    cr_assert_eq(log_store_read(store, 1, 1, &block, NULL), ERR_AGAIN);
    cr_assert_eq(log_store_read_back(store, 1, 1, &block, NULL), ERR_AGAIN);
    cr_assert_str_eq(engine.asked, "read");
    cr_assert_eq(log_store_inspect(store, &state, NULL), ERR_OK);
    cr_assert_eq(log_store_trim(store, 1, NULL), ERR_OK);
    cr_assert_str_eq(engine.asked, "trim");
    log_store_reserve(store, 5);
    cr_assert_str_eq(engine.asked, "reserve");
    cr_assert_eq(log_store_fd(store), -1);
    log_store_close(&store);
    cr_assert_str_eq(engine.asked, "close");
    log_store_close(&store);
}

Test(log_store, a_log_works_over_any_engine_and_keeps_what_was_refused)
{
    struct engine engine = {.store.ops = &engine_ops};
    log_store_t *store = &engine.store;
    log_t *log = NULL;
    cr_assert_eq(log_over_store(&log, &store, NULL), ERR_OK);
    cr_assert_null(store);
    cr_assert_eq(log_append(log, 5, "x", 1), 10);
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, 0, &why), ERR_FULL);
    cr_assert_eq(log_append(log, 5, "y", 1), 11);
    cr_assert_eq(log_commit(log, 0, &why), ERR_FULL);
    cr_assert_str_eq(why.text, "no room on disk for 2 blocks of the log");
    log_close(&log);
    cr_assert_str_eq(engine.asked, "close");
}

static log_t *
log_over(struct engine *engine)
{
    log_store_t *store = &engine->store;
    log_t *log = NULL;
    cr_assert_eq(log_over_store(&log, &store, NULL), ERR_OK);
    return log;
}

Test(log_store, a_log_over_an_engine_that_fails_says_so_and_keeps_what_it_knew)
{
    struct engine engine = {.store.ops = &engine_ops, .trouble = ERR_IO};
    log_store_t *store = &engine.store;
    log_t *log = NULL;
    cr_assert_eq(log_over_store(&log, &store, NULL), ERR_IO);
    cr_assert_null(log);
    cr_assert_str_eq(engine.asked, "close");
    engine.trouble = ERR_OK;
    log = log_over(&engine);
    engine.trouble = ERR_IO;
    struct log_store_state state = {.durable = 77};
    cr_assert_eq(log_inspect(log, &state, NULL), ERR_IO);
    cr_assert_eq(state.durable, 77);
    cr_assert_eq(log_durable(log), 9);
    cr_assert_eq(log_room(log), 0);
    cr_assert_eq(log_trim(log, 5, NULL), ERR_IO, "nobody knows what must be kept");
    cr_assert_str_eq(engine.asked, "read");
    log_close(&log);
}

/* The second of three records says that it is longer than the block. */
Test(log_store, a_block_with_a_malformed_record_is_corrupt_to_every_reader)
{
    struct engine engine = {.store.ops = &engine_ops, .block = fixture_block(1, 3, 7, 20)};
    engine.block->bytes[LOG_BLOCK_HEAD_BYTES + log_block_record_bytes(20) + 1] = 0x7f;
    log_t *log = log_over(&engine);
    struct log_record record;
    log_block_t *block = NULL;
    struct why why = {{0}};
    for (uint64_t from = 1; from <= 3; from += 2) {
        struct log_cursor cursor;
        log_cursor_init(&cursor, log, from, LOG_ALL_KINDS);
        cr_assert_eq(log_cursor_next(&cursor, &record, &why), from == 1 ? ERR_OK : ERR_CORRUPT);
        cr_assert_eq(log_cursor_next(&cursor, &record, &why), ERR_CORRUPT);
        log_cursor_fini(&cursor);
    }
    cr_assert_eq(log_read(log, 1, &record, &block, &why), ERR_OK);
    log_block_release(&block);
    cr_assert_eq(log_read(log, 3, &record, &block, &why), ERR_CORRUPT);
    cr_assert_eq(log_newest(log, 7, &record, &block, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "holds a malformed record"), "%s", why.text);
    cr_assert_null(block);
    log_close(&log);
    log_block_release(&engine.block);
}

Test(log_store, a_block_without_the_kind_that_it_was_found_by_is_corrupt)
{
    struct engine engine = {.store.ops = &engine_ops, .block = fixture_block(1, 3, 7, 20)};
    log_t *log = log_over(&engine);
    struct log_record record;
    log_block_t *block = NULL;
    cr_assert_eq(log_newest(log, 8, &record, &block, NULL), ERR_CORRUPT);
    cr_assert_null(block);
    log_close(&log);
    log_block_release(&engine.block);
}
