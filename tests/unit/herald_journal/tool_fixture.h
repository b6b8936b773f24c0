/*
 * What the tests of herald-journal share: a log in a temporary directory, damage to its files, and
 * the program itself, run as a process.
 */
#ifndef HERALD_TESTS_UNIT_TOOL_FIXTURE_H
#define HERALD_TESTS_UNIT_TOOL_FIXTURE_H

#include "journal/log.h"
#include "journal/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOOL_PATH_SIZE 256
#define TOOL_BODY_BYTES 700 /* with a commit a record: two sectors a block */

extern char tool_directory[TOOL_PATH_SIZE]; /* the journal's; the log in it is "producer" */

/* Init and fini of a suite: the directory, empty; and all of it gone again. */
void tool_setup(void);
void tool_teardown(void);

/* A path in the journal's directory. */
char *tool_path(const char *name, char path[TOOL_PATH_SIZE]);

/* The log "producer" in `directory`, owned, in segments of 64 KiB. */
log_t *tool_own(const char *directory);

/* Commit records one by one, a block each, made durable; bodies follow from positions. */
void tool_write(log_t *log, unsigned count);

/* Whether the body is the one that tool_write gives this position. */
bool tool_body_is_of(const struct log_record *record);

/* Flip one bit of the log's segment. */
void tool_flip(uint64_t counter, uint64_t offset);

struct tool_result {
    int code;
    char *out; /* owned, terminated: stdout */
    char *err; /* owned, terminated: stderr */
};

/* Run herald-journal with these arguments, up to NULL. */
struct tool_result tool_run(const char *const *arguments);
void tool_result_fini(struct tool_result *result);

/* The same for the usual: one command on the log, with the arguments that follow it. */
#define TOOL(...) tool_run((const char *const[]){__VA_ARGS__, NULL})

#endif
