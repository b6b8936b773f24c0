/* Who is there: names, groups, starts and places of consumers. */
#include "compensator_fixture.h"

#include <stdio.h>
#include <string.h>

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self);
    self.present = false;
    fixture_advance(&self, COMPENSATOR_SILENCE_MS); /* nobody is there */
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(compensator_consumers, .init = setup, .fini = teardown, .timeout = 60);

static uint64_t
counter(const char *name)
{
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count = compensator_counters(self.core, counters, WIRE_COUNTERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (counters[i].name.size == strlen(name) &&
            memcmp(counters[i].name.data, name, strlen(name)) == 0) {
            return counters[i].value;
        }
    }
    cr_assert(false, "no counter %s", name);
    return 0;
}

static uint8_t
comes(const char *name, const char *group)
{
    struct wire_hello said = fixture_consumer(&self, group);
    said.name = (struct wire_text){.data = name, .size = strlen(name)};
    return fixture_welcome(&self, &said);
}

static bool
pings(const char *name, uint64_t nonce)
{
    const struct wire_ping ping = {.name = {.data = name, .size = strlen(name)}, .nonce = nonce};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_ping_encode(&out, 1, &ping);
    fixture_front(&self, &out);
    return self.pong_known;
}

Test(compensator_consumers, a_group_is_known_by_its_whole_name)
{
    cr_assert_eq(comes("a", "plain"), WIRE_OK);
    cr_assert_eq(comes("a", "plaim"), WIRE_NOT_FOUND);
    cr_assert_eq(comes("a", "plai"), WIRE_NOT_FOUND);
}

Test(compensator_consumers, a_person_says_hello_and_takes_no_place)
{
    const struct wire_hello said = {.party = WIRE_PARTY_CLIENT, .name = {.data = "ada", .size = 3}};
    cr_assert_eq(fixture_welcome(&self, &said), WIRE_OK);
    cr_assert_eq(counter("consumers"), 0);
}

Test(compensator_consumers, each_name_of_a_group_has_one_place)
{
    static const char *const names[] = {"one", "two", "twelve", "two"};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(comes(names[i], "plain"), WIRE_OK);
    }
    cr_assert_eq(comes("one", "undoer"), WIRE_OK);
    cr_assert_eq(counter("consumers"), 4);
}

Test(compensator_consumers,
     one_that_starts_again_takes_its_place_and_what_it_had_waits_for_the_lease)
{
    cr_assert_eq(comes("one", "plain"), WIRE_OK);
    (void)fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(self.count, 1);
    self.nonce++;
    cr_assert_eq(comes("one", "plain"), WIRE_OK);
    cr_assert_eq(counter("consumers"), 1);
    cr_assert_eq(self.count, 1);
    fixture_advance(&self, FIXTURE_LEASE_MS + 1000);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(self.jobs[1].item.attempt, 2);
    fixture_answer(&self, OUTCOME_DONE);
    cr_assert_eq(counter("jobs_out"), 0);
}

Test(compensator_consumers, only_the_same_start_of_the_same_name_is_known_by_its_ping)
{
    cr_assert_eq(comes("one", "plain"), WIRE_OK);
    cr_assert(pings("one", self.nonce));
    cr_assert_not(pings("one", self.nonce + 1));
    cr_assert_not(pings("two", self.nonce));
    cr_assert_not(pings("seven", self.nonce));
    fixture_advance(&self, COMPENSATOR_SILENCE_MS);
    cr_assert_not(pings("one", self.nonce), "it was silent for too long");
}

Test(compensator_consumers, whoever_has_the_least_gets_the_next_job)
{
    static const char *const names[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(comes(names[i], "plain"), WIRE_OK);
    }
    cr_assert_eq(comes("other", "undoer"), WIRE_OK);
    for (int i = 0; i < 3 * 4 + 2; i++) { /* the windows, and two more */
        (void)fixture_given(&self, FIXTURE_REAPPLY);
    }
    cr_assert_eq(self.count, 3 * 4);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(self.core->consumers[i].jobs_out, 4, "consumer %u", i);
    }
    fixture_answer_to(&self, 1, OUTCOME_DONE, NULL);
    cr_assert_eq(self.count, 3 * 4 + 1);
}

Test(compensator_consumers, the_last_place_is_taken_and_who_comes_then_is_told_so)
{
    char name[16];
    for (uint32_t i = 0; i < COMPENSATOR_CONSUMERS_MAX; i++) {
        (void)snprintf(name, sizeof name, "c%u", i); /* fits */
        struct wire_hello said = fixture_consumer(&self, "plain");
        said.name = (struct wire_text){.data = name, .size = strlen(name)};
        fixture_say_hello(&self, &said);
    }
    cr_assert_eq(counter("consumers"), COMPENSATOR_CONSUMERS_MAX);
    cr_assert_eq(comes("late", "plain"), WIRE_BUSY);
    cr_assert_eq(comes("c7", "plain"), WIRE_OK, "one that has a place keeps it");
    fixture_advance(&self, COMPENSATOR_SILENCE_MS);
    cr_assert_eq(comes("late", "plain"), WIRE_OK);
    cr_assert_eq(counter("consumers"), 1);
}

/* LEAVE: what it had goes to others at once; what others have, and what waits, is not touched. */
Test(compensator_consumers, one_that_leaves_gives_back_its_own_jobs_only)
{
    cr_assert_eq(comes("one", "plain"), WIRE_OK);
    struct delivery_key ended = fixture_given(&self, FIXTURE_REAPPLY);
    struct delivery_key first = fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(comes("two", "plain"), WIRE_OK);
    struct delivery_key second = fixture_given(&self, FIXTURE_REAPPLY);
    cr_assert_eq(comes("undo", "undoer"), WIRE_OK);
    struct delivery_key undo = fixture_given(&self, FIXTURE_UNDO);
    struct delivery_key nobody = fixture_given(&self, FIXTURE_BARE);
    const uint64_t kept = fixture_entry(&self, second)->token;
    fixture_answer_to(&self, 0, OUTCOME_DONE, NULL); /* an empty place in the table */
    cr_assert_null(fixture_entry(&self, ended));
    const struct wire_ping session = {.name = {.data = "one", .size = 3}, .nonce = self.nonce};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_leave_encode(&out, &session);
    fixture_front(&self, &out);
    fixture_step(&self);
    cr_assert_eq(fixture_last_job(&self)->item.position, first.position);
    cr_assert_eq(fixture_entry(&self, second)->token, kept);
    cr_assert_eq(fixture_entry(&self, nobody)->token, 0);
    cr_assert_neq(fixture_entry(&self, undo)->token, 0);
    cr_assert_eq(counter("jobs_out"), 3);
    cr_assert_eq(counter("consumers"), 2);
}

/* It may have begun: asked again, it is still an undo, and one order is on record. */
Test(compensator_consumers, an_undo_that_is_given_back_is_asked_again_with_one_order)
{
    cr_assert_eq(comes("undo", "undoer"), WIRE_OK);
    (void)fixture_given(&self, FIXTURE_UNDO);
    const struct wire_ping session = {.name = {.data = "undo", .size = 4}, .nonce = self.nonce};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_leave_encode(&out, &session);
    fixture_front(&self, &out);
    cr_assert_eq(comes("undo", "undoer"), WIRE_OK);
    fixture_step(&self);
    cr_assert_eq(self.count, 2);
    cr_assert_eq(fixture_last_job(&self)->action, WIRE_ACTION_UNDO);
    cr_assert_eq(fixture_count(&self, RECORD_ORDER), 1);
}
