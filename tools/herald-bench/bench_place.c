#include "bench_place.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 4
#define PATH_BYTES 1024

err_t
bench_place_make(const char *under, char path[BENCH_PLACE_BYTES], struct why *why)
{
    under = under != NULL ? under : getenv("TMPDIR");
    under = under != NULL ? under : "/var/tmp";
    int size = snprintf(path, BENCH_PLACE_BYTES, "%s/herald-bench-XXXXXX", under);
    if (size < 0 || size >= BENCH_PLACE_BYTES) {
        return why_set(why, ERR_IO, "%s: the path is too long", under);
    }
    return mkdtemp(path) != NULL
               ? ERR_OK
               : why_set(why, ERR_IO, "cannot make %s: %s", path, strerror(errno));
}

static void
remove_tree(const char *path, int depth)
{
    DIR *directory = opendir(path);
    struct dirent *entry = NULL;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char inner[PATH_BYTES];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        int size = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (size < PATH_BYTES && unlink(inner) != 0 && errno == EISDIR && depth > 0) {
            remove_tree(inner, depth - 1);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)rmdir(path); /* what is left is a temporary directory's */
}

void
bench_place_remove(const char *path)
{
    remove_tree(path, DEPTH_MAX);
}
