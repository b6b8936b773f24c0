/*
 * What stands behind the order database: SQLite (order_sqlite.h) or PostgreSQL (order_postgres.h).
 * A store keeps rows and runs transactions. It knows nothing of what they mean.
 *
 * In a transaction, and while it lasts, what was read of an order stays as it is; of a key it may
 * not: the write finds out (ORDER_STORE_AGAIN).
 */
#ifndef HERALD_ORDER_STORE_H
#define HERALD_ORDER_STORE_H

#include "order_work.h"

#include "base/why.h"

#define ORDER_STORE_IDENTITY_BYTES 16

/* What became of a call. All but OK, REFUSED and DOWN leave only the call that they name. */
enum order_store_result {
    ORDER_STORE_OK = 0,
    ORDER_STORE_REFUSED, /* a value of an item (a CHECK, a trigger, a size): roll back */
    ORDER_STORE_AGAIN,   /* it met another transaction: roll back, do the whole of it again */
    ORDER_STORE_DOWN,    /* it cannot be done now: roll back */
    ORDER_STORE_LOST,    /* no connection; a commit may have happened or not: reopen, look */
    ORDER_STORE_ENDED,   /* store->err: what is stored is unknown or not to be believed: close */
};

typedef struct order_store order_store_t;
typedef enum order_store_result order_store_call_fn(order_store_t *self);
typedef enum order_store_result order_store_work_fn(order_store_t *self, order_work_t *work);

struct order_store_ops {
    order_store_call_fn *begin;
    order_store_work_fn *read;  /* fill the views of all keys and orders */
    order_store_work_fn *write; /* write what every item has to write */
    order_store_call_fn *commit;
    order_store_call_fn *rollback;
    order_store_call_fn *savepoint; /* one at a time */
    order_store_call_fn *rollback_to;
    order_store_call_fn *release;
    order_store_call_fn *reopen; /* OK, LOST or ENDED; reads the identity again */
    order_store_call_fn *renew_identity;
    void (*close)(order_store_t **self_p);
};

/* The head of every store. */
struct order_store {
    const struct order_store_ops *ops; /* static */
    err_t err;                         /* after ENDED and LOST */
    struct why why;                    /* after any result but OK */
    uint8_t identity[ORDER_STORE_IDENTITY_BYTES];
};

#endif
