/*
 * An order database of a test's own, notifications for it, and a look at it from outside by a
 * connection of its own. It is a file in a temporary directory, or, where HERALD_TEST_POSTGRES has
 * a connection string, a schema in that server; where that is empty there is no server, and the
 * test is skipped.
 */
#ifndef HERALD_TEST_ORDER_FIXTURE_H
#define HERALD_TEST_ORDER_FIXTURE_H

#include "order_db.h"

#include <stdbool.h>
#include <stdint.h>

struct order_fixture {
    char dir[64];
    char path[96];
    char schema[64]; /* PostgreSQL */
    char url[256];   /* PostgreSQL; else empty */
    order_db_t *db;  /* owned; NULL while closed */
};

bool order_fixture_is_postgres(void);

void order_fixture_init(struct order_fixture *self); /* makes the place, opens nothing */
void order_fixture_open(struct order_fixture *self); /* opens as group "orders" */
void order_fixture_fini(struct order_fixture *self); /* closes and removes everything */

/* A notification over terminated texts, which must outlive it. */
struct order_item order_fixture_item(const char *biz_id, const char *topic, const char *payload);

enum order_fixture_action { ORDER_FIXTURE_APPLY, ORDER_FIXTURE_FENCE, ORDER_FIXTURE_UNDO };

/* One item, a batch of its own, which must not return an error. */
struct order_answer order_fixture_one(struct order_fixture *self, enum order_fixture_action action,
                                      const struct order_item *item);

/* As above for texts, version 0. */
enum order_answer_outcome order_fixture_apply(struct order_fixture *self, const char *biz_id,
                                              const char *topic, const char *payload);

/* The first column of the first row: a number, -1 where there is no row; or a text. */
int64_t order_fixture_number(const struct order_fixture *self, const char *sql);
const char *order_fixture_text(const struct order_fixture *self, const char *sql); /* static */

enum order_fixture_result {
    ORDER_FIXTURE_DONE = 0,
    ORDER_FIXTURE_REFUSED, /* by a check, a unique key or a type */
    ORDER_FIXTURE_FAILED,
};

/* Execute from outside, one statement or several. */
enum order_fixture_result order_fixture_execute(const struct order_fixture *self, const char *sql);

#endif
