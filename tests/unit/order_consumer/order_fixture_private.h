/* How the fixture looks from outside: by SQLite, or by PostgreSQL. */
#ifndef HERALD_TEST_ORDER_FIXTURE_PRIVATE_H
#define HERALD_TEST_ORDER_FIXTURE_PRIVATE_H

#include "order_fixture.h"

#include <stddef.h>

/* PostgreSQL: make and drop the schema. */
void order_fixture_postgres_init(struct order_fixture *self);
void order_fixture_postgres_fini(struct order_fixture *self);

/* False: no row, or NULL. */
bool order_fixture_postgres_text(const struct order_fixture *self, const char *sql, char *text,
                                 size_t size);
enum order_fixture_result order_fixture_postgres_execute(const struct order_fixture *self,
                                                         const char *sql);

#endif
