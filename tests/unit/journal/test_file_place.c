#include "unit/journal/journal_fixture.h"

#include "support/odd_call.h"

#include <errno.h>
#include <fcntl.h>
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
static uint64_t device;

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

static int
stat_on_device(int dir_fd, const char *name, struct file_stat *stat)
{
    int rc = sim_disk_table()->stat_at(dir_fd, name, stat);
    stat->device = device;
    return rc;
}

static void
setup(void)
{
    disk = fixture_disk();
    changed = *sim_disk_table();
    changed.space = space_of_type;
    changed.stat = stat_with_mode;
    changed.stat_at = stat_on_device;
    device = 1;
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
    static const char *const names[] = {
        "",    "a/b",
        "..",  "A",
        "x y", "0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"}; /* over 64 */
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

Test(file_place, a_parent_that_may_not_be_looked_at_is_fine_for_a_directory_that_is_there)
{
    const struct odd_call denied = {
        .operation = ODD_OPEN, .name = "j/producer/..", .answer = -EACCES};
    struct why why = {{0}};
    odd_call_set(&denied);
    cr_assert_eq(fixture_own_fails(&why, 0), ERR_DENIED, "its name is not durable");
    cr_assert_str_eq(why.text, "cannot sync the parent of j/producer: Permission denied");
    odd_call_set(&denied);
    log_t *log = fixture_own(0);
    cr_assert_eq(odd_call_count(), 1);
    log_close(&log);
}

struct bad_start {
    struct odd_call call;
    err_t rc;
    const char *why;
};

Test(file_place, a_start_that_cannot_have_its_directory_or_lock_says_why)
{
    static const struct bad_start starts[] = {
        {{.operation = ODD_OPEN, .name = "j/..", .answer = -EIO}, ERR_IO, "parent of j:"},
        {{.operation = ODD_OPEN, .name = "j/producer", .answer = -ENOENT}, ERR_IO, "is not there"},
        {{.operation = ODD_OPEN, .name = "lock", .answer = -EROFS}, ERR_DENIED, "cannot open"},
        {{.operation = ODD_LOCK, .answer = -ENOLCK}, ERR_IO, "cannot lock j/producer/lock"},
        {{.operation = ODD_LOCK, .answer = -EWOULDBLOCK}, ERR_LOCKED, "by another process"},
    };
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct why why = {{0}};
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        odd_call_set(&starts[i].call);
        cr_assert_eq(fixture_own_fails(&why, 0), starts[i].rc, "case %zu", i);
        cr_assert_not_null(strstr(why.text, starts[i].why), "%s", why.text);
        log_t *log = fixture_own(0); /* what passes leaves nothing behind */
        log_close(&log);
    }
}

Test(file_place, a_lock_that_is_interrupted_is_asked_for_again)
{
    odd_call_set(&(struct odd_call){.operation = ODD_LOCK, .times = 3, .answer = -EINTR});
    log_t *log = fixture_own(0);
    cr_assert_eq(odd_call_count(), 3);
    log_close(&log);
}

/* Nothing that was written into files of which nobody knows any more is said to be durable. */
static void
expect_lost(log_t *log, const char *text)
{
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, &why), ERR_CORRUPT);
    cr_assert_str_eq(why.text, text);
    cr_assert_eq(log_durable(log), 1);
    cr_assert_eq(log_reap(log, &why), ERR_LOST, "for ever");
    cr_assert_str_eq(why.text, text);
    log_close(&log);
}

static log_t *
own_with_pending(void)
{
    sim_disk_destroy(&disk);
    disk = fixture_disk();
    file_ops_install(&changed);
    device = 1;
    log_t *log = fixture_own(0);
    fixture_write(log, 5, 1, 100);
    fixture_append(log, 5, 1, 100);
    return log;
}

#define SEGMENT "j/producer/0000000000000001.seg"

static void
remove_directory(void)
{
    int fd = sim_disk_table()->open(AT_FDCWD, "j", O_RDONLY, 0);
    cr_assert_eq(sim_disk_table()->rename(fd, "producer", "old"), 0);
    (void)sim_disk_table()->close(fd);
}

Test(file_place, an_owner_whose_files_are_moved_away_says_nothing_is_durable)
{
    log_t *log = own_with_pending();
    device = 2;
    expect_lost(log, "j/producer was replaced by another directory while it was in use");
    log = own_with_pending();
    remove_directory();
    expect_lost(log, "j/producer was removed while it was in use");
    log = own_with_pending();
    cr_assert_eq(sim_disk_remove(disk, SEGMENT), 0);
    expect_lost(log, SEGMENT " was removed while it was in use");
    log = own_with_pending();
    cr_assert_eq(sim_disk_remove(disk, SEGMENT), 0);
    (void)sim_disk_table()->close(
        sim_disk_table()->open(AT_FDCWD, SEGMENT, O_RDWR | O_CREAT, 0600));
    expect_lost(log, SEGMENT " was replaced by another file while it was in use");
}

/* Whoever asks without wanting to know why: the next one is told. */
Test(file_place, an_owner_whose_files_are_moved_away_remembers_why)
{
    log_t *log = own_with_pending();
    remove_directory();
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_sync(log, NULL), ERR_CORRUPT);
    cr_assert_eq(log_sync(log, &why), ERR_LOST);
    cr_assert_str_eq(why.text, "j/producer was removed while it was in use");
    log_close(&log);
}

/* The system does not say whether the files are there: then nothing is known to be wrong. */
Test(file_place, an_owner_that_may_not_look_goes_on)
{
    static const char *const names[] = {"j/producer", "0000000000000001.seg"};
    for (size_t i = 0; i < 2; i++) {
        sim_disk_destroy(&disk);
        disk = fixture_disk();
        odd_call_set(&(struct odd_call){.operation = ODD_NONE});
        log_t *log = fixture_own(0);
        odd_call_set(
            &(struct odd_call){.operation = ODD_STAT_AT, .name = names[i], .answer = -EIO});
        fixture_write(log, 5, 1, 100);
        cr_assert_eq(odd_call_count(), 1);
        cr_assert_eq(log_durable(log), 1);
        log_close(&log);
    }
}
