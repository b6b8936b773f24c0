#include "unit/journal/journal_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct file_ops changed;
static sim_disk_t *disk;
static uint64_t type;
static uint32_t mode;
static uint32_t owner;

static int
space_of_type(int fd, struct file_space *space)
{
    int rc = sim_disk_table()->space(fd, space);
    space->type = type;
    return rc;
}

static int
stat_with_mode(int fd, struct file_stat *stat)
{
    int rc = sim_disk_table()->stat(fd, stat);
    stat->mode = stat->is_directory ? mode : stat->mode;
    stat->owner = stat->is_directory ? owner : stat->owner;
    return rc;
}

static void
setup(void)
{
    disk = fixture_disk();
    changed = *sim_disk_table();
    changed.space = space_of_type;
    changed.stat = stat_with_mode;
    type = 0xef53;
    mode = 0700;
    owner = 7;
    file_ops_install(&changed);
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(file_place, .init = setup, .fini = teardown);

Test(file_place, network_file_systems_are_refused)
{
    static const uint64_t types[] = {0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct why why = {{0}};
        type = types[i];
        cr_assert_eq(fixture_own_fails(&why, 0), ERR_UNSUPPORTED);
        cr_assert_not_null(strstr(why.text, "use a local disk"));
    }
}

Test(file_place, doubtful_file_systems_are_noticed_and_served)
{
    static const uint64_t types[] = {0x794c7630, 0x01021994, 0x9123683e};
    static const char *const names[] = {"overlay", "tmpfs", "btrfs"};
    for (size_t i = 0; i < 3; i++) {
        type = types[i];
        log_t *log = fixture_own(0);
        struct log_store_state state;
        cr_assert_eq(log_inspect(log, &state, NULL), ERR_OK);
        cr_assert_not_null(strstr(state.notice, names[i]));
        log_close(&log);
    }
}

Test(file_place, a_directory_that_others_may_write_is_refused)
{
    struct why why = {{0}};
    mode = 0770;
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_DENIED);
    cr_assert_not_null(strstr(why.text, "chmod 700"));
}

Test(file_place, a_directory_of_another_user_is_refused)
{
    struct why why = {{0}};
    owner = 1000;
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_DENIED);
    cr_assert_not_null(strstr(why.text, "belongs to user 1000"));
}

Test(file_place, a_second_owner_in_one_process_is_refused)
{
    log_t *log = fixture_own(0);
    struct why why = {{0}};
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_LOCKED);
    log_close(&log);
    log = fixture_own(0);
    log_close(&log);
}

/* On the system's files: the lock must hold between processes. */
Test(file_place, a_second_process_is_told_who_holds_the_log)
{
    file_ops_install(NULL);
    char path[64];
    const char *base = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/herald-lock-XXXXXX", base == NULL ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(path));
    struct log_settings settings = fixture_settings();
    settings.directory = path;
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        log_t *held = NULL;
        char good = log_own(&held, &settings, "producer", 0, NULL) == ERR_OK ? 'y' : 'n';
        (void)!write(ready[1], &good, 1);
        for (;;) {
            (void)pause();
        }
    }
    char good = 0;
    cr_assert_eq(read(ready[0], &good, 1), 1);
    cr_assert_eq(good, 'y');
    log_t *log = NULL;
    struct why why = {{0}};
    char pid[32];
    cr_assert_eq(log_own(&log, &settings, "producer", 0, &why), ERR_LOCKED);
    (void)snprintf(pid, sizeof pid, "locked by pid %ld", (long)child);
    cr_assert_not_null(strstr(why.text, pid), "%s", why.text);
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert_eq(log_own(&log, &settings, "producer", 0, &why), ERR_OK, "%s", why.text);
    log_close(&log);
    struct stat stat;
    char inner[96];
    (void)snprintf(inner, sizeof inner, "%s/producer", path);
    cr_assert_eq(lstat(inner, &stat), 0);
    cr_assert_eq(stat.st_mode & 0777, 0700);
    char command[160];
    (void)snprintf(command, sizeof command, "rm -r '%s'", path);
    cr_assert_eq(system(command), 0);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

Test(file_place, a_name_with_a_slash_or_nothing_is_refused)
{
    static const char *const names[] = {"", "a/b", "..", "A", "x y"};
    struct log_settings settings = fixture_settings();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        log_t *log = NULL;
        cr_assert_eq(log_own(&log, &settings, names[i], 0, NULL), ERR_INVALID, "%s", names[i]);
        cr_assert_eq(log_follow(&log, &settings, names[i], NULL), ERR_INVALID, "%s", names[i]);
    }
}

/* A process is killed at any operation of the first start; the next one accepts something, and the
 * power is cut. */
Test(file_place, a_directory_whose_maker_was_killed_is_made_durable)
{
    for (uint64_t at = 1; at < 12; at++) {
        sim_disk_t *fresh = fixture_disk();
        const struct sim_disk_fault killed = {.kind = SIM_DISK_OFF, .at = at};
        struct log_settings settings = fixture_settings();
        log_t *log = NULL;
        sim_disk_set_fault(fresh, &killed);
        if (log_own(&log, &settings, "producer", 0, NULL) == ERR_OK) {
            log_close(&log);
        }
        sim_disk_kill(fresh);
        log = fixture_own(0);
        fixture_write(log, 5, 1, 100);
        log_close(&log);
        sim_disk_crash(fresh, at);
        log = fixture_own(0);
        cr_assert_eq(log_durable(log), 1, "killed at operation %llu", (unsigned long long)at);
        log_close(&log);
        sim_disk_use(NULL);
        sim_disk_destroy(&fresh);
    }
}
