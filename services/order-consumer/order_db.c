#include "order_db.h"

#include "order_postgres.h"
#include "order_sqlite.h"
#include "order_steps.h"
#include "order_store.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static_assert(ORDER_DB_IDENTITY_BYTES == ORDER_STORE_IDENTITY_BYTES, "one identity");
static_assert(ORDER_DB_BATCH_MAX == ORDER_WORK_ITEMS_MAX, "one batch");

struct order_db {
    order_store_t *store; /* owned */
    order_work_t *work;   /* owned */
    int busy_ms;
    pid_t owner;
    bool broken; /* an error was returned: only close is left */
};

static bool
is_postgres(const struct order_db_options *options)
{
    return options->url != NULL && options->url[0] != '\0';
}

err_t
order_db_check(const struct order_db_options *options, struct why *why)
{
    return is_postgres(options) ? order_postgres_check(options->url, options->password_file, why)
                                : ERR_OK;
}

err_t
order_db_open(order_db_t **self_p, const struct order_db_options *options, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL && options->group != NULL);
    CHECK(sodium_init() >= 0);
    json_set_alloc_funcs(mem_alloc, mem_free); /* out of memory must not look like bad JSON */
    order_store_t *store = NULL;
    err_t err;
    if (is_postgres(options)) {
        const struct order_postgres_options postgres = {
            .url = options->url,
            .password_file = options->password_file,
            .group = options->group,
        };
        err = order_postgres_open(&store, &postgres, why);
    } else {
        CHECK(options->path != NULL);
        const struct order_sqlite_options sqlite = {
            .path = options->path, .group = options->group, .busy_ms = options->busy_ms};
        err = order_sqlite_open(&store, &sqlite, why);
    }
    if (err != ERR_OK) {
        return err;
    }
    order_db_t *self = mem_zeroed(sizeof *self);
    self->store = store;
    self->work = order_work_new();
    self->busy_ms = options->busy_ms;
    self->owner = getpid();
    *self_p = self;
    return ERR_OK;
}

void
order_db_close(order_db_t **self_p)
{
    order_db_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    self->store->ops->close(&self->store);
    order_work_destroy(&self->work);
    mem_free(self);
    *self_p = NULL;
}

const uint8_t *
order_db_identity(const order_db_t *self)
{
    return self->store->identity;
}

/* Nothing more can be done with the store: what was committed last is unknown. */
static err_t
give_up(order_db_t *self, struct why *why)
{
    self->broken = true;
    return why_set(why, self->store->err, "%s", self->store->why.text);
}

err_t
order_db_renew_identity(order_db_t *self, struct why *why)
{
    CHECK(!self->broken && self->owner == getpid());
    return self->store->ops->renew_identity(self->store) == ORDER_STORE_OK ? ERR_OK
                                                                           : give_up(self, why);
}

/* What is to be done with a batch: the whole of it, or a part of it in a savepoint. */
struct task {
    order_steps_fn *step;
    const struct order_db_batch *batch;
    size_t first;
    size_t count;
};

/* Read, decide, write: within a transaction. */
static enum order_store_result
work_on(order_db_t *self, const struct task *task)
{
    order_work_t *work = self->work;
    const struct order_store_ops *ops = self->store->ops;
    order_work_load(work, task->batch->items + task->first, task->batch->answers + task->first,
                    task->count);
    work->now_unix_ms = task->batch->now_unix_ms;
    enum order_store_result result = ops->read(self->store, work);
    if (result != ORDER_STORE_OK) {
        return result;
    }
    for (size_t i = 0; i < work->item_count; i++) {
        task->step(work, &work->items[i]);
    }
    return ops->write(self->store, work);
}

/* As above in a savepoint of its own. REFUSED: nothing of it is left. */
static enum order_store_result
work_on_part(order_db_t *self, const struct task *task)
{
    const struct order_store_ops *ops = self->store->ops;
    enum order_store_result result = ops->savepoint(self->store);
    if (result != ORDER_STORE_OK) {
        return result;
    }
    result = work_on(self, task);
    bool refused = result == ORDER_STORE_REFUSED;
    struct why why = self->store->why;
    if (refused) {
        result = ops->rollback_to(self->store);
    }
    if (result == ORDER_STORE_OK) {
        result = ops->release(self->store);
    }
    if (result == ORDER_STORE_OK && refused) {
        self->store->why = why;
        return ORDER_STORE_REFUSED;
    }
    return result;
}

/* This one item the database refuses: say so, and keep a record of it, if that can be stored. */
static enum order_store_result
refuse_one(order_db_t *self, const struct task *task)
{
    struct why why = self->store->why;
    bool is_apply = task->step == order_steps_apply;
    order_answer_set(&task->batch->answers[task->first],
                     is_apply ? ORDER_ANSWER_REJECT : ORDER_ANSWER_DOWN,
                     "the database refuses it: %s", why.text);
    if (!is_apply) {
        return ORDER_STORE_OK;
    }
    struct task record = *task;
    record.step = order_steps_record_refusal;
    self->work->refusal = why.text;
    enum order_store_result result = work_on_part(self, &record);
    self->work->refusal = NULL;
    return result == ORDER_STORE_REFUSED ? ORDER_STORE_OK : result; /* the answer is given */
}

/* The batch in parts, each in a savepoint, halved until what is refused stands alone. */
static enum order_store_result
work_in_parts(order_db_t *self, const struct task *whole)
{
    enum order_store_result result = ORDER_STORE_OK;
    struct task part = *whole;
    size_t end = whole->first + whole->count;
    while (result == ORDER_STORE_OK && part.first < end) {
        if (part.count > end - part.first) {
            part.count = end - part.first;
        }
        result = work_on_part(self, &part);
        if (result == ORDER_STORE_REFUSED && part.count > 1) {
            part.count /= 2;
            result = ORDER_STORE_OK;
            continue;
        }
        if (result == ORDER_STORE_REFUSED) {
            result = refuse_one(self, &part);
        }
        part.first += part.count;
        part.count *= 2;
    }
    return result;
}

static enum order_store_result
run_once(order_db_t *self, const struct task *task, bool in_parts)
{
    const struct order_store_ops *ops = self->store->ops;
    enum order_store_result result = ops->begin(self->store);
    if (result == ORDER_STORE_OK) {
        result = in_parts ? work_in_parts(self, task) : work_on(self, task);
    }
    return result == ORDER_STORE_OK ? ops->commit(self->store) : result;
}

static void
all_down(const struct order_db_batch *batch, const char *reason)
{
    for (size_t i = 0; i < batch->count; i++) {
        order_answer_set(&batch->answers[i], ORDER_ANSWER_DOWN, "order database: %s", reason);
    }
}

/* Up to 11 ms, more at each try: two that met each other part. */
static void
pause_jittered(int try_count)
{
    struct timespec pause = {.tv_nsec = 1000000L + randombytes_uniform(2000000) * (long)try_count};
    (void)nanosleep(&pause, NULL); /* woken early is as good */
}

/*
 * Until it is committed, or cannot be. A commit whose outcome is unknown is no special case: done
 * again, it finds under each key what it left there. When there is no time left for that, DOWN says
 * nothing of the outcome, and comes before the leases run out; it is found when the batch comes
 * again.
 */
static enum order_store_result
run_until_known(order_db_t *self, const struct task *task)
{
    const struct order_store_ops *ops = self->store->ops;
    int64_t give_up_ms = clock_mono_ms() + self->busy_ms;
    bool in_parts = false;
    for (int try_count = 1;; try_count++) {
        enum order_store_result result = run_once(self, task, in_parts);
        if (result == ORDER_STORE_OK || result == ORDER_STORE_ENDED) {
            return result;
        }
        struct why why = self->store->why;
        enum order_store_result back =
            result == ORDER_STORE_LOST ? ORDER_STORE_LOST : ops->rollback(self->store);
        bool is_late = clock_mono_ms() >= give_up_ms;
        if (back == ORDER_STORE_LOST && !is_late) {
            back = ops->reopen(self->store);
        }
        if (back != ORDER_STORE_OK) {
            return back;
        }
        self->store->why = why;
        bool is_known = result == ORDER_STORE_DOWN;
        if (is_known || try_count >= ORDER_DB_TRIES || is_late) {
            return ORDER_STORE_DOWN;
        }
        if (result == ORDER_STORE_REFUSED) {
            in_parts = true;
        } else {
            pause_jittered(try_count);
        }
    }
}

static err_t
transact(order_db_t *self, order_steps_fn *step, const struct order_db_batch *batch,
         struct why *why)
{
    CHECK(!self->broken && self->owner == getpid() && batch->count <= ORDER_DB_BATCH_MAX);
    const struct task task = {.step = step, .batch = batch, .first = 0, .count = batch->count};
    enum order_store_result result = run_until_known(self, &task);
    if (result == ORDER_STORE_OK) {
        return ERR_OK;
    }
    if (result == ORDER_STORE_DOWN || result == ORDER_STORE_LOST) { /* LOST: err is ERR_AGAIN */
        all_down(batch, self->store->why.text);
    }
    return result == ORDER_STORE_DOWN ? ERR_OK : give_up(self, why);
}

err_t
order_db_apply(order_db_t *self, const struct order_db_batch *batch, struct why *why)
{
    return transact(self, order_steps_apply, batch, why);
}

err_t
order_db_fence(order_db_t *self, const struct order_db_batch *batch, struct why *why)
{
    return transact(self, order_steps_fence, batch, why);
}

err_t
order_db_undo(order_db_t *self, const struct order_db_batch *batch, struct why *why)
{
    return transact(self, order_steps_undo, batch, why);
}
