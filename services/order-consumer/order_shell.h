/*
 * Joins the order database with the consumer: batches go to the database, its answers back to the
 * senders. order_core.h says what a fault of the database leads to.
 *
 * After a fault nobody knows what a batch has left behind until the database has been opened
 * again. So it is opened at once: when that succeeds the batch is answered DOWN and comes again,
 * burning nothing; when it does not the batch is not answered at all.
 */
#ifndef HERALD_ORDER_SHELL_H
#define HERALD_ORDER_SHELL_H

#include "order_settings.h"

#include "wire/wire_session.h"

typedef struct order_shell order_shell_t;

/*
 * Open the database and the front door, and begin to receive. settings: borrowed for life.
 *
 * Errors are order_db_open's; ERR_INVALID: an endpoint.
 */
err_t order_shell_open(order_shell_t **self_p, const struct order_settings *settings,
                       bool renew_identity, struct why *why);
void order_shell_close(order_shell_t **self_p); /* hands back what was not started */

/*
 * Work until shell_stop, which is ERR_OK, or until the database is lost.
 *
 * ERR_LOST     a sync failed or the system refused the file: start again
 * ERR_CORRUPT, ERR_CONFLICT, ERR_LOCKED, ...  the database is not what it was
 */
err_t order_shell_run(order_shell_t *self, struct why *why);

#endif
