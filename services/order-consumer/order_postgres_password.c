#include "order_postgres_password.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 1024

static err_t
check_file(int fd, const char *path, struct why *why)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
        return why_set(why, ERR_INVALID, "database/password_file: %s is not a file", path);
    }
    if ((file.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        return why_set(why, ERR_DENIED,
                       "database/password_file: anybody may read %s; chmod 0400 it", path);
    }
    return ERR_OK;
}

static err_t
read_line(int fd, const char *path, char line[LINE_BYTES], struct why *why)
{
    ssize_t got = read(fd, line, LINE_BYTES - 1);
    if (got < 0) {
        return why_set(why, ERR_DENIED, "database/password_file: %s: %s", path, strerror(errno));
    }
    line[got] = '\0';
    size_t size = strcspn(line, "\r\n");
    if (size == 0 || (line[size] == '\0' && got == LINE_BYTES - 1)) {
        return why_set(why, ERR_INVALID,
                       "database/password_file: the first line of %s must have 1 to %d bytes", path,
                       LINE_BYTES - 2);
    }
    line[size] = '\0';
    return ERR_OK;
}

err_t
order_postgres_password_read(const char *path, char **password, struct why *why)
{
    CHECK(password != NULL && *password == NULL);
    if (path == NULL || path[0] == '\0') {
        return ERR_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        bool full = errno == EMFILE || errno == ENFILE;
        err_t rc = errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_INVALID;
        return why_set(why, full ? ERR_FULL : rc, "database/password_file: %s: %s", path,
                       strerror(errno));
    }
    char line[LINE_BYTES] = "";
    err_t err = check_file(fd, path, why);
    if (err == ERR_OK) {
        err = read_line(fd, path, line, why);
    }
    if (err == ERR_OK) {
        *password = mem_text(line);
    }
    sodium_memzero(line, sizeof line);
    (void)close(fd); /* nothing was written */
    return err;
}

void
order_postgres_password_forget(char **password)
{
    if (*password != NULL) {
        sodium_memzero(*password, strlen(*password));
        mem_free(*password);
        *password = NULL;
    }
}
