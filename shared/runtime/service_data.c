#include "runtime/service_data.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define JOURNAL "/journal" /* the longest of the names in it */

static err_t
directory_path(const char *data, const char *name, char path[SERVICE_DATA_BYTES], struct why *why)
{
    int size = snprintf(path, SERVICE_DATA_BYTES, "%s%s", data, name);
    return size >= 0 && size < SERVICE_DATA_BYTES
               ? ERR_OK
               : why_set(why, ERR_INVALID, "the data directory's path has at most %d bytes",
                         SERVICE_DATA_BYTES - 1 - (int)strlen(JOURNAL));
}

err_t
service_data_journal(const char *data, char path[SERVICE_DATA_BYTES], struct why *why)
{
    return directory_path(data, JOURNAL, path, why);
}

static err_t
make_directory(const char *data, const char *name, struct why *why)
{
    char path[SERVICE_DATA_BYTES];
    err_t rc = directory_path(data, name, path, why);
    if (rc == ERR_OK && mkdir(path, 0700) != 0 && errno != EEXIST) {
        rc = why_set(why, errno == EACCES ? ERR_DENIED : ERR_IO, "cannot make %s: %s", path,
                     strerror(errno));
    }
    return rc;
}

err_t
service_data_make(const char *data, struct why *why)
{
    err_t rc = make_directory(data, "", why);
    if (rc == ERR_OK) {
        rc = make_directory(data, JOURNAL, why);
    }
    return rc == ERR_OK ? make_directory(data, "/run", why) : rc;
}
