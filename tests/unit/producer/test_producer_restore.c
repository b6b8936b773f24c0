/* A restart over a log whose checkpoint, or whose records, say what cannot be: refused by name, and
 * never believed. */
#include "producer_fixture.h"

#include "journal/log_block_private.h"
#include "journal/segment.h"

#include <stdio.h>
#include <string.h>

#define BEGIN "v0 v0 v0 v0 v0 v1 v1"

struct damage {
    const char *what;
    const char *begin;
    const char *item;
    err_t rc;
};

/* kind u8 first: 1 open, 2 moved, 3 deadlines, 4 subscription, 5 group, 6 marks. */
static const struct damage damages[] = {
    {"nothing wrong", BEGIN, "", ERR_OK},
    {"a BEGIN of nothing", "", "", ERR_CORRUPT},
    {"an index that comes later", "v9999 v0 v0 v0 v0 v1 v1", "", ERR_CORRUPT},
    {"more trimmed than there ever was", "v0 v1 v2 v0 v0 v1 v1", "", ERR_CORRUPT},
    {"more notifications than records", "v0 v9999 v0 v0 v0 v1 v1", "", ERR_CORRUPT},
    {"more notifications than there can be", "v0 v18446744073709551615 v0 v0 v0 v1 v1", "",
     ERR_CORRUPT},
    {"open: no subscription", BEGIN, "b1 v0 v0 v1 q2", ERR_CORRUPT},
    {"open: subscription 65", BEGIN, "b1 v65 v0 v1 q2", ERR_CORRUPT},
    {"open: not from a multiple of 64", BEGIN, "b1 v1 v1 v1 q2", ERR_CORRUPT},
    {"open: from behind the checkpoint", BEGIN, "b1 v1 v64000 v1 q2", ERR_CORRUPT},
    {"open: a bit behind the checkpoint", BEGIN, "b1 v1 v0 v1 q4611686018427387904", ERR_CORRUPT},
    {"open: position 0", BEGIN, "b1 v1 v0 v1 q1", ERR_CORRUPT},
    {"open: half a word", BEGIN, "b1 v1 v0 v1 q2 b0", ERR_CORRUPT},
    {"open: a word too few", BEGIN, "b1 v1 v0 v2 q2", ERR_CORRUPT},
    {"open: as many words as overflow", BEGIN, "b1 v1 v0 v2305843009213693952", ERR_CORRUPT},
    {"moved: cut off", BEGIN, "b2 v1", ERR_CORRUPT},
    {"moved: position 0", BEGIN, "b2 v0 v1 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1", ERR_CORRUPT},
    {"moved: behind the checkpoint", BEGIN, "b2 v9999 v1 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1",
     ERR_CORRUPT},
    {"moved: no subscription", BEGIN, "b2 v1 v0 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1", ERR_CORRUPT},
    {"moved: subscription 65", BEGIN, "b2 v1 v65 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1", ERR_CORRUPT},
    {"moved: a fourth custodian", BEGIN, "b2 v1 v1 v0 v0 v0 v0 v0 v0 v2 v1 b3 b0 b1", ERR_CORRUPT},
    {"moved: an end that is none", BEGIN, "b2 v1 v1 v0 v0 v0 v0 v0 v0 v2 v1 b1 b99 b1",
     ERR_CORRUPT},
    {"open: nothing good in the first of two words", BEGIN, "b1 v1 v0 v2 q1 q1", ERR_CORRUPT},
    {"moved: one that is good behind it", BEGIN,
     "b2 v0 v1 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1 v1 v1 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1",
     ERR_CORRUPT},
    {"deadlines: one that is good behind it", BEGIN, "b3 v0 v5 v1 v5", ERR_CORRUPT},
    {"marks: a number that is too long", BEGIN,
     "b6 b255 b255 b255 b255 b255 b255 b255 b255 b255 b255 b255 b1", ERR_CORRUPT},
    {"moved: a weight over 24 bits", BEGIN, "b2 v1 v1 v0 v0 v0 v0 v16777216 v0 v2 v1 b1 b0 b1",
     ERR_CORRUPT},
    {"moved: in the scheduler's log over 40 bits", BEGIN,
     "b2 v1 v1 v1099511627776 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1", ERR_CORRUPT},
    {"moved: in the compensator's log over 40 bits", BEGIN,
     "b2 v1 v1 v0 v1099511627776 v0 v0 v0 v0 v2 v1 b1 b0 b1", ERR_CORRUPT},
    {"moved: a case over 40 bits", BEGIN, "b2 v1 v1 v0 v0 v1099511627776 v0 v0 v0 v2 v1 b1 b0 b1",
     ERR_CORRUPT},
    {"moved: a newest record over 40 bits", BEGIN,
     "b2 v1 v1 v0 v0 v0 v0 v0 v1099511627776 v2 v1 b1 b0 b1", ERR_CORRUPT},
    {"deadlines: behind the checkpoint", BEGIN, "b3 v9999 v5", ERR_CORRUPT},
    {"deadlines: cut off", BEGIN, "b3 v1", ERR_CORRUPT},
    {"deadlines: position 0", BEGIN, "b3 v0 v5", ERR_CORRUPT},
    {"deadlines: a time that is none", BEGIN, "b3 v1 v18446744073709551615", ERR_CORRUPT},
    {"subscription: cut off", BEGIN, "b4 v2", ERR_CORRUPT},
    {"group: cut off", BEGIN, "b5 b0", ERR_CORRUPT},
    {"marks: cut off", BEGIN, "b6 v1", ERR_CORRUPT},
    {"marks: one that is good", "v0 v1 v0 v0 v0 v1 v1", "b6 v1 v1 v5", ERR_OK},
    {"marks: behind the checkpoint", BEGIN, "b6 v9999 v0 v5", ERR_CORRUPT},
    {"marks: more than there ever was", BEGIN, "b6 v1 v1 v5", ERR_CORRUPT},
    {"marks: a time that is none", BEGIN, "b6 v1 v0 v18446744073709551615", ERR_CORRUPT},
    {"marks: the latest time", BEGIN, "b6 v1 v0 v9223372036854775807", ERR_OK},
    {"an item of a newer version", BEGIN, "b77 v1", ERR_OK},
    {"an item of nothing", BEGIN, "b0", ERR_OK},
};

Test(producer_restore, a_checkpoint_that_makes_no_sense_is_refused)
{
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct why why = {{0}};
        struct fixture *self = fixture_open(1);
        fixture_checkpoint(self, damages[i].begin, damages[i].item);
        err_t rc = fixture_try_restart(self, &why);
        cr_assert_eq(rc, damages[i].rc, "%s: %d, %s", damages[i].what, rc, why.text);
        cr_assert(rc == ERR_OK || why.text[0] != '\0', "%s: it says why", damages[i].what);
        fixture_close(self);
    }
}

/* INDEX is the record before BEGIN; what stands in it is before that. */
static err_t
restart_with_index(const char *what, uint8_t kind, const char *fields)
{
    char begin[64];
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    uint64_t at = fixture_spelt(peers_own(self->peers), kind, fields);
    (void)snprintf(begin, sizeof begin, "v%llu v1 v0 v0 v0 v1 v1", (unsigned long long)at);
    fixture_checkpoint(self, begin, "");
    err_t rc = fixture_try_restart(self, &why);
    cr_assert(rc == ERR_OK || why.text[0] != '\0', "%s: it says why", what);
    fixture_close(self);
    return rc;
}

Test(producer_restore, an_index_that_makes_no_sense_is_refused)
{
    static const struct {
        const char *what;
        const char *fields; /* INDEX before, count, then hash, position, newest minus position */
        err_t rc;
    } all[] = {
        {"one entry", "v0 v1 q77 v1 v0", ERR_OK},
        {"the same twice", "v0 v2 q77 v1 v0 q77 v1 v0", ERR_OK},
        {"position 0", "v0 v1 q77 v0 v1", ERR_CORRUPT},
        {"a position behind it", "v0 v1 q77 v9999 v0", ERR_CORRUPT},
        {"a newest record behind it", "v0 v1 q77 v1 v9999", ERR_CORRUPT},
        {"of nothing", "", ERR_CORRUPT},
        {"cut off", "v0 v2 q77 v1 v0", ERR_CORRUPT},
        {"so many entries that their number overflows", "v0 v18446744073709551585 q77 v1 v0",
         ERR_CORRUPT},
        {"something behind it", "v0 v1 q77 v1 v0 b0", ERR_CORRUPT},
        {"an INDEX before that is behind", "v9999 v1 q77 v1 v0", ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        err_t rc = restart_with_index(all[i].what, RECORD_INDEX, all[i].fields);
        cr_assert_eq(rc, all[i].rc, "%s: %d", all[i].what, rc);
    }
    cr_assert_eq(restart_with_index("not an INDEX", RECORD_DONE, ""), ERR_CORRUPT);
    cr_assert_eq(restart_with_index("lost by a salvage", LOG_KIND_LOST, ""), ERR_OK,
                 "told from the log itself");
}

/* A total so much less than BEGIN's own position; a mark so much less than the position behind. */
static err_t
restart_at_edge(unsigned less, uint64_t mark_less, const char *mark_rest)
{
    char begin[64];
    char item[64];
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    uint64_t at = log_next(peers_own(self->peers));
    (void)snprintf(begin, sizeof begin, "v0 v%llu v0 v0 v0 v1 v1", (unsigned long long)at - less);
    (void)snprintf(item, sizeof item, "b6 v%llu v1 %s", (unsigned long long)(at + 1 - mark_less),
                   mark_rest);
    fixture_checkpoint(self, begin, item);
    err_t rc = fixture_try_restart(self, &why);
    fixture_close(self);
    return rc;
}

Test(producer_restore, as_many_as_there_can_be_are_believed_and_not_one_more)
{
    cr_assert_eq(restart_at_edge(1, 1, "v5"), ERR_OK, "a mark at BEGIN, a total one below");
    cr_assert_eq(restart_at_edge(0, 1, "v5"), ERR_CORRUPT, "a notification for BEGIN too");
    cr_assert_eq(restart_at_edge(1, 0, "v5"), ERR_CORRUPT, "a mark behind BEGIN");
    cr_assert_eq(restart_at_edge(1, 1, "v9223372036854775808"), ERR_CORRUPT, "INT64_MAX + 1");
}

Test(producer_restore, more_marks_than_are_kept_are_cut)
{
    static char item[1100 * 12];
    size_t used = (size_t)snprintf(item, sizeof item, "b6");
    for (unsigned i = 1; i <= PRODUCER_MARKS + 10; i++) {
        used += (size_t)snprintf(item + used, sizeof item - used, " v1 v0 v%u", i);
    }
    struct fixture *self = fixture_open(1);
    fixture_checkpoint(self, BEGIN, item);
    fixture_restart(self);
    cr_assert_eq(self->core->mark_count, PRODUCER_MARKS);
    fixture_close(self);
}

/* A record of the own log, after which nothing starts. */
static void
refuse_own(const char *what, uint8_t kind, const char *fields)
{
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    (void)fixture_spelt(peers_own(self->peers), kind, fields);
    err_t rc = fixture_try_restart(self, &why);
    cr_assert_eq(rc, ERR_CORRUPT, "%s: %d", what, rc);
    cr_assert_neq(why.text[0], '\0', "%s: it says why", what);
    fixture_close(self);
}

Test(producer_restore, a_record_that_makes_no_sense_is_refused)
{
    static const uint8_t kinds[] = {RECORD_NOTIFICATION, RECORD_MOVED, RECORD_DONE,
                                    RECORD_CLOSED,       RECORD_ENDED, RECORD_EVIDENCE,
                                    RECORD_ORDER,        RECORD_GROUP, RECORD_SUBSCRIPTION};
    for (size_t i = 0; i < sizeof kinds; i++) {
        refuse_own("of nothing", kinds[i], "");
    }
    refuse_own("of no subscription", RECORD_NOTIFICATION, "v1 z16 b1 v0 b0");
    refuse_own("an end of what comes later", RECORD_DONE, "v99999999999 v1 v1 b0 b1 v1 v1");
    refuse_own("a move of what comes later", RECORD_MOVED,
               "v99999999999 v1 v2 b1 b1 b0 v1 v0 v1 v0 v0 v0 v0");
}

/* A restart over a DONE of all from the first position to so many beyond its own. */
static err_t
restart_over_run(int beyond, bool in_checkpoint, struct why *why)
{
    char begin[64];
    struct fixture *self = fixture_open(1);
    log_t *own = peers_own(self->peers);
    uint64_t first = fixture_submit(self, "order.paid", "a", "{}").position;
    fixture_submit(self, "order.paid", "b", "{}");
    struct record_event done = {.kind = RECORD_DONE,
                                .key = {.position = first, .subscription = 1},
                                .turn = 1,
                                .more = (uint32_t)((int64_t)(log_next(own) - first) + beyond)};
    (void)fixture_other_event(own, &done);
    if (in_checkpoint) { /* whose index is lost: it is told from the records */
        (void)snprintf(begin, sizeof begin, "v%llu v2 v0 v0 v0 v1 v1",
                       (unsigned long long)fixture_record(own, LOG_KIND_LOST, NULL, 0));
        fixture_checkpoint(self, begin, "");
    }
    err_t rc = fixture_try_restart(self, why);
    cr_assert(rc != ERR_OK || fixture_counter(self, "open") == 0);
    fixture_close(self);
    return rc;
}

Test(producer_restore, a_run_that_reaches_to_its_own_record_is_refused)
{
    struct why why = {{0}};
    cr_assert_eq(restart_over_run(-1, false, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(restart_over_run(0, false, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "which is not before it"), "%s", why.text);
    cr_assert_eq(restart_over_run(1, false, &why), ERR_CORRUPT, "one behind it");
    cr_assert_eq(restart_over_run(100000, false, &why), ERR_CORRUPT, "far behind it");
}

Test(producer_restore, an_index_that_is_made_anew_passes_over_a_run_that_reaches_too_far)
{
    struct why why = {{0}};
    cr_assert_eq(restart_over_run(100000, true, &why), ERR_OK, "%s", why.text);
}

Test(producer_restore, deliveries_of_a_subscription_without_a_record_are_refused)
{
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    (void)fixture_spelt(peers_own(self->peers), RECORD_NOTIFICATION, "v1 z16 b1 v5 b0");
    cr_assert_eq(fixture_try_restart(self, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "subscription 5"), "%s", why.text);
    fixture_close(self);
}

/* Found broken by the others' logs, which are read before the settings are. */
Test(producer_restore, a_broken_delivery_of_a_subscription_without_a_record_is_refused)
{
    struct why why = {{0}};
    char item[64];
    struct fixture *self = fixture_open(1);
    fixture_submit(self, "order.paid", "a", "{}");
    struct delivery_key key = {.position = self->core->newest, .subscription = 5};
    struct record_event fenced = {.key = key, .turn = 2, .kind = RECORD_FENCED};
    struct record_event done = {.key = key, .turn = 2, .kind = RECORD_EVIDENCE};
    (void)fixture_other_event(self->compensator, &fenced);
    (void)fixture_other_event(self->scheduler, &done);
    (void)snprintf(item, sizeof item, "b2 v%llu v5 v0 v0 v0 v0 v0 v0 v2 v1 b1 b0 b1",
                   (unsigned long long)key.position);
    fixture_checkpoint(self, BEGIN, item);
    cr_assert_eq(fixture_try_restart(self, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "subscription 5"), "%s", why.text);
    fixture_close(self);
}

/* A message of each other service that makes no sense ends the service with a reason. */
Test(producer_restore, a_record_of_another_log_that_makes_no_sense_is_refused)
{
    /* Their keys can be read, so that they are found to be about a delivery of ours. */
    static const struct {
        uint8_t kind;
        const char *fields; /* behind the key */
    } all[] = {
        {RECORD_TAKEN, ""}, {RECORD_MOVED, ""},    {RECORD_FAILED, ""}, {RECORD_DONE, ""},
        {RECORD_ENDED, ""}, {RECORD_EVIDENCE, ""}, {RECORD_ORDER, ""},  {RECORD_CASE, ""},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct why why = {{0}};
        char fields[64];
        struct fixture *self = fixture_open(1);
        fixture_join(self, "shop", 1);
        fixture_submit(self, "order.paid", "a", "{}");
        fixture_outcome(self, 0, OUTCOME_RETRY, 0);
        (void)snprintf(fields, sizeof fields, "%sv%llu v1",
                       all[i].kind == RECORD_CASE ? "b0 v3 " : "",
                       (unsigned long long)self->deliveries[0].key.position);
        (void)fixture_spelt(self->compensator, all[i].kind, fields);
        cr_assert_eq(fixture_try_step(self, &why), ERR_CORRUPT, "kind %u", all[i].kind);
        cr_assert_neq(why.text[0], '\0', "kind %u: it says why", all[i].kind);
        cr_assert_eq(fixture_try_restart(self, &why), ERR_CORRUPT, "kind %u", all[i].kind);
        fixture_close(self);
    }
}

Test(producer_restore, a_record_of_another_log_about_nothing_is_passed_over)
{
    struct fixture *self = fixture_open(1);
    (void)fixture_spelt(self->scheduler, RECORD_DONE, "");
    (void)fixture_spelt(self->scheduler, RECORD_DONE, "v12345 v1");
    fixture_step(self);
    fixture_restart(self);
    cr_assert_eq(fixture_counter(self, "open"), 0);
    fixture_close(self);
}

/* In the place of the block of this position, in the log's first segment, one of 200 records. */
static void
forge(struct fixture *self, uint64_t position)
{
    size_t size = 0;
    struct segment_head head;
    struct segment_block found = {.first = 0};
    uint8_t *bytes = sim_disk_bytes(self->disk, "j/producer/0000000000000001.seg", &size);
    cr_assert_not_null(bytes);
    cr_assert_eq(segment_head_decode(bytes, &head, NULL), ERR_OK);
    uint64_t offset = SEGMENT_HEAD_BYTES;
    while (segment_block_decode(&head, offset, bytes + offset, &found) && found.first < position) {
        offset += log_block_span_of(found.size);
    }
    cr_assert_eq(found.first, position);
    log_block_t *block = log_block_new(position, found.size);
    for (int i = 0; i < 200; i++) {
        (void)log_block_add(block, RECORD_INDEX, 0);
    }
    cr_assert_eq(log_block_span(block), log_block_span_of(found.size));
    segment_block_seal(&head, offset, found.synced, block);
    memcpy(bytes + offset, block->bytes, log_block_span(block));
    log_block_release(&block);
}

Test(producer_restore, a_block_that_says_more_positions_than_the_log_has_is_refused)
{
    struct why why = {{0}};
    struct fixture *self = fixture_open(1);
    uint64_t at = fixture_spelt(peers_own(self->peers), RECORD_INDEX, "z400");
    for (int i = 0; i < 100; i++) { /* into a second segment, so that it is not looked at before */
        (void)fixture_spelt(peers_own(self->peers), RECORD_INDEX, "z60000");
    }
    forge(self, at);
    cr_assert_eq(fixture_try_restart(self, &why), ERR_CORRUPT);
    cr_assert_not_null(strstr(why.text, "the log ends before"), "%s", why.text);
    fixture_close(self);
}
