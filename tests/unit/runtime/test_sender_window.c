#include "sender_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(sender_window, a_window_bounds_what_is_unanswered)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = sender_fixture_open(&answers, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 0);
    for (int i = 0; i < 8; i++) {
        cr_assert(sender_has_room(sender, sender_fixture_text("shop")));
        cr_assert(sender_fixture_send(sender, "shop", 0));
    }
    cr_assert_not(sender_has_room(sender, sender_fixture_text("shop")));
    cr_assert_not(sender_fixture_send(sender, "shop", 0));
    cr_assert_eq(sender_outstanding(sender), 8);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

static void
done(sender_t *sender, uint64_t counter, uint32_t count, int64_t now_ms)
{
    const struct sender_fixture_run run = {
        .counter = counter, .count = count, .said = OUTCOME_DONE};
    sender_fixture_outcomes_at(sender, run, now_ms);
}

/* Send until there is no room, and have it leave; how many are out now. */
static uint32_t
fill_lane(sender_t *sender, outbox_t *outbox, int64_t now_ms)
{
    while (sender_fixture_send(sender, "shop", now_ms)) {
        cr_assert_leq(sender_outstanding(sender), 16);
    }
    cr_assert_not(sender_has_room(sender, sender_fixture_text("shop")));
    sender_fixture_leave(outbox, 0);
    sender_left(sender, now_ms);
    return sender_outstanding(sender);
}

static sender_t *
open_quick(struct answers *answers, outbox_t *outbox)
{
    struct sender_settings settings = {.log = LOG_PRODUCER,
                                       .run = 1,
                                       .lane_count = 1,
                                       .window = 8,
                                       .quick_window = 16,
                                       .lease_ms = 10000,
                                       .service = "producer",
                                       .answered = sender_fixture_answered,
                                       .owner = answers};
    return sender_fixture_open_with(&settings, outbox);
}

/* Its consumer joins at 1000 and answers the first 16 by 1100, which is quick enough. */
static void
make_quick(sender_t *sender, outbox_t *outbox)
{
    (void)sender_fixture_hello(sender, "shop", 1, 1000);
    cr_assert_eq(fill_lane(sender, outbox, 1000), 8);
    done(sender, 1, 8, 1000);
    cr_assert_eq(fill_lane(sender, outbox, 1000), 8);
    done(sender, 9, 8, 1100);
}

Test(sender_window, a_lane_that_answers_quickly_has_a_wider_one)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    sender_t *sender = open_quick(&answers, outbox);
    (void)sender_fixture_hello(sender, "shop", 1, 1000);
    cr_assert_eq(fill_lane(sender, outbox, 1000), 8);
    /* 8 answers since there has been a clock are slow; 7 in 100 ms are too, and 8 are not. */
    done(sender, 1, 8, 1000);
    cr_assert_eq(fill_lane(sender, outbox, 1000), 8);
    done(sender, 9, 7, 1100);
    cr_assert_eq(fill_lane(sender, outbox, 1100), 8);
    done(sender, 16, 7, 1199);
    cr_assert_eq(fill_lane(sender, outbox, 1199), 8, "judged before 100 ms were over");
    done(sender, 23, 1, 1200);
    cr_assert_eq(fill_lane(sender, outbox, 1200), 16);
    /* It slows down: what it holds is answered, and no more than its own window after it. */
    done(sender, 24, 16, 2200);
    cr_assert_eq(fill_lane(sender, outbox, 2200), 8);
    done(sender, 40, 8, 2300);
    cr_assert_eq(fill_lane(sender, outbox, 2300), 16);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}

Test(sender_window, answers_that_tell_of_no_effect_earn_nothing)
{
    static const uint8_t said[] = {OUTCOME_DUPLICATE, OUTCOME_RETRY, OUTCOME_REJECT, OUTCOME_DOWN,
                                   OUTCOME_NOT_STARTED};
    for (size_t i = 0; i < sizeof said; i++) {
        struct answers answers = {0};
        outbox_t *outbox = outbox_new();
        sender_t *sender = open_quick(&answers, outbox);
        make_quick(sender, outbox);
        cr_assert_eq(fill_lane(sender, outbox, 1100), 16);
        const struct sender_fixture_run run = {.counter = 17, .count = 16, .said = said[i]};
        sender_fixture_outcomes_at(sender, run, 1200);
        cr_assert_eq(sender_outstanding(sender), 0);
        cr_assert_eq(fill_lane(sender, outbox, 1200), 8, "outcome %u", said[i]);
        sender_destroy(&sender);
        outbox_destroy(&outbox);
    }
}

/* What ends the wider one; all that is out is answered or given up by then. */
static void
rest_a_second(sender_t *sender, outbox_t *outbox)
{
    (void)outbox; /* nothing leaves meanwhile */
    sender_expire(sender, 2101);
}

/* One is never answered, 17, and its lease ends 3 s later; the others come quickly at the end. */
static void
hang(sender_t *sender, outbox_t *outbox)
{
    cr_assert_eq(fill_lane(sender, outbox, 1100), 16);
    done(sender, 18, 15, 3900);
    cr_assert_eq(fill_lane(sender, outbox, 3900), 8);
    done(sender, 33, 7, 3950);
    cr_assert_eq(fill_lane(sender, outbox, 3950), 8);
    done(sender, 40, 7, 4000);
    cr_assert_eq(fill_lane(sender, outbox, 4000), 16);
    done(sender, 47, 15, 4001);
    sender_expire(sender, 4100);
    cr_assert_eq(sender_paused(sender), 1);
    (void)sender_fixture_hello(sender, "shop", 1, 4100);
}

static void
start_again(sender_t *sender, outbox_t *outbox)
{
    (void)outbox; /* nothing leaves meanwhile */
    (void)sender_fixture_hello(sender, "shop", 2, 1101);
}

static void
share(sender_t *sender, outbox_t *outbox)
{
    (void)outbox; /* nothing leaves meanwhile */
    struct wire_welcome welcome;
    struct wire_hello second = {.party = WIRE_PARTY_CONSUMER,
                                .group = sender_fixture_text("shop"),
                                .name = sender_fixture_text("node-2"),
                                .nonce = 7};
    sender_hello(sender, &second, 1101, &welcome);
    cr_assert_eq(welcome.status, WIRE_OK);
}

static void
hurry(sender_t *sender, outbox_t *outbox)
{
    struct sender_offer offer = sender_fixture_offer("shop", 0);
    offer.item.lease_ms = 1999;
    cr_assert(sender_send(sender, &offer, 0, 1100));
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    done(sender, 17, 1, 1100);
}

Test(sender_window, the_wider_one_ends_with_what_it_was_earned_by)
{
    static const struct {
        const char *name;
        void (*happens)(sender_t *sender, outbox_t *outbox);
    } ends[] = {
        {"a second without answers", rest_a_second},
        {"a lease that ended", hang},
        {"another process of the name", start_again},
        {"a second consumer", share},
        {"a short lease", hurry},
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct answers answers = {0};
        outbox_t *outbox = outbox_new();
        sender_t *sender = open_quick(&answers, outbox);
        make_quick(sender, outbox);
        ends[i].happens(sender, outbox);
        cr_assert_eq(sender_outstanding(sender), 0);
        cr_assert_eq(fill_lane(sender, outbox, 1102), 8, "%s", ends[i].name);
        sender_destroy(&sender);
        outbox_destroy(&outbox);
    }
}

#define LANES 64U
#define WINDOW 1024U
#define QUICK_LANES 20U

static const char *
group_of(uint32_t lane)
{
    static char name[8];
    (void)snprintf(name, sizeof name, "shop-%u", lane); /* fits */
    return name;
}

static uint32_t
fill_group(sender_t *sender, outbox_t *outbox, uint32_t lane)
{
    uint32_t count = 0;
    const struct sender_offer offer = sender_fixture_offer(group_of(lane), 0);
    while (sender_send(sender, &offer, 0, 1000)) {
        count++;
    }
    sender_flush(sender, 0);
    sender_fixture_leave(outbox, 0);
    return count;
}

Test(sender_window, however_many_lanes_are_quick_each_has_its_own_window)
{
    struct answers answers = {0};
    outbox_t *outbox = outbox_new();
    struct sender_settings settings = {.log = LOG_PRODUCER,
                                       .run = 1,
                                       .lane_count = LANES,
                                       .window = WINDOW,
                                       .quick_window = 2 * WINDOW,
                                       .lease_ms = 10000,
                                       .service = "producer",
                                       .answered = sender_fixture_answered,
                                       .owner = &answers};
    sender_t *sender = sender_fixture_open_with(&settings, outbox);
    struct sender_fixture_run run = {.counter = 1, .count = WINDOW, .said = OUTCOME_DONE};
    for (uint32_t i = 0; i < LANES; i++) {
        cr_assert_eq(sender_fixture_hello(sender, group_of(i), i + 1, 1000), i);
    }
    for (run.lane = 0; run.lane < QUICK_LANES; run.lane++) {
        for (int64_t now_ms = 1000; now_ms <= 1100; now_ms += 100) {
            cr_assert_eq(fill_group(sender, outbox, run.lane), WINDOW);
            sender_fixture_outcomes_at(sender, run, now_ms);
            run.counter += WINDOW;
        }
    }
    cr_assert_eq(sender_outstanding(sender), 0);
    for (uint32_t i = 0; i < LANES; i++) {
        bool quick = i < SENDER_QUICK_MAX / (2 * WINDOW);
        cr_assert_eq(fill_group(sender, outbox, i), quick ? 2 * WINDOW : WINDOW, "lane %u", i);
    }
    cr_assert_eq(sender_outstanding(sender), SENDER_QUICK_MAX + 48 * WINDOW);
    sender_destroy(&sender);
    outbox_destroy(&outbox);
}
