/*
 * A transaction takes three round trips, whatever the batch holds: BEGIN and both reads; all
 * writes; COMMIT. A batch's column is one parameter (an array), so that a statement moves a whole
 * wave.
 *
 * Two processes with the same orders or keys: orders are locked as they are read, in the order of
 * their ids; rows are written in the order of their keys, so that those who meet wait for each
 * other and not in a circle. Nobody can lock a row that is not there yet. Whoever inserts one
 * second waits for the first to commit, finds that ON CONFLICT left it without a row, and does the
 * whole transaction again, now seeing what the first left. So under one key there is one row,
 * whoever wrote it: an effect, or a fence.
 */
#include "order_postgres.h"

#include "order_postgres_link.h"
#include "order_postgres_password.h"
#include "order_postgres_rows.h"
#include "order_postgres_schema.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

struct order_postgres {
    struct order_store store;        /* first: it stands for the whole */
    order_postgres_link_t *link;     /* owned; NULL: lost */
    struct order_postgres_rows rows; /* owned memory */
    char *url;                       /* owned, as are the next two */
    char *password_file;
    char *group;
};

static struct order_postgres *
self_of(order_store_t *store)
{
    return (struct order_postgres *)store;
}

/* What a collected queue or statement means for the store. */
static enum order_store_result
settle(struct order_postgres *self, enum order_store_result result)
{
    if (result == ORDER_STORE_LOST) {
        order_postgres_link_close(&self->link);
        self->store.err = ERR_AGAIN;
    } else if (result == ORDER_STORE_ENDED) {
        self->store.err = ERR_CORRUPT;
    }
    return result;
}

static enum order_store_result
run(order_store_t *store, const char *text)
{
    struct order_postgres *self = self_of(store);
    return settle(self, order_postgres_link_run(self->link, text, NULL, &store->why));
}

/* Goes out together with the reads. */
static enum order_store_result
begin(order_store_t *store)
{
    order_postgres_link_queue(self_of(store)->link,
                              &(struct order_postgres_link_query){.text = "BEGIN", .rows = -1});
    return ORDER_STORE_OK;
}

/* A transaction that has failed answers COMMIT with ROLLBACK, and calls that a success. */
static enum order_store_result
commit(order_store_t *store)
{
    struct order_postgres *self = self_of(store);
    PGresult *done = NULL;
    enum order_store_result result =
        settle(self, order_postgres_link_run(self->link, "COMMIT", &done, &store->why));
    if (result == ORDER_STORE_OK) {
        CHECK(strcmp(PQcmdStatus(done), "COMMIT") == 0); /* or we missed a fault in it */
        PQclear(done);
    }
    return result;
}

static enum order_store_result
rollback(order_store_t *store)
{
    return run(store, "ROLLBACK");
}

static enum order_store_result
savepoint(order_store_t *store)
{
    return run(store, "SAVEPOINT item");
}

static enum order_store_result
rollback_to(order_store_t *store)
{
    return run(store, "ROLLBACK TO item");
}

static enum order_store_result
release(order_store_t *store)
{
    return run(store, "RELEASE item");
}

static enum order_store_result
read_views(order_store_t *store, order_work_t *work)
{
    struct order_postgres *self = self_of(store);
    PGresult *orders = NULL;
    PGresult *keys = NULL;
    order_postgres_rows_queue_reads(&self->rows, self->link, work, &orders, &keys);
    enum order_store_result result =
        settle(self, order_postgres_link_collect(self->link, &store->why));
    if (result == ORDER_STORE_OK && !(order_postgres_rows_take_orders(work, orders) &&
                                      order_postgres_rows_take_keys(work, keys))) {
        store->err = why_set(&store->why, ERR_CORRUPT, "a row breaks the checks of its table");
        result = ORDER_STORE_ENDED;
    }
    PQclear(orders);
    PQclear(keys);
    return result;
}

static enum order_store_result
write_items(order_store_t *store, order_work_t *work)
{
    struct order_postgres *self = self_of(store);
    order_postgres_rows_queue_writes(&self->rows, self->link, work);
    return settle(self, order_postgres_link_collect(self->link, &store->why));
}

/* Connect, and prepare everything over a database that is what it should be. */
static err_t
connect_anew(struct order_postgres *self, uint8_t identity[ORDER_STORE_IDENTITY_BYTES],
             struct why *why)
{
    err_t err = order_postgres_link_open(&self->link, self->url, self->password_file, why);
    if (err == ERR_OK) {
        err = order_postgres_schema_check(self->link, self->group, identity, why);
    }
    if (err == ERR_OK) {
        order_postgres_rows_queue_prepare(self->link);
        enum order_store_result result = order_postgres_link_collect(self->link, why);
        err = result == ORDER_STORE_OK      ? ERR_OK
              : result == ORDER_STORE_ENDED ? ERR_CORRUPT
                                            : ERR_AGAIN;
    }
    if (err != ERR_OK) {
        order_postgres_link_close(&self->link);
    }
    return err;
}

static enum order_store_result
reopen(order_store_t *store)
{
    struct order_postgres *self = self_of(store);
    uint8_t identity[ORDER_STORE_IDENTITY_BYTES];
    order_postgres_link_close(&self->link);
    store->err = connect_anew(self, identity, &store->why);
    if (store->err == ERR_OK && memcmp(identity, store->identity, sizeof identity) != 0) {
        store->err = why_set(&store->why, ERR_CONFLICT, "another database than before answers");
    }
    if (store->err == ERR_OK) {
        return ORDER_STORE_OK;
    }
    return store->err == ERR_AGAIN ? ORDER_STORE_LOST : ORDER_STORE_ENDED;
}

static enum order_store_result
renew_identity(order_store_t *store)
{
    struct order_postgres *self = self_of(store);
    store->err = order_postgres_schema_renew_identity(self->link, store->identity, &store->why);
    return store->err == ERR_OK ? ORDER_STORE_OK : ORDER_STORE_ENDED;
}

static void
close_store(order_store_t **store_p)
{
    struct order_postgres *self = self_of(*store_p);
    if (self != NULL) {
        order_postgres_link_close(&self->link);
        order_postgres_rows_fini(&self->rows);
        mem_free(self->url);
        mem_free(self->password_file);
        mem_free(self->group);
        mem_free(self);
        *store_p = NULL;
    }
}

static const struct order_store_ops operations = {
    .begin = begin,
    .read = read_views,
    .write = write_items,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .rollback_to = rollback_to,
    .release = release,
    .reopen = reopen,
    .renew_identity = renew_identity,
    .close = close_store,
};

err_t
order_postgres_check(const char *url, const char *password_file, struct why *why)
{
    char *password = NULL;
    err_t err = order_postgres_link_check(url, why);
    if (err == ERR_OK) {
        err = order_postgres_password_read(password_file, &password, why);
    }
    order_postgres_password_forget(&password);
    return err;
}

err_t
order_postgres_open(order_store_t **store_p, const struct order_postgres_options *options,
                    struct why *why)
{
    CHECK(store_p != NULL && *store_p == NULL);
    err_t err = order_postgres_check(options->url, options->password_file, why);
    if (err != ERR_OK) {
        return err;
    }
    struct order_postgres *self = mem_zeroed(sizeof *self);
    self->store.ops = &operations;
    self->url = mem_text(options->url);
    self->password_file = mem_text(options->password_file);
    self->group = mem_text(options->group);
    err = connect_anew(self, self->store.identity, why);
    *store_p = &self->store;
    if (err != ERR_OK) {
        close_store(store_p);
    }
    return err;
}
