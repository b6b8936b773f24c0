/* Alarms: how equal ones are grouped, and the command that hears of them. */
#include "runtime/alarm.h"

#include "base/clock.h"
#include "runtime/logger.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define START_MS 1000

static char directory[64];
static alarm_t *self;
static int saved_stderr;

/* What is logged goes to a file of the test's. */
static void
setup(void)
{
    strcpy(directory, "/tmp/herald-alarm-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    char name[96];
    (void)snprintf(name, sizeof name, "%s/log", directory); /* fits */
    saved_stderr = dup(STDERR_FILENO);
    cr_assert_not_null(freopen(name, "w", stderr));
    logger_setup("test", LOGGER_INFO, false);
}

static void
teardown(void)
{
    alarm_close(&self);
    cr_assert_geq(dup2(saved_stderr, STDERR_FILENO), 0);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory); /* fits */
    cr_assert_eq(system(command), 0);
}

TestSuite(alarm, .init = setup, .fini = teardown, .timeout = 120);

static void
read_file(const char *name, char *text, size_t size)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name); /* fits */
    FILE *file = fopen(path, "r");
    size_t used = file == NULL ? 0 : fread(text, 1, size - 1, file);
    text[used] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* How often something was logged. */
static uint32_t
logged(const char *what)
{
    static char text[1 << 20];
    uint32_t count = 0;
    read_file("log", text, sizeof text);
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

/* A program of the test's directory, as the alarm's command. */
static void
open_with(const char *script)
{
    char path[96];
    struct why why = {{0}};
    (void)snprintf(path, sizeof path, "%s/command", directory); /* fits */
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_gt(fprintf(file, "#!/bin/sh\ncd '%s'\n%s\n", directory, script), 0);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, 0700), 0);
    cr_assert_eq(alarm_open(&self, path, &why), ERR_OK, "%s", why.text);
}

static void
raise_one(const char *kind, const char *subject, int64_t now_ms)
{
    const struct alarm_facts facts = {
        .kind = kind, .subject = subject, .text = "a sentence", .case_id = 7};
    alarm_raise(self, &facts, now_ms);
}

/* Commands run by themselves: ticks pass until it is logged so often, or there is the file. */
static void
wait_for(const char *what, uint32_t count, const char *name)
{
    char text[8];
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    int64_t now_ms = START_MS;
    text[0] = '\0';
    while ((what != NULL ? logged(what) < count : text[0] == '\0') && clock_mono_ms() < until_ms) {
        (void)usleep(1000); /* EINTR: a shorter pause */
        now_ms += 1000;
        alarm_tick(self, now_ms);
        if (name != NULL) {
            read_file(name, text, sizeof text);
        }
    }
}

Test(alarm, a_command_has_bounds)
{
    static char text[ALARM_COMMAND_BYTES + 2];
    struct why why = {{0}};
    memset(text, 'x', ALARM_COMMAND_BYTES + 1);
    cr_assert_eq(alarm_open(&self, text, &why), ERR_INVALID);
    cr_assert_null(self);
    cr_assert_not_null(strstr(why.text, "1024 bytes"));
    memset(text, ' ', ALARM_COMMAND_BYTES);
    text[ALARM_COMMAND_BYTES] = '\0';
    for (size_t i = 0; i <= ALARM_WORDS_MAX; i++) {
        text[2 * i] = 'x';
    }
    memcpy(text, "sh ", 3);
    text[2 * ALARM_WORDS_MAX + 2] = 'x';
    cr_assert_eq(alarm_open(&self, text, &why), ERR_INVALID);
    cr_assert_null(self);
    cr_assert_not_null(strstr(why.text, "32 words"));
    text[2 * ALARM_WORDS_MAX + 2] = ' ';
    cr_assert_eq(alarm_open(&self, text, &why), ERR_OK, "%s", why.text);
}

static void
finds_none(const char *command, const char *says)
{
    struct why why = {{0}};
    cr_assert_eq(alarm_find(command, &why), ERR_INVALID, "%s", command);
    cr_assert_not_null(strstr(why.text, says), "%s", why.text);
    cr_assert_eq(alarm_check(command, &why), ERR_OK, "%s", command);
}

Test(alarm, a_program_that_is_not_there_or_cannot_be_run_is_not_found)
{
    char path[96];
    struct why why = {{0}};
    finds_none("/nowhere/at/all now", "/nowhere/at/all");
    finds_none("herald-no-such-program", "PATH");
    finds_none("/tmp", "/tmp");
    (void)snprintf(path, sizeof path, "%s/command", directory); /* fits */
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, 0600), 0);
    finds_none(path, path);
    cr_assert_eq(chmod(path, 0700), 0);
    cr_assert_eq(alarm_find(path, &why), ERR_OK, "%s", why.text);
    finds_none("command", "PATH");
    cr_assert_eq(setenv("PATH", directory, 1), 0);
    cr_assert_eq(alarm_find("command", &why), ERR_OK, "%s", why.text);
    cr_assert_eq(unsetenv("PATH"), 0);
    cr_assert_eq(alarm_find("sh -c true", &why), ERR_OK, "%s", why.text);
    cr_assert_eq(alarm_find("", &why), ERR_OK);
}

Test(alarm, equal_ones_are_counted_for_a_minute_and_then_are_one_line)
{
    struct why why = {{0}};
    cr_assert_eq(alarm_open(&self, "", &why), ERR_OK);
    for (int i = 0; i < 5; i++) {
        raise_one("disk_low", "a", START_MS);
    }
    raise_one("disk_low", "b", START_MS);
    raise_one("disk_full", "a", START_MS);
    cr_assert_eq(logged("event=alarm"), 3);
    cr_assert_eq(logged("count=1"), 3);
    alarm_tick(self, START_MS + ALARM_PERIOD_MS - 1);
    cr_assert_eq(logged("event=alarm"), 3);
    alarm_tick(self, START_MS + ALARM_PERIOD_MS + 999);
    cr_assert_eq(logged("event=alarm"), 4);
    cr_assert_eq(logged("count=4"), 1);
    alarm_tick(self, START_MS + 3 * ALARM_PERIOD_MS); /* a minute without any */
    raise_one("disk_low", "a", START_MS + 3 * ALARM_PERIOD_MS);
    cr_assert_eq(logged("event=alarm"), 5, "is new again, and said at once");
}

Test(alarm, more_kinds_than_are_grouped_are_a_line_each)
{
    struct why why = {{0}};
    cr_assert_eq(alarm_open(&self, "", &why), ERR_OK);
    for (int i = 0; i < ALARM_GROUPS_MAX; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "s%d", i); /* fits */
        raise_one("disk_low", subject, START_MS);
    }
    for (int i = 0; i < 3; i++) {
        raise_one("disk_full", "one more", START_MS);
    }
    cr_assert_eq(logged("event=alarm"), ALARM_GROUPS_MAX + 3);
}

Test(alarm, the_command_gets_the_facts_and_what_the_service_has_in_its_environment)
{
    cr_assert_eq(setenv("HERALD_TEST_INHERITED", "yes", 1), 0);
    open_with("read line || echo \"$HERALD_ALARM_KIND,$HERALD_ALARM_SUBJECT,$HERALD_ALARM_TEXT,"
              "$HERALD_ALARM_CASE,$HERALD_ALARM_COUNT,$HERALD_TEST_INHERITED\" > facts.new; "
              "mv facts.new facts");
    raise_one("case_opened", "billing", START_MS);
    wait_for(NULL, 0, "facts");
    char text[256];
    read_file("facts", text, sizeof text);
    cr_assert_str_eq(text, "case_opened,billing,a sentence,7,1,yes\n");
    cr_assert_eq(logged("alarm_command_failed"), 0);
}

Test(alarm, a_command_that_fails_or_is_not_there_is_logged)
{
    open_with("exit 3");
    raise_one("case_opened", "billing", START_MS);
    wait_for("alarm_command_failed", 1, NULL);
    cr_assert_eq(logged("alarm_command_failed"), 1);
    alarm_close(&self);
    struct why why = {{0}};
    cr_assert_eq(alarm_open(&self, "/nowhere/at/all", &why), ERR_OK, "it may come later");
    raise_one("case_opened", "billing", START_MS);
    /* At once, or when its child is reaped: posix_spawn cannot tell where vfork is a fork. */
    wait_for("alarm_command_failed", 2, NULL);
    cr_assert_eq(logged("alarm_command_failed"), 2);
}

Test(alarm, no_more_than_eight_commands_run_at_once)
{
    /* Each waits until the gate is open, or the test is over. */
    open_with("while [ -e command ] && [ ! -e gate ]; do sleep 0.01; done; exit 1");
    for (int i = 0; i < ALARM_COMMANDS_MAX + 2; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "s%d", i); /* fits */
        raise_one("case_opened", subject, START_MS);
    }
    cr_assert_eq(logged("alarm_command_skipped"), 2);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/gate", directory); /* fits */
    FILE *gate = fopen(path, "w");
    cr_assert_not_null(gate);
    cr_assert_eq(fclose(gate), 0);
    wait_for("alarm_command_failed", ALARM_COMMANDS_MAX, NULL);
    cr_assert_eq(logged("alarm_command_failed"), ALARM_COMMANDS_MAX);
    raise_one("case_opened", "another", START_MS);
    cr_assert_eq(logged("alarm_command_skipped"), 2);
    wait_for("alarm_command_failed", ALARM_COMMANDS_MAX + 1, NULL);
    cr_assert_eq(logged("alarm_command_failed"), ALARM_COMMANDS_MAX + 1);
}
