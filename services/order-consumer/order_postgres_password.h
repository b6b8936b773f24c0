/*
 * The password for PostgreSQL, from a file of its own, so that it is in no setting, no command
 * line and no log.
 */
#ifndef HERALD_ORDER_POSTGRES_PASSWORD_H
#define HERALD_ORDER_POSTGRES_PASSWORD_H

#include "base/why.h"

/*
 * Read the file's first line. *password: to be forgotten by the caller; NULL where path is NULL or
 * empty. Read anew at every connection, so that a password can be changed without a restart.
 *
 * ERR_DENIED   it may not be read, or others may read it
 * ERR_INVALID  there is no such file, it is empty or its line has more than 1023 bytes
 */
err_t order_postgres_password_read(const char *path, char **password, struct why *why);
void order_postgres_password_forget(char **password); /* wipes it */

#endif
