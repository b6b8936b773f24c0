#include "delivery/record_codec.h"
#include "runtime/peers.h"
#include "runtime/thrift.h"
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
    cr_assert_eq(log_commit(log, LOG_STORE_FINISHING, NULL), ERR_OK);
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

#define FLOOR (1024U * 1024)

static peers_t *
open_scheduler(void)
{
    struct why why = {{0}};
    peers_t *peers = NULL;
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    peers_read_from(peers, LOG_PRODUCER, 1, LOG_ALL_KINDS);
    peers_read_from(peers, LOG_COMPENSATOR, 1, LOG_ALL_KINDS);
    return peers;
}

static uint64_t
reserve_of(peers_t *peers)
{
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    return log_seen(peers_own(peers))->reserve;
}

Test(peers, all_keep_free_what_the_producer_has_published_from_the_first_moment_on)
{
    log_t *producer = own_producer();
    log_reserve(producer, 12345678);
    (void)log_append(producer, 5, "x", 1);
    durable(producer);
    peers_t *peers = open_scheduler();
    cr_assert_eq(log_seen(peers_own(peers))->reserve, 12345678);
    cr_assert_eq(reserve_of(peers), 12345678);
    log_reserve(producer, 999);
    (void)log_append(producer, 5, "x", 1);
    cr_assert_eq(reserve_of(peers), 12345678, "not published yet");
    durable(producer);
    cr_assert_eq(reserve_of(peers), 999);
    /* A producer that starts again keeps what it kept, until it knows better. */
    log_close(&producer);
    producer = own_producer();
    cr_assert_eq(log_seen(producer)->reserve, 999);
    peers_close(&peers);
    log_close(&producer);
}

/* A service that is woken need not ask the others' files in every round. */
Test(peers, the_others_are_looked_at_only_when_they_shall_be)
{
    log_t *producer = own_producer();
    peers_t *peers = open_scheduler();
    enum log_id id;
    struct log_record record;
    peers_look(peers, false);
    uint64_t position = log_append(producer, 5, "x", 1);
    durable(producer);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_eq(peers_next(peers, &id, &record, NULL), ERR_AGAIN);
    cr_assert_eq(log_durable(peers_log(peers, LOG_PRODUCER)), 0);
    peers_look(peers, true);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_eq(peers_next(peers, &id, &record, NULL), ERR_OK);
    cr_assert_eq(id, LOG_PRODUCER);
    cr_assert_eq(record.position, position);
    peers_close(&peers);
    log_close(&producer);
}

Test(peers, grow_while_each_look_finds_more)
{
    log_t *producer = own_producer();
    peers_t *peers = open_scheduler();
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_not(peers_grow(peers));
    (void)log_append(peers_own(peers), 5, "x", 1);
    durable(peers_own(peers));
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_not(peers_grow(peers), "the own log is no other one");
    (void)log_append(producer, 5, "x", 1);
    durable(producer);
    peers_look(peers, false);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_not(peers_grow(peers), "it did not look");
    peers_look(peers, true);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert(peers_grow(peers));
    peers_look(peers, false);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert(peers_grow(peers), "nothing else is known since");
    peers_look(peers, true);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_not(peers_grow(peers));
    peers_close(&peers);
    log_close(&producer);
}

Test(peers, short_room_makes_commits_wait_and_reasons_short)
{
    sim_disk_set_capacity(disk, FLOOR + 64U * 1024 * 1024);
    log_t *producer = own_producer();
    log_reserve(producer, 50U * 1024 * 1024);
    (void)log_append(producer, 5, "x", 1);
    durable(producer);
    peers_t *peers = open_scheduler();
    log_t *own = peers_own(peers);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_not(peers_short(peers));
    cr_assert_eq(peers_reason_bytes(peers), LIMIT_REASON_BYTES);
    uint64_t first = log_append(own, 6, "a", 1);
    cr_assert(peers_may_wait(peers, LOG_KIND_BIT(6)));
    cr_assert_not(peers_may_wait(peers, LOG_KIND_BIT(5)));
    cr_assert_eq(peers_commit(peers, false, 1000, NULL), ERR_OK);
    cr_assert_eq(log_durable(own), first);

    sim_disk_set_capacity(disk, FLOOR + 52U * 1024 * 1024);
    sim_disk_set_now(disk, 100000); /* room is measured once a second */
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert(peers_short(peers));
    cr_assert_eq(peers_reason_bytes(peers), LIMIT_REASON_SHORT_BYTES);
    uint64_t second = log_append(own, 6, "b", 1);
    cr_assert_eq(peers_commit(peers, false, 2000, NULL), ERR_OK);
    cr_assert_eq(log_durable(own), first);
    int64_t until_ms = peers_commit_ms(peers);
    cr_assert_gt(until_ms, 2000);
    cr_assert_not(peers_may_wait(peers, LOG_KIND_BIT(6)), "it waits already");
    cr_assert_eq(peers_commit(peers, false, until_ms, NULL), ERR_OK);
    cr_assert_eq(log_durable(own), second);
    (void)log_append(own, 6, "c", 1);
    cr_assert_eq(peers_commit(peers, true, until_ms, NULL), ERR_OK);
    cr_assert_eq(log_durable(own), second + 1, "at once is at once");
    peers_close(&peers);
    log_close(&producer);
}

/* A client that asks again and again what has just been written must not keep the pauses short. */
Test(peers, commits_at_once_make_the_pauses_grow_too)
{
    sim_disk_set_capacity(disk, FLOOR + 64U * 1024 * 1024);
    log_t *producer = own_producer();
    log_reserve(producer, 80U * 1024 * 1024);
    (void)log_append(producer, 5, "x", 1);
    durable(producer);
    peers_t *peers = open_scheduler();
    log_t *own = peers_own(peers);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert(peers_short(peers));
    for (unsigned i = 0; i < THRIFT_COMMITS; i++) {
        (void)log_append(own, 6, "a", 1);
        cr_assert_eq(peers_commit(peers, true, 1000, NULL), ERR_OK);
    }
    (void)log_append(own, 6, "b", 1);
    cr_assert_eq(peers_commit(peers, false, 2000, NULL), ERR_OK);
    cr_assert_eq(peers_commit_ms(peers), 2000 + 2 * THRIFT_PAUSE_MS);
    peers_close(&peers);
    log_close(&producer);
}

Test(peers, a_position_is_in_the_block_of_what_follows_from_it)
{
    sim_disk_set_capacity(disk, FLOOR + 32U * 1024 * 1024);
    log_t *producer = own_producer();
    log_reserve(producer, 64U * 1024 * 1024);
    (void)log_append(producer, 5, "x", 1);
    durable(producer);
    peers_t *peers = open_scheduler();
    log_t *own = peers_own(peers);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert(peers_short(peers));
    enum log_id id;
    struct log_record record;
    cr_assert_eq(peers_next(peers, &id, &record, NULL), ERR_OK);
    peers_note(peers);
    cr_assert_eq(log_gathered(own), 0, "it waits for the commit");
    cr_assert_eq(peers_commit(peers, false, 1000, NULL), ERR_OK);
    cr_assert_neq(peers_commit_ms(peers), INT64_MAX, "and wants one by itself");
    uint64_t last = log_append(own, 6, "a", 1);
    cr_assert_eq(peers_commit(peers, true, 1000, NULL), ERR_OK);
    cr_assert_eq(log_durable(own), last + 1);
    log_block_t *block = NULL;
    cr_assert_eq(log_read(own, last + 1, &record, &block, NULL), ERR_OK);
    cr_assert_eq(record.kind, RECORD_POSITION);
    log_block_release(&block);
    peers_close(&peers);
    log_close(&producer);
}

Test(peers, have_news_only_of_what_another_service_reads)
{
    struct why why = {{0}};
    peers_t *peers = NULL;
    cr_assert_eq(peers_open(&peers, &journal, LOG_PRODUCER, &why), ERR_OK, "%s", why.text);
    log_t *log = peers_own(peers);
    (void)log_append(log, RECORD_NOTIFICATION, "any", 3);
    (void)log_append(log, RECORD_DONE, "any", 3);
    (void)log_append(log, RECORD_ENDED, "any", 3);
    (void)log_append(log, RECORD_CHECKPOINT_ITEM, "any", 3);
    (void)log_append(log, RECORD_INDEX, "any", 3);
    cr_assert_eq(peers_news(peers), 0);
    static const uint8_t read[] = {RECORD_MOVED, RECORD_EVIDENCE,     RECORD_CLOSED,
                                   RECORD_ORDER, RECORD_SUBSCRIPTION, RECORD_GROUP};
    for (size_t i = 0; i < sizeof read; i++) {
        uint64_t position = log_append(log, read[i], "any", 3);
        cr_assert_eq(peers_news(peers), position, "kind %u", read[i]);
        (void)log_append(log, RECORD_NOTIFICATION, "any", 3);
        cr_assert_eq(peers_news(peers), position, "kind %u", read[i]);
    }
    durable(log);
    uint64_t end = log_durable(log);
    peers_close(&peers);
    cr_assert_eq(peers_open(&peers, &journal, LOG_PRODUCER, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(peers_news(peers), end, "what was there before may be of any kind");

    sim_disk_set_capacity(disk, FLOOR + 1024 * 1024);
    sim_disk_set_now(disk, 100000); /* room is measured once a second */
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert(peers_short(peers));
    uint64_t noted = log_append(peers_own(peers), RECORD_NOTIFICATION, "any", 3);
    (void)log_append(peers_own(peers), RECORD_CHECKPOINT_ITEM, "any", 3);
    cr_assert_eq(peers_news(peers), noted, "what is kept free has grown");
    peers_close(&peers);
}

/* What the newest POSITION in the scheduler's log says of the producer's; 0: there is none. */
static uint64_t
noted(peers_t *peers)
{
    struct log_record record;
    log_block_t *block = NULL;
    struct record_position read = {0};
    if (log_newest(peers_own(peers), RECORD_POSITION, &record, &block, NULL) == ERR_OK) {
        cr_assert_eq(record_position_decode(record.body, record.size, &read, NULL), ERR_OK);
        log_block_release(&block);
    }
    return read.logs[LOG_PRODUCER].position;
}

/* Notifications that are done at once are of no interest to the scheduler. */
static void
pass_over(peers_t *peers, log_t *producer, uint32_t count, int64_t now_ms)
{
    enum log_id id;
    struct log_record record;
    for (uint32_t i = 0; i < count; i++) {
        (void)log_append(producer, RECORD_NOTIFICATION, "any", 3);
    }
    durable(producer);
    cr_assert_eq(peers_refresh(peers, NULL), ERR_OK);
    cr_assert_eq(peers_next(peers, &id, &record, NULL), ERR_AGAIN);
    peers_note(peers);
    cr_assert_eq(peers_commit(peers, false, now_ms, NULL), ERR_OK);
}

Test(peers, what_was_passed_over_is_on_record_when_it_is_much_or_at_the_end)
{
    struct why why = {{0}};
    log_t *log = own_producer();
    peers_t *peers = NULL;
    cr_assert_eq(peers_open(&peers, &journal, LOG_SCHEDULER, &why), ERR_OK, "%s", why.text);
    peers_read_from(peers, LOG_PRODUCER, 1, LOG_KIND_BIT(RECORD_MOVED));
    peers_read_from(peers, LOG_COMPENSATOR, 1, LOG_KIND_BIT(RECORD_MOVED));
    pass_over(peers, log, 999, 5000);
    cr_assert_eq(noted(peers), 0);
    pass_over(peers, log, 1, 5000);
    cr_assert_eq(noted(peers), 1000);
    pass_over(peers, log, 1000, 5999);
    cr_assert_eq(noted(peers), 1000, "once a second");
    pass_over(peers, log, 1, 6000);
    cr_assert_eq(noted(peers), 2001);
    pass_over(peers, log, 1, 9000);
    cr_assert_eq(noted(peers), 2001);
    peers_note_all(peers);
    cr_assert_eq(peers_commit(peers, true, 9000, NULL), ERR_OK);
    cr_assert_eq(noted(peers), 2002);
    uint64_t before = log_next(peers_own(peers));
    peers_note_all(peers);
    cr_assert_eq(peers_commit(peers, true, 9000, NULL), ERR_OK);
    cr_assert_eq(log_next(peers_own(peers)), before, "nothing was read since");
    peers_close(&peers);
    log_close(&log);
}
