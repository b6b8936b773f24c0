/* When the other services are told what has become durable: behind the answers that waited for it,
 * and before a delivery leaves. */
#include "shell_fixture.h"

#include "base/mem.h"
#include "journal/file_ops.h"
#include "support/sim_disk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITES_MAX 16

static sim_disk_t *disk;
static struct file_ops ops;
static int position_fd = -1; /* of the own log's position file */
static peers_t *peers;
static outbox_t *outbox;
static alarm_t *alarm;
static shell_t *shell;
static log_t *reader; /* another service's view of the log */
static char directory[64];

/* At each write of the position file: what waited in the outbox. */
static struct {
    uint64_t answers;
    uint64_t deliveries;
} written[WRITES_MAX];
static unsigned writes;

static int
open_noted(int dir_fd, const char *name, int flags, unsigned mode)
{
    int fd = sim_disk_table()->open(dir_fd, name, flags, mode);
    if (strcmp(name, "position") == 0 && (flags & O_ACCMODE) == O_RDWR) {
        position_fd = fd;
    }
    return fd;
}

static int64_t
pwrite_noted(int fd, const void *from, size_t size, uint64_t offset)
{
    if (fd == position_fd && outbox != NULL && writes < WRITES_MAX) {
        written[writes].answers =
            outbox_added(outbox, OUTBOX_FRONT) - outbox_left(outbox, OUTBOX_FRONT);
        written[writes++].deliveries =
            outbox_added(outbox, OUTBOX_LANE) - outbox_left(outbox, OUTBOX_LANE);
    }
    return sim_disk_table()->pwrite(fd, from, size, offset);
}

static void
setup(void)
{
    struct why why = {{0}};
    char endpoints[3][96];
    static const char *const names[] = {"front", "wake", "lane.%u"};
    const struct log_settings journal = {
        .directory = "j", .segment_bytes = 64U * 1024, .no_write_ahead = true};
    strcpy(directory, "/tmp/herald-shell-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    disk = sim_disk_new(1);
    sim_disk_use(disk);
    ops = *sim_disk_table();
    ops.open = open_noted;
    ops.pwrite = pwrite_noted;
    file_ops_install(&ops);
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    cr_assert_geq(position_fd, 0);
    cr_assert_eq(log_follow(&reader, &journal, "scheduler", &why), ERR_OK, "%s", why.text);
    outbox = outbox_new();
    cr_assert_eq(alarm_open(&alarm, "", &why), ERR_OK);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(endpoints[i], sizeof *endpoints, "ipc://%s/%s", directory, names[i]);
    }
    const struct shell_settings settings = {.service = "retry-scheduler",
                                            .log = LOG_SCHEDULER,
                                            .front = endpoints[0],
                                            .wake = endpoints[1],
                                            .lanes = endpoints[2],
                                            .lane_count = 1,
                                            .alarm = alarm};
    cr_assert_eq(shell_open(&shell, &settings, peers_own(peers), outbox, &why), ERR_OK, "%s",
                 why.text);
}

static void
teardown(void)
{
    shell_close(&shell);
    alarm_close(&alarm);
    outbox_destroy(&outbox);
    log_close(&reader);
    peers_close(&peers);
    file_ops_install(NULL);
    sim_disk_destroy(&disk);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory); /* fits */
    cr_assert_eq(system(command), 0);
}

TestSuite(shell_publish, .init = setup, .fini = teardown, .timeout = 120);

/* The first step appends a record for which an answer and, where wanted, a delivery wait. */
static struct {
    bool delivers;
    uint64_t position;
} asked;

static err_t
step(void *self, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    (void)self;
    (void)now_ms;
    (void)now_unix_ms;
    (void)why;
    log_t *own = peers_own(peers);
    if (asked.position == 0) {
        const struct outbox_route nobody = {.size = 1};
        asked.position = log_append(own, RECORD_NOTIFICATION, "x", 1);
        outbox_front(outbox, asked.position, &nobody, mem_zeroed(1), 1);
        if (asked.delivers) {
            outbox_lane(outbox, asked.position, 0, mem_zeroed(1), 1);
        }
    } else if (log_durable(own) >= asked.position) {
        cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
        cr_assert_eq(log_durable(reader), log_durable(own), "the round that synced it told it");
        shell_stop();
    }
    return ERR_OK;
}

static int64_t
at_once(void *self)
{
    (void)self;
    return 0;
}

/* Behind the messages, and before alarms and wakes. */
static void
left(void *self, int64_t now_ms)
{
    (void)self;
    (void)now_ms;
    cr_assert_eq(log_refresh(reader, NULL), ERR_OK);
    cr_assert_eq(log_durable(reader), log_durable(peers_own(peers)));
}

static void
run(void)
{
    struct why why = {{0}};
    struct shell_core core = shell_fixture_core(peers);
    core.step = step;
    core.next_ms = at_once;
    core.left = left;
    cr_assert_eq(shell_run(shell, &core, &why), ERR_OK, "%s", why.text);
    cr_assert_geq(writes, 1);
}

Test(shell_publish, the_others_are_told_behind_the_answers)
{
    run();
    cr_assert_eq(written[0].answers, 0);
}

Test(shell_publish, the_others_are_told_before_a_delivery_leaves)
{
    asked.delivers = true;
    run();
    cr_assert_eq(written[0].answers, 0);
    cr_assert_eq(written[0].deliveries, 1);
}
