#include "delivery/record_codec.h"
#include "runtime/peers.h"
#include "support/sim_disk.h"

#include <criterion/criterion.h>

static sim_disk_t *disk;

static const struct log_settings journal = {
    .directory = "j", .segment_bytes = 64U * 1024, .no_write_ahead = true};

static void
setup(void)
{
    disk = sim_disk_new(1);
    sim_disk_use(disk);
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(peers, .init = setup, .fini = teardown);

static log_t *
own_producer(void)
{
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &journal, "producer", 0, &why), ERR_OK, "%s", why.text);
    return log;
}

static void
durable(log_t *log)
{
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
}

/* The scheduler reads all that the producer has written, and says so in its log. */
static void
read_all(void)
{
    struct why why = {{0}};
    peers_t *peers = NULL;
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    peers_read_from(peers, LOG_PRODUCER, 1, LOG_ALL_KINDS);
    peers_read_from(peers, LOG_COMPENSATOR, 1, LOG_ALL_KINDS);
    enum log_id id;
    struct log_record record;
    while (peers_next(peers, &id, &record, NULL) == ERR_OK) {
        cr_assert_eq(id, LOG_PRODUCER);
    }
    peers_note(peers);
    durable(peers_own(peers));
    peers_close(&peers);
}

Test(peers, wait_for_a_log_that_is_known_less_far_than_it_was_read)
{
    log_t *log = own_producer();
    (void)log_append(log, RECORD_NOTIFICATION, "any", 3);
    durable(log);
    read_all();
    log_close(&log);
    cr_assert_eq(sim_disk_remove(disk, "j/producer/position"), 0, "as a power cut may do it");
    struct why why = {{0}};
    peers_t *peers = NULL;
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_TIMEOUT, "%s", why.text);
    cr_assert_null(peers);
    log = own_producer();
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    peers_close(&peers);
    log_close(&log);
}
