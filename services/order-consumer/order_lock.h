/*
 * One process a database: a flock on a file beside it, held for life. (SQLite's own locks are per
 * transaction, and vanish when any descriptor of the file is closed.)
 */
#ifndef HERALD_ORDER_LOCK_H
#define HERALD_ORDER_LOCK_H

#include "base/why.h"

/*
 * Take the lock of the database at db_path: the file `db_path`.lock, which is created when it is
 * missing and stays. *fd is the holder's descriptor, closed on exec; closing it gives the lock up.
 *
 * ERR_LOCKED       another process has it; why names its process id
 * ERR_UNSUPPORTED  a network file system: locks and syncs there are not to be trusted
 * ERR_DENIED       permission, or the file is a symbolic link
 * ERR_IO           anything else of the system
 */
err_t order_lock_take(const char *db_path, int *fd, struct why *why);

#endif
