#include "runtime/alarm.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "runtime/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define KIND_BYTES 32
#define FACT_BYTES (WHY_TEXT_SIZE + 64)
#define FACTS 5
#define INHERITED_MAX 256
#define TICK_MS 1000
#define STANDARD_PATH "/bin:/usr/bin" /* without PATH, as posix_spawnp has it */

/* Equal alarms of the present minute. */
struct group {
    char kind[KIND_BYTES + 1]; /* empty: the slot is free */
    char subject[LIMIT_NAME_BYTES + 1];
    char text[WHY_TEXT_SIZE]; /* of the newest */
    uint64_t case_id;
    uint64_t count; /* since the last line */
    int64_t due_ms;
};

struct alarm {
    char command[ALARM_COMMAND_BYTES + 1];
    char *words[ALARM_WORDS_MAX + 1]; /* into command; words[0] NULL: none */
    pid_t running[ALARM_COMMANDS_MAX];
    int64_t ticked_ms;
    struct group groups[ALARM_GROUPS_MAX];
};

/* Into words, in place. */
static err_t
split(alarm_t *self, const char *command, struct why *why)
{
    if (strlen(command) > ALARM_COMMAND_BYTES) {
        return why_set(why, ERR_INVALID, "alarm/command: has at most %d bytes",
                       ALARM_COMMAND_BYTES);
    }
    memcpy(self->command, command, strlen(command) + 1);
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(self->command, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (count == ALARM_WORDS_MAX) {
            return why_set(why, ERR_INVALID, "alarm/command: has at most %d words",
                           ALARM_WORDS_MAX);
        }
        self->words[count++] = word;
    }
    return ERR_OK;
}

static bool
can_run(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 && S_ISREG(file.st_mode) &&
           faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Whether there is the program that posix_spawnp will look for: by its path, or in PATH. */
static err_t
find_program(const char *program, struct why *why)
{
    if (strchr(program, '/') != NULL) {
        return can_run(program)
                   ? ERR_OK
                   : why_set(why, ERR_INVALID,
                             "alarm/command: %.200s is no program that can be run", program);
    }
    const char *places = getenv("PATH");
    for (const char *at = places == NULL ? STANDARD_PATH : places; *at != '\0';) {
        char path[PATH_MAX];
        size_t size = strcspn(at, ":");
        int length =
            snprintf(path, sizeof path, "%.*s%s%s", (int)size, at, size == 0 ? "./" : "/", program);
        if (length > 0 && (size_t)length < sizeof path && can_run(path)) {
            return ERR_OK;
        }
        at += size + (at[size] == ':');
    }
    return why_set(why, ERR_INVALID, "alarm/command: there is no program %.100s in PATH", program);
}

err_t
alarm_open(alarm_t **self_p, const char *command, struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    alarm_t *self = mem_zeroed(sizeof *self);
    err_t rc = split(self, command, why);
    if (rc != ERR_OK) {
        alarm_close(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

err_t
alarm_check(const char *command, struct why *why)
{
    alarm_t *alarm = NULL;
    err_t rc = alarm_open(&alarm, command, why);
    alarm_close(&alarm);
    return rc;
}

err_t
alarm_find(const char *command, struct why *why)
{
    alarm_t *alarm = NULL;
    err_t rc = alarm_open(&alarm, command, why);
    if (rc == ERR_OK && alarm->words[0] != NULL) {
        rc = find_program(alarm->words[0], why);
    }
    alarm_close(&alarm);
    return rc;
}

void
alarm_close(alarm_t **self_p)
{
    mem_free(*self_p);
    *self_p = NULL;
}

static void
collect(alarm_t *self)
{
    for (int i = 0; i < ALARM_COMMANDS_MAX; i++) {
        int status = 0;
        if (self->running[i] == 0 || waitpid(self->running[i], &status, WNOHANG) == 0) {
            continue;
        }
        self->running[i] = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            LOGGER_EVENT(LOGGER_ERROR, "alarm_command_failed", LOGGER_INT("status", status));
        }
    }
}

/* The signals that a service ignores or blocks are as usual again in what it starts. */
static int
spawn(char *const *words, char *const *environment, pid_t *pid)
{
    posix_spawnattr_t attributes;
    CHECK(posix_spawnattr_init(&attributes) == 0);
    sigset_t signals;
    (void)sigemptyset(&signals); /* cannot fail */
    CHECK(posix_spawnattr_setsigmask(&attributes, &signals) == 0);
    (void)sigaddset(&signals, SIGPIPE); /* cannot fail with these numbers */
    (void)sigaddset(&signals, SIGXFSZ);
    CHECK(posix_spawnattr_setsigdefault(&attributes, &signals) == 0);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ==
          0);
    posix_spawn_file_actions_t files;
    CHECK(posix_spawn_file_actions_init(&files) == 0);
    CHECK(posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0) == 0);
    int rc = posix_spawnp(pid, words[0], &files, &attributes, words, environment);
    CHECK(posix_spawn_file_actions_destroy(&files) == 0);
    CHECK(posix_spawnattr_destroy(&attributes) == 0);
    return rc;
}

static void
run_command(alarm_t *self, const struct group *group)
{
    collect(self);
    int slot = 0;
    while (slot < ALARM_COMMANDS_MAX && self->running[slot] != 0) {
        slot++;
    }
    if (slot == ALARM_COMMANDS_MAX) {
        LOGGER_EVENT(LOGGER_ERROR, "alarm_command_skipped",
                     LOGGER_INT("running", ALARM_COMMANDS_MAX));
        return;
    }
    char facts[FACTS][FACT_BYTES];
    (void)snprintf(facts[0], FACT_BYTES, "HERALD_ALARM_KIND=%s", group->kind); /* all fit */
    (void)snprintf(facts[1], FACT_BYTES, "HERALD_ALARM_SUBJECT=%s", group->subject);
    (void)snprintf(facts[2], FACT_BYTES, "HERALD_ALARM_TEXT=%s", group->text);
    (void)snprintf(facts[3], FACT_BYTES, "HERALD_ALARM_CASE=%llu",
                   (unsigned long long)group->case_id);
    (void)snprintf(facts[4], FACT_BYTES, "HERALD_ALARM_COUNT=%llu",
                   (unsigned long long)group->count);
    char *environment[FACTS + INHERITED_MAX + 1];
    size_t count = 0;
    for (; count < FACTS; count++) {
        environment[count] = facts[count];
    }
    for (size_t i = 0; environ[i] != NULL && i < INHERITED_MAX; i++) {
        environment[count++] = environ[i];
    }
    environment[count] = NULL;
    int rc = spawn(self->words, environment, &self->running[slot]);
    if (rc != 0) {
        self->running[slot] = 0;
        LOGGER_EVENT(LOGGER_ERROR, "alarm_command_failed", LOGGER_TEXT("why", strerror(rc)));
    }
}

static void
say(alarm_t *self, struct group *group, int64_t now_ms)
{
    LOGGER_EVENT(LOGGER_WARN, "alarm", LOGGER_TEXT("kind", group->kind),
                 LOGGER_TEXT("subject", group->subject), LOGGER_TEXT("text", group->text),
                 LOGGER_INT("case", group->case_id), LOGGER_INT("count", group->count));
    if (self->words[0] != NULL) {
        run_command(self, group);
    }
    group->count = 0;
    group->due_ms = now_ms + ALARM_PERIOD_MS;
}

/* The group of equal ones, or a free slot; NULL: all are taken. */
static struct group *
find(alarm_t *self, const struct alarm_facts *facts)
{
    struct group *free_one = NULL;
    for (int i = 0; i < ALARM_GROUPS_MAX; i++) {
        struct group *group = &self->groups[i];
        if (group->kind[0] == '\0') {
            free_one = free_one == NULL ? group : free_one;
        } else if (strcmp(group->kind, facts->kind) == 0 &&
                   strncmp(group->subject, facts->subject, LIMIT_NAME_BYTES) == 0) {
            return group;
        }
    }
    return free_one;
}

void
alarm_raise(alarm_t *self, const struct alarm_facts *facts, int64_t now_ms)
{
    struct group *group = find(self, facts);
    if (group == NULL) {
        LOGGER_EVENT(LOGGER_WARN, "alarm", LOGGER_TEXT("kind", facts->kind),
                     LOGGER_TEXT("subject", facts->subject), LOGGER_TEXT("text", facts->text),
                     LOGGER_INT("case", facts->case_id));
        return;
    }
    bool first = group->kind[0] == '\0';
    (void)snprintf(group->kind, sizeof group->kind, "%s", facts->kind); /* cut where too long */
    (void)snprintf(group->subject, sizeof group->subject, "%s", facts->subject);
    (void)snprintf(group->text, sizeof group->text, "%s", facts->text);
    group->case_id = facts->case_id;
    group->count++;
    if (first) {
        say(self, group, now_ms);
    }
}

void
alarm_tick(alarm_t *self, int64_t now_ms)
{
    if (self->ticked_ms != 0 && now_ms < self->ticked_ms + TICK_MS) {
        return;
    }
    self->ticked_ms = now_ms;
    collect(self);
    for (int i = 0; i < ALARM_GROUPS_MAX; i++) {
        struct group *group = &self->groups[i];
        if (group->kind[0] == '\0' || group->due_ms > now_ms) {
            continue;
        }
        if (group->count == 0) {
            *group = (struct group){0};
        } else {
            say(self, group, now_ms);
        }
    }
}
