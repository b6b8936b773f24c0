#include "order_faults.h"

#include "base/check.h"

#include <signal.h>
#include <sqlite3.h>
#include <stddef.h>

static sqlite3_vfs vfs;             /* the default one, but for xOpen */
static const sqlite3_vfs *real_vfs; /* static in SQLite */

/* SQLite has a table of methods a way of locking; each that occurs gets a faulty copy. */
static struct {
    const sqlite3_io_methods *real; /* static in SQLite */
    sqlite3_io_methods faulty;
} methods[4];

static int countdown; /* the chosen operation is the one that reaches 0; negative: it was before */
static int chosen_operations;
static int chosen_result; /* SQLITE_OK: kill */

static int
pass(int operation)
{
    if ((chosen_operations & operation) == 0) {
        return SQLITE_OK;
    }
    if (countdown > 0) {
        countdown--;
    }
    if (countdown > 0) {
        return SQLITE_OK;
    }
    if (chosen_result == SQLITE_OK) {
        (void)raise(SIGKILL); /* does not return */
    }
    return chosen_result;
}

static const sqlite3_io_methods *
real_of(const sqlite3_file *file)
{
    size_t i = 0;
    while (file->pMethods != &methods[i].faulty) {
        i++;
        CHECK(i < sizeof methods / sizeof methods[0]);
    }
    return methods[i].real;
}

static int
faulty_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    int rc = pass(ORDER_FAULTS_WRITE);
    return rc == SQLITE_OK ? real_of(file)->xWrite(file, data, size, offset) : rc;
}

static int
faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = pass(ORDER_FAULTS_TRUNCATE);
    return rc == SQLITE_OK ? real_of(file)->xTruncate(file, size) : rc;
}

static int
faulty_sync(sqlite3_file *file, int flags)
{
    int rc = pass(ORDER_FAULTS_SYNC);
    return rc == SQLITE_OK ? real_of(file)->xSync(file, flags) : rc;
}

static int
faulty_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)self; /* a copy of the real one, which keeps its state elsewhere */
    int rc = real_vfs->xOpen(&vfs, name, file, flags, out_flags);
    if (rc != SQLITE_OK || file->pMethods == NULL) {
        return rc;
    }
    size_t i = 0;
    while (methods[i].real != NULL && methods[i].real != file->pMethods) {
        i++;
        CHECK(i < sizeof methods / sizeof methods[0]);
    }
    if (methods[i].real == NULL) {
        methods[i].real = file->pMethods;
        methods[i].faulty = *file->pMethods;
        methods[i].faulty.xWrite = faulty_write;
        methods[i].faulty.xTruncate = faulty_truncate;
        methods[i].faulty.xSync = faulty_sync;
    }
    file->pMethods = &methods[i].faulty;
    return rc;
}

void
order_faults_install(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    CHECK(real_vfs != NULL && real_vfs != &vfs);
    vfs = *real_vfs;
    vfs.pNext = NULL;
    vfs.zName = "faulty";
    vfs.xOpen = faulty_open;
    CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

void
order_faults_kill_at(int n, int operations)
{
    countdown = n;
    chosen_operations = operations;
    chosen_result = SQLITE_OK;
}

void
order_faults_fail_from(int n, int operations, int result)
{
    countdown = n;
    chosen_operations = operations;
    chosen_result = result;
}

void
order_faults_clear(void)
{
    chosen_operations = 0;
}
