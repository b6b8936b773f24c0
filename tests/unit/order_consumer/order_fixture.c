#include "order_fixture_private.h"

#include "base/check.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
order_fixture_is_postgres(void)
{
    return getenv("HERALD_TEST_POSTGRES") != NULL;
}

void
order_fixture_init(struct order_fixture *self)
{
    *self = (struct order_fixture){.db = NULL};
    if (order_fixture_is_postgres()) {
        order_fixture_postgres_init(self);
        return;
    }
    (void)snprintf(self->dir, sizeof self->dir, "/tmp/herald-order-XXXXXX");
    CHECK(mkdtemp(self->dir) != NULL);
    (void)snprintf(self->path, sizeof self->path, "%s/orders.db", self->dir);
}

void
order_fixture_open(struct order_fixture *self)
{
    struct order_db_options options = {
        .path = self->path, .url = self->url, .group = "orders", .busy_ms = 200};
    if (order_fixture_is_postgres()) {
        options.busy_ms = 5000; /* others may be at work in the server */
    }
    struct why why = {""};
    bool is_open = order_db_open(&self->db, &options, &why) == ERR_OK;
    if (!is_open) {
        (void)fprintf(stderr, "%s\n", why.text);
    }
    CHECK(is_open);
}

void
order_fixture_fini(struct order_fixture *self)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-journal", ".lock"};
    order_db_close(&self->db);
    if (order_fixture_is_postgres()) {
        order_fixture_postgres_fini(self);
        return;
    }
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", self->path, tails[i]);
        (void)unlink(path); /* most are gone already */
    }
    CHECK(rmdir(self->dir) == 0);
}

struct order_item
order_fixture_item(const char *biz_id, const char *topic, const char *payload)
{
    return (struct order_item){
        .biz_id = biz_id,
        .biz_id_size = strlen(biz_id),
        .topic = topic,
        .topic_size = strlen(topic),
        .payload = (const uint8_t *)payload,
        .payload_size = strlen(payload),
    };
}

struct order_answer
order_fixture_one(struct order_fixture *self, enum order_fixture_action action,
                  const struct order_item *item)
{
    struct order_answer answer;
    struct order_db_batch batch = {
        .items = item, .answers = &answer, .count = 1, .now_unix_ms = 1700000000123};
    struct why why = {""};
    err_t err = ERR_INVALID;
    switch (action) {
    case ORDER_FIXTURE_APPLY:
        err = order_db_apply(self->db, &batch, &why);
        break;
    case ORDER_FIXTURE_FENCE:
        err = order_db_fence(self->db, &batch, &why);
        break;
    case ORDER_FIXTURE_UNDO:
        err = order_db_undo(self->db, &batch, &why);
        break;
    }
    CHECK(err == ERR_OK);
    return answer;
}

enum order_answer_outcome
order_fixture_apply(struct order_fixture *self, const char *biz_id, const char *topic,
                    const char *payload)
{
    struct order_item item = order_fixture_item(biz_id, topic, payload);
    return order_fixture_one(self, ORDER_FIXTURE_APPLY, &item).outcome;
}

static sqlite3 *
outside(const struct order_fixture *self)
{
    sqlite3 *db = NULL;
    CHECK(sqlite3_open_v2(self->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    CHECK(sqlite3_busy_timeout(db, 2000) == SQLITE_OK);
    return db;
}

const char *
order_fixture_text(const struct order_fixture *self, const char *sql)
{
    static char text[512];
    if (order_fixture_is_postgres()) {
        return order_fixture_postgres_text(self, sql, text, sizeof text) ? text : "-1";
    }
    sqlite3 *db = outside(self);
    sqlite3_stmt *statement = NULL;
    CHECK(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
    const char *found = NULL;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        found = (const char *)sqlite3_column_text(statement, 0);
    }
    (void)snprintf(text, sizeof text, "%s", found == NULL ? "-1" : found);
    CHECK(sqlite3_finalize(statement) == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    return text;
}

int64_t
order_fixture_number(const struct order_fixture *self, const char *sql)
{
    return strtoll(order_fixture_text(self, sql), NULL, 10);
}

enum order_fixture_result
order_fixture_execute(const struct order_fixture *self, const char *sql)
{
    if (order_fixture_is_postgres()) {
        return order_fixture_postgres_execute(self, sql);
    }
    sqlite3 *db = outside(self);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    if (rc == SQLITE_OK) {
        return ORDER_FIXTURE_DONE;
    }
    return rc == SQLITE_CONSTRAINT ? ORDER_FIXTURE_REFUSED : ORDER_FIXTURE_FAILED;
}
