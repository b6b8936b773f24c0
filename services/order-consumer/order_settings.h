/*
 * The order consumer's settings: what there is, and their values as it runs with them.
 */
#ifndef HERALD_ORDER_SETTINGS_H
#define HERALD_ORDER_SETTINGS_H

#include "runtime/settings.h"

#include "base/limits.h"

extern const struct setting order_settings_table[];

struct order_settings {
    const char *producer; /* endpoints; borrowed from the settings, as are the next six */
    const char *front;
    const char *curve;         /* directory of keys; "": without CURVE */
    const char *path;          /* SQLite */
    const char *url;           /* PostgreSQL; empty: SQLite */
    const char *password_file; /* PostgreSQL; empty: none */
    const char *database;      /* the one of path and url that counts, to be shown */
    char group[LIMIT_NAME_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1]; /* by default host and process id: of this process alone */
    int busy_ms;
    size_t batch_max;
    uint32_t hang_ms;
    bool insecure;
};

/* ERR_INVALID: group or name have no or too many bytes. */
err_t order_settings_read(const settings_t *settings, struct order_settings *values,
                          struct why *why);

#endif
