/*
 * Between an order database and its PostgreSQL server: passes everything on, and cuts one
 * connection when it sees a COMMIT. A process of its own.
 */
#ifndef HERALD_TEST_ORDER_CUT_H
#define HERALD_TEST_ORDER_CUT_H

#include <stdbool.h>
#include <sys/types.h>

struct order_cut {
    char dir[64]; /* of its socket: the host to connect to */
    pid_t process;
};

/*
 * host: the directory of the server's socket. The n-th COMMIT (from 1) that comes by is cut off:
 * before the server sees it, or after the server has answered it.
 */
void order_cut_start(struct order_cut *self, const char *host, int n, bool before);
void order_cut_stop(struct order_cut *self);

#endif
