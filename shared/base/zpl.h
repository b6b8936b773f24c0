/*
 * A strict reader of ZPL (rfc.zeromq.org/spec/4): sections by indentation of four spaces,
 * `name = value`, # comments, values with spaces in quotes. czmq's own keeps no line numbers and
 * takes what it does not understand.
 */
#ifndef HERALD_BASE_ZPL_H
#define HERALD_BASE_ZPL_H

#include "base/why.h"

#include <stddef.h>

#define ZPL_DEPTH_MAX 4
#define ZPL_NAME_BYTES 49   /* at most, of one level */
#define ZPL_LINE_BYTES 1022 /* at most, of one line */
#define ZPL_FILE_BYTES 1048576
#define ZPL_PATH_BYTES 400 /* room for every level and a terminator */

/* One value. path: its sections' names and its own with slashes between; borrowed, as value.
 * Anything but ERR_OK ends the reading. */
typedef err_t zpl_value_fn(void *context, const char *path, const char *value, int line,
                           struct why *why);

/*
 * Hand out the values of a text.
 *
 * file  its name, for error texts, which begin "file:line: "
 * text  terminated; changed while it is read
 *
 * ERR_INVALID, or what the function gave
 */
err_t zpl_read(const char *file, char *text, zpl_value_fn *value, void *context, struct why *why);

#endif
