/*
 * file_faults DIRECTORY [STRIDE]
 *
 * A scripted life of a log on the real file system, in a process of its own, which is killed before
 * and after every file operation, has each operation fail (once, and from then on for ever), do a
 * part of its work, and each allocation refused. Recovery is killed at each of its operations too,
 * again and again. After each: what was acknowledged is there, byte for byte, then a prefix of the
 * rest, and nothing was written or synced through a descriptor whose sync had failed.
 *
 * STRIDE tries only each STRIDE-th operation (default 1: all). Prints what was tried and
 * "violations 0"; exit code 1 when there were any.
 */
#include "faults/file_faults_ops.h"

#include "base/check.h"
#include "journal/log.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT_BYTES (64U * 1024)
#define NAME "producer"

static char directory[256];
static uint64_t violations;

/* Everything about a record follows from its position. */
static size_t
record_size(uint64_t position)
{
    return (size_t)(position * 2654435761U % 1500);
}

static uint8_t
record_byte(uint64_t position, size_t at)
{
    return (uint8_t)(position * 31 + at * 7);
}

static err_t
open_log(log_t **log, struct why *why)
{
    struct log_settings settings = {
        .directory = directory,
        .segment_bytes = SEGMENT_BYTES,
        .no_write_ahead = true,
    };
    return log_own(log, &settings, NAME, 0, why);
}

static err_t
append_some(log_t *log)
{
    for (unsigned i = 0; i < 6; i++) {
        uint8_t body[1500];
        uint64_t position = log_next(log);
        for (size_t at = 0; at < record_size(position); at++) {
            body[at] = record_byte(position, at);
        }
        (void)log_append(log, 7, body, record_size(position)); /* its position is the next one */
    }
    err_t rc = log_commit(log, 0, NULL);
    rc = rc == ERR_OK || rc == ERR_FULL ? log_reap(log, NULL) : rc;
    if (rc == ERR_OK) {
        shared->acknowledged = log_durable(log);
    }
    return rc;
}

/* Two lives of a log: several segments, a trim, an ordered end; then recovery and more of it. */
static void
script(void)
{
    for (unsigned life = 0; life < 2; life++) {
        log_t *log = NULL;
        err_t rc = open_log(&log, NULL);
        for (unsigned step = 0; rc == ERR_OK && step < 24; step++) {
            rc = append_some(log);
            if (rc == ERR_OK && step == 18 && shared->acknowledged > 40) {
                shared->trimmed = shared->acknowledged - 20;
                rc = log_trim(log, shared->trimmed, NULL);
            }
        }
        log_close(&log);
    }
}

/* In a process of its own, with the fault at one of its operations; returns how it ended. */
static int
child(void (*run)(void), const struct fault *kind, uint64_t at)
{
    shared->operations = 0;
    shared->allocations = 0;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        /* An abort is expected, and its line would be one of many. */
        if (kind->kind == MEMORY && freopen("/dev/null", "w", stderr) == NULL) {
            _exit(1);
        }
        file_faults_ops_install(kind, at);
        run();
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void
forget(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0); /* . and .. stay */
    }
    if (dir != NULL) {
        (void)closedir(dir); /* read only */
    }
}

static bool
record_is_right(const struct log_record *record)
{
    bool right = record->kind == 7 && record->size == record_size(record->position);
    for (size_t at = 0; right && at < record->size; at++) {
        right = record->body[at] == record_byte(record->position, at);
    }
    return right;
}

/* Nothing fails any more. */
static bool
verify(struct why *why)
{
    log_t *log = NULL;
    err_t rc = open_log(&log, why);
    if (rc != ERR_OK) {
        return false;
    }
    uint64_t first = log_first(log);
    uint64_t durable = log_durable(log);
    bool good = durable >= shared->acknowledged && first <= shared->trimmed + 1;
    struct log_cursor cursor;
    struct log_record record;
    log_cursor_init(&cursor, log, first, LOG_ALL_KINDS);
    for (uint64_t position = first; good && position <= durable; position++) {
        rc = log_cursor_next(&cursor, &record, why);
        good = rc == ERR_OK && record.position == position && record_is_right(&record);
    }
    log_cursor_fini(&cursor);
    if (!good && why->text[0] == '\0') {
        (void)why_set(why, ERR_CORRUPT,
                      "it holds %" PRIu64 " to %" PRIu64 "; acknowledged %" PRIu64
                      ", trimmed %" PRIu64,
                      first, durable, shared->acknowledged, shared->trimmed);
    }
    log_close(&log);
    return good;
}

static void
recover(void)
{
    log_t *log = NULL;
    (void)open_log(&log, NULL); /* whatever comes of it */
    log_close(&log);
}

/* Kill recovery at its first operation, then at its second, and so on, over what the one before
 * left; 0: it was not killed any more. */
static uint64_t
kill_recoveries(const struct fault *kind)
{
    uint64_t at = 0;
    int status;
    do {
        at++;
        status = child(recover, kind, at);
    } while (WIFSIGNALED(status) && at < 1000);
    return at - 1;
}

static void
judge(const struct fault *kind, uint64_t at, int status)
{
    struct why why = {{0}};
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    bool aborted = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    bool may_abort = kind->kind == MEMORY;
    bool ended_well =
        (WIFEXITED(status) && WEXITSTATUS(status) == 0) || killed || (aborted && may_abort);
    if (!ended_well || shared->wrote_after_failed_sync || !verify(&why)) {
        violations++;
        printf("VIOLATION %s at %" PRIu64 ": status %#x, %s %s\n", kind->name, at, (unsigned)status,
               shared->wrote_after_failed_sync ? "written after a failed sync" : "", why.text);
    }
}

static void
try_all(const struct fault *kind, uint64_t total, uint64_t stride, const char *log_directory)
{
    uint64_t tried = 0;
    uint64_t recoveries = 0;
    for (uint64_t at = 1; at <= total; at += stride, tried++) {
        forget(log_directory);
        *shared = (struct shared){0};
        int status = child(script, kind, at);
        if (kind->kind == KILL_BEFORE && at % 7 == 0) {
            recoveries += kill_recoveries(kind);
        }
        judge(kind, at, status);
    }
    printf("%-34s %6" PRIu64 " of %" PRIu64, kind->name, tried, total);
    if (recoveries > 0) {
        printf(", %" PRIu64 " recoveries killed too", recoveries);
    }
    printf("\n");
}

int
main(int argc, char **argv)
{
    static const struct fault faults[] = {
        {KILL_BEFORE, 0, "killed before an operation"},
        {KILL_AFTER, 0, "killed after an operation"},
        {FAIL, EIO, "EIO once"},
        {FAIL_EVER, EIO, "EIO for ever"},
        {FAIL, ENOSPC, "ENOSPC once"},
        {FAIL_EVER, ENOSPC, "ENOSPC for ever"},
        {FAIL, EINTR, "EINTR once"},
        {FAIL, EMFILE, "EMFILE once"},
        {SHORT, 0, "a part of the work, once"},
        {SHORT_EVER, 0, "a part of the work, for ever"},
        {MEMORY, 0, "an allocation refused"},
    };
    if (argc < 2) {
        (void)fprintf(stderr, "usage: file_faults DIRECTORY [STRIDE]\n");
        return 64;
    }
    uint64_t stride = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char log_directory[512];
    (void)snprintf(directory, sizeof directory, "%s/file-faults-XXXXXX", argv[1]);
    CHECK(mkdtemp(directory) != NULL && stride > 0);
    (void)snprintf(log_directory, sizeof log_directory, "%s/" NAME, directory); /* fits */
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    int status = child(script, &(struct fault){NO_FAULT, 0, "no fault"}, 0);
    uint64_t operations = shared->operations;
    uint64_t allocations = shared->allocations;
    judge(&(struct fault){NO_FAULT, 0, "no fault"}, 0, status);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        try_all(&faults[i], faults[i].kind == MEMORY ? allocations : operations, stride,
                log_directory);
    }
    forget(log_directory);
    (void)rmdir(log_directory);
    (void)rmdir(directory);
    printf("violations %" PRIu64 "\n", violations);
    return violations == 0 ? 0 : 1;
}
