/*
 * Alarms: what a person should look at. One WARN line each, and, when a command is set, one run of
 * it with the facts in its environment:
 *
 *   HERALD_ALARM_KIND, HERALD_ALARM_SUBJECT, HERALD_ALARM_TEXT, HERALD_ALARM_CASE (0: none),
 *   HERALD_ALARM_COUNT
 *
 * Equal ones (kind and subject) are grouped: the first is raised at once, then one with their count
 * each minute, until a minute passes without any. The command gets no input, and what it prints
 * goes where the service's log lines go.
 *
 * One thread.
 */
#ifndef HERALD_RUNTIME_ALARM_H
#define HERALD_RUNTIME_ALARM_H

#include "base/why.h"

#include <stdint.h>

#define ALARM_PERIOD_MS 60000
#define ALARM_GROUPS_MAX 256 /* different ones in a minute; more are logged, with no command */
#define ALARM_COMMANDS_MAX 8 /* running at once; beyond that only the line is written */
#define ALARM_WORDS_MAX 32   /* of the command */
#define ALARM_COMMAND_BYTES 1024

struct alarm_facts {
    const char *kind;    /* static: case_opened, undo_failed, receiver_absent, ... */
    const char *subject; /* what it is about, as a rule the receiver group */
    const char *text;    /* a sentence */
    uint64_t case_id;    /* 0: none */
};

typedef struct alarm alarm_t;

/* command: the words of a program and its arguments, split at spaces; no shell. Empty: log only.
 * ERR_INVALID: too long, too many words. */
err_t alarm_open(alarm_t **self_p, const char *command, struct why *why);
void alarm_close(alarm_t **self_p);                      /* does not wait for commands */
err_t alarm_check(const char *command, struct why *why); /* what alarm_open refuses */
/* Is there a program for it now? Nothing is run. ERR_INVALID: none, or as above. A missing one
 * costs a log line for each alarm. */
err_t alarm_find(const char *command, struct why *why);

void alarm_raise(alarm_t *self, const struct alarm_facts *facts, int64_t now_ms);

/* Raise the counts that are due, and collect commands that have ended. Call it once a second at
 * least; more often costs nothing. */
void alarm_tick(alarm_t *self, int64_t now_ms);

#endif
