#include "unit/journal/journal_fixture.h"

/* An engine that keeps nothing: only what it was asked last. */
struct engine {
    log_store_t store;
    const char *asked;
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
engine_read(log_store_t *store, uint64_t from, uint32_t kinds, log_block_t **block_p,
            struct why *why)
{
    (void)from;
    (void)kinds;
    (void)block_p;
    (void)why;
    self_of(store)->asked = "read";
    return ERR_AGAIN;
}

static err_t
engine_inspect(log_store_t *store, struct log_store_state *state, struct why *why)
{
    (void)why;
    self_of(store)->asked = "inspect";
    *state = (struct log_store_state){.first = 1, .block_bytes = 65536};
    return ERR_OK;
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
    cr_assert_eq(log_append(log, 5, "x", 1), 1);
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, 0, &why), ERR_FULL);
    cr_assert_eq(log_append(log, 5, "y", 1), 2);
    cr_assert_eq(log_commit(log, 0, &why), ERR_FULL);
    cr_assert_str_eq(why.text, "no room on disk for 2 blocks of the log");
    log_close(&log);
    cr_assert_str_eq(engine.asked, "close");
}
