/* Where the bench keeps data meanwhile: a directory of its own, under --directory, TMPDIR or
 * /var/tmp, gone afterwards. */
#ifndef HERALD_BENCH_PLACE_H
#define HERALD_BENCH_PLACE_H

#include "base/why.h"

#define BENCH_PLACE_BYTES 160

/* under NULL: TMPDIR or /var/tmp. ERR_IO: why; nothing was made. */
err_t bench_place_make(const char *under, char path[BENCH_PLACE_BYTES], struct why *why);

/* And what is in it, four levels deep at most: data/journal/<log>/<files>. */
void bench_place_remove(const char *path);

#endif
