/* What may not go, and the word about it before and when submits are BUSY. */
#include "producer_fixture.h"
#include "producer_held.h"
#include "producer_private.h"

#include <stdio.h>
#include <string.h>

#define MOST 100U

static char heard[64 + WHY_TEXT_SIZE]; /* "event text" */
static unsigned times_heard;

static void
hear(const char *event, const char *text)
{
    (void)snprintf(heard, sizeof heard, "%s %s", event, text); /* fits */
    times_heard++;
}

static struct fixture *
begin(void)
{
    struct fixture *self = fixture_open(1);
    self->settings.retained_max = MOST;
    self->settings.event = hear;
    fixture_restart(self);
    return self;
}

/* Notifications with these numbers; those that are not accepted. */
static unsigned
submit(struct fixture *self, unsigned from, unsigned count)
{
    unsigned busy = 0;
    for (unsigned i = from; i < from + count; i++) {
        char biz_id[16];
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i); /* fits */
        busy += fixture_submit(self, "order.paid", biz_id, "").status == WIRE_BUSY;
    }
    return busy;
}

static void
finish(struct fixture *self, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        fixture_outcome(self, i, OUTCOME_DONE, 0);
    }
}

static bool
says(const struct fixture *self, const char *kind, const char *text)
{
    return strncmp(self->alarm, kind, strlen(kind)) == 0 && strstr(self->alarm, text) != NULL;
}

Test(producer_held, when_submits_become_busy_there_is_one_alarm_and_a_line_when_it_is_over)
{
    struct fixture *self = begin();
    cr_assert_eq(submit(self, 0, MOST - 1), 0);
    fixture_others_have_read(self);
    fixture_step(self);
    cr_assert_eq(self->alarms, 0, "%s", self->alarm);
    cr_assert_eq(submit(self, 1000, 4), 3);
    cr_assert_eq(self->alarms, 1);
    cr_assert(
        says(self, "retained_full journal: 100 notifications are kept", " is open, for group shop"),
        "%s", self->alarm);
    cr_assert_eq(fixture_counter(self, "busy_retained"), 3);
    cr_assert_eq(fixture_counter(self, "retained_max"), MOST);
    cr_assert_eq(times_heard, 0);
    self->core->gone += 10; /* as when a segment goes */
    fixture_step(self);
    fixture_step(self);
    cr_assert_eq(times_heard, 1);
    cr_assert_str_eq(heard, "accepting_again 90 notifications are kept; 3 submits were BUSY");
    cr_assert_eq(submit(self, 2000, 11), 1);
    self->core->gone += 10;
    fixture_step(self);
    cr_assert_str_eq(heard, "accepting_again 90 notifications are kept; 1 submits were BUSY");
    cr_assert_eq(self->alarms, 2);
    fixture_close(self);
}

Test(producer_held, without_anybody_who_logs_it_is_over_all_the_same)
{
    struct fixture *self = begin();
    self->core->settings.event = NULL;
    cr_assert_eq(submit(self, 0, MOST + 1), 1);
    self->core->gone += 10;
    fixture_step(self);
    cr_assert_eq(submit(self, 1000, 1), 0);
    cr_assert_eq(times_heard, 0);
    fixture_close(self);
}

Test(producer_held, full_of_what_the_others_have_not_read_it_says_so)
{
    struct fixture *self = begin();
    fixture_join(self, "shop", 1);
    (void)submit(self, 0, MOST);
    cr_assert(says(self, "retained_full", "a service has not read this log from 1 on"), "%s",
              self->alarm);
    fixture_close(self);
}

Test(producer_held, full_of_what_could_go_it_names_the_segment)
{
    struct fixture *self = begin();
    fixture_join(self, "shop", 1);
    (void)submit(self, 0, MOST - 1);
    finish(self, 0, MOST - 1);
    fixture_others_have_read(self);
    (void)submit(self, 1000, 1);
    cr_assert(says(self, "retained_full", "journal/segment"), "%s", self->alarm);
    fixture_close(self);
}

Test(producer_held, what_is_open_is_told_before_it_is_all_that_may_be_kept)
{
    struct fixture *self = begin();
    (void)submit(self, 0, 88);
    fixture_others_have_read(self);
    fixture_advance(self, 5000);
    cr_assert_eq(self->alarms, 0, "%s", self->alarm);
    cr_assert_geq(fixture_counter(self, "retained_held"), 85);
    (void)submit(self, 1000, 6);
    cr_assert_eq(self->alarms, 0, "it is looked for once a minute");
    fixture_advance(self, 60000);
    fixture_advance(self, 5000);
    cr_assert_eq(self->alarms, 1);
    cr_assert(
        says(self, "retained_near journal: 94 notifications are kept", " is open, for group shop"),
        "%s", self->alarm);
    fixture_close(self);
}

Test(producer_held, where_most_has_ended_nothing_is_told_and_nothing_counted)
{
    struct fixture *self = begin();
    fixture_join(self, "shop", 1);
    (void)submit(self, 0, 79);
    finish(self, 0, 79);
    fixture_others_have_read(self);
    fixture_advance(self, 5000);
    cr_assert_eq(fixture_counter(self, "retained_held"), 0);
    (void)submit(self, 1000, 20);
    fixture_advance(self, 5000);
    uint64_t held = fixture_counter(self, "retained_held");
    cr_assert(held > 0 && held <= 20, "%llu", (unsigned long long)held);
    cr_assert_eq(self->alarms, 0, "%s", self->alarm);
    fixture_close(self);
}

static unsigned
alarms_of_look(producer_core_t *core, uint64_t open_at)
{
    unsigned count = 0;
    const struct delivery_key open = {.position = open_at, .subscription = 1};
    producer_held_look(core, &open);
    for (; outbox_alarm_next(core->outbox, 0) != NULL; count++) {
        outbox_alarm_pop(core->outbox);
    }
    return count;
}

Test(producer_held, to_and_fro_about_the_limit_is_one_crossing)
{
    struct fixture *self = begin();
    (void)submit(self, 0, 4);
    fixture_others_have_read(self);
    fixture_step(self);
    producer_core_t *core = self->core;
    const uint64_t total = core->total;
    core->total = 99;
    core->mark_first = 0;
    core->mark_count = 3;
    core->marks[0] = (struct producer_mark){.position = 2, .total = 9};
    core->marks[1] = (struct producer_mark){.position = 3, .total = 10};
    core->marks[2] = (struct producer_mark){.position = 4, .total = 20};
    static const struct {
        uint64_t open_at;
        uint64_t held;
        unsigned alarms;
    } looks[] = {{3, 89, 0}, {2, 90, 1}, {2, 90, 0}, {3, 89, 0}, {2, 90, 0},
                 {4, 79, 0}, {3, 89, 0}, {1, 90, 1}, {5, 0, 0},  {2, 90, 1}};
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        cr_assert_eq(alarms_of_look(core, looks[i].open_at), looks[i].alarms, "%zu", i);
        cr_assert_eq(core->held.count, looks[i].held, "%zu", i);
    }
    core->total = total;
    fixture_close(self);
}

/* As where no record is left of the subscription of what another service holds. */
Test(producer_held, what_is_open_for_a_group_that_nobody_knows_is_told_too)
{
    struct fixture *self = begin();
    (void)submit(self, 0, 2);
    fixture_others_have_read(self);
    fixture_step(self);
    struct producer_moved_entry moved = {.key = {.position = 1, .subscription = 9}};
    producer_moved_put(&self->core->moved, &moved);
    cr_assert_eq(producer_held_open(self->core).subscription, 9);
    (void)submit(self, 100, MOST - 2);
    cr_assert(says(self, "retained_full", "from 1 on"), "%s", self->alarm);
    fixture_close(self);
}
