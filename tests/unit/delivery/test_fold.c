#include "delivery/fold.h"

#include <criterion/criterion.h>
#include <string.h>

/* One record of a delivery's history, in the log that holds it. */
struct entry {
    enum log_id log;
    uint64_t position; /* in that log */
    uint8_t kind;
    uint32_t turn;
    uint8_t to;       /* MOVED, TAKEN */
    uint8_t what;     /* cause, end or order */
    uint16_t attempt; /* or attempts */
    bool fenced;      /* CASE */
};

/* A long life: attempts in every service, a cancel, a case, a replay, and every end at last. No
 * delivery has all of it, but any part of it must fold alike in any order. */
static const struct entry history[] = {
    {.log = LOG_PRODUCER, .position = 10, .kind = RECORD_NOTIFICATION, .turn = 1},
    {.log = LOG_PRODUCER, .position = 12, .kind = RECORD_FAILED, .turn = 1, .attempt = 1},
    {.log = LOG_PRODUCER, .position = 14, .kind = RECORD_MOVED, .turn = 2, .to = 1, .attempt = 1},
    {.log = LOG_SCHEDULER, .position = 3, .kind = RECORD_TAKEN, .turn = 2, .to = 1, .attempt = 1},
    {.log = LOG_SCHEDULER, .position = 5, .kind = RECORD_FAILED, .turn = 2, .attempt = 2},
    {.log = LOG_SCHEDULER,
     .position = 7,
     .kind = RECORD_MOVED,
     .turn = 3,
     .to = 2,
     .what = OUTCOME_CANCEL,
     .attempt = 2},
    {.log = LOG_COMPENSATOR,
     .position = 2,
     .kind = RECORD_TAKEN,
     .turn = 3,
     .to = 2,
     .what = OUTCOME_CANCEL,
     .attempt = 2},
    {.log = LOG_COMPENSATOR, .position = 4, .kind = RECORD_FAILED, .turn = 3, .attempt = 3},
    {.log = LOG_COMPENSATOR, .position = 5, .kind = RECORD_CASE, .turn = 3, .attempt = 3},
    {.log = LOG_COMPENSATOR, .position = 6, .kind = RECORD_FAILED, .turn = 3, .attempt = 4},
    {.log = LOG_PRODUCER, .position = 20, .kind = RECORD_ORDER, .turn = 3, .what = ORDER_CANCEL},
    {.log = LOG_COMPENSATOR, .position = 7, .kind = RECORD_FENCED, .turn = 3},
    {.log = LOG_COMPENSATOR, .position = 8, .kind = RECORD_CLOSED, .turn = 3, .what = END_UNDONE},
    {.log = LOG_COMPENSATOR, .position = 9, .kind = RECORD_MOVED, .turn = 4, .to = 1},
    {.log = LOG_SCHEDULER, .position = 30, .kind = RECORD_TAKEN, .turn = 4, .to = 1},
    {.log = LOG_SCHEDULER, .position = 33, .kind = RECORD_DONE, .turn = 4},
    {.log = LOG_PRODUCER, .position = 40, .kind = RECORD_EVIDENCE, .turn = 1},
    {.log = LOG_PRODUCER, .position = 41, .kind = RECORD_ENDED, .turn = 4, .what = END_CANCELLED},
    {.log = LOG_PRODUCER,
     .position = 42,
     .kind = RECORD_ENDED,
     .turn = 5,
     .to = LOG_COMPENSATOR + 1,
     .what = END_RESOLVED},
    {.log = LOG_COMPENSATOR,
     .position = 1,
     .kind = RECORD_CASE,
     .turn = 2,
     .attempt = 1,
     .fenced = true},
};

#define ENTRIES (sizeof history / sizeof *history - 1) /* the last is for a test of its own */
#define SET_MAX 5

static void
fold_entry(struct fold *fold, const struct entry *entry)
{
    struct record_custody custody = {
        .turn = entry->turn, .to = entry->to, .cause = entry->what, .attempts = entry->attempt};
    struct record_case opened = {.custody = custody, .fenced = entry->fenced};
    struct record_event event = {
        .kind = entry->kind, .turn = entry->turn, .end = entry->what, .attempt = entry->attempt};
    event.order = entry->what;
    event.custodian = entry->kind == RECORD_ENDED ? entry->to : 0;
    switch (entry->kind) {
    case RECORD_NOTIFICATION:
        fold_accept(fold, entry->position);
        break;
    case RECORD_MOVED:
    case RECORD_TAKEN:
        fold_custody(fold, entry->log, entry->position, entry->kind, &custody);
        break;
    case RECORD_CASE:
        fold_case(fold, entry->position, &opened);
        break;
    default:
        fold_event(fold, entry->log, entry->position, &event);
        break;
    }
}

/* Whether the record is the custodian's own in its turn, or only says who that is. */
static bool
own(const struct entry *entry)
{
    return entry->kind == RECORD_NOTIFICATION || entry->kind == RECORD_TAKEN ||
           entry->kind == RECORD_FAILED || entry->kind == RECORD_CASE;
}

/* What the design says of these records, without going through them one by one: maxima. */
static struct fold
by_the_book(const struct entry *const *set, size_t count)
{
    struct fold fold = {0};
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = set[i];
        uint8_t end = entry->kind == RECORD_DONE || entry->kind == RECORD_EVIDENCE  ? END_DONE
                      : entry->kind == RECORD_CLOSED || entry->kind == RECORD_ENDED ? entry->what
                                                                                    : END_NONE;
        bool custody = entry->kind == RECORD_MOVED || entry->kind == RECORD_TAKEN;
        fold.end = end != END_NONE && (fold.end == END_NONE || end < fold.end) ? end : fold.end;
        fold.fenced = fold.fenced || entry->kind == RECORD_FENCED || entry->fenced;
        bool moved = custody && entry->what == OUTCOME_CANCEL;
        bool asked = entry->kind == RECORD_ORDER && entry->what == ORDER_CANCEL;
        uint32_t asked_in = moved ? entry->turn - 1 : asked ? entry->turn : 0;
        fold.cancel_turn = asked_in > fold.cancel_turn ? asked_in : fold.cancel_turn;
        if ((own(entry) || custody) && entry->turn > fold.turn) {
            fold.turn = entry->turn;
            fold.custodian = custody ? entry->to : (uint8_t)entry->log;
        }
        if (entry->kind == RECORD_ENDED && entry->to != 0 && entry->turn > fold.turn) {
            fold.turn = entry->turn;
            fold.custodian = (uint8_t)(entry->to - 1);
        }
    }
    fold.broken = fold.end == END_DONE && fold.fenced;
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = set[i];
        if (entry->turn == fold.turn && own(entry) && entry->position > fold.latest) {
            fold.latest = entry->position;
            fold.taken = true;
            fold.attempts = entry->attempt;
        }
        fold.is_case = fold.is_case || (entry->turn == fold.turn && entry->kind == RECORD_CASE);
    }
    for (size_t i = 0; i < count && !fold.taken; i++) {
        if (set[i]->turn == fold.turn && set[i]->kind == RECORD_MOVED) {
            fold.attempts = set[i]->attempt;
        }
    }
    return fold;
}

static bool
same(const struct fold *a, const struct fold *b)
{
    return a->latest == b->latest && a->turn == b->turn && a->attempts == b->attempts &&
           a->custodian == b->custodian && a->end == b->end && a->taken == b->taken &&
           a->is_case == b->is_case && a->cancel_turn == b->cancel_turn && a->fenced == b->fenced &&
           a->broken == b->broken;
}

/* Fold in the order that `set` is in; every other order by recursion. */
static void
assert_every_order(const struct entry **set, size_t fixed, size_t count, const struct fold *wanted)
{
    if (fixed == count) {
        struct fold fold = {0};
        for (size_t i = 0; i < count; i++) {
            fold_entry(&fold, set[i]);
        }
        /* Not one assertion each: there are a million, and Criterion reports every one. */
        if (!same(&fold, wanted)) {
            cr_assert_fail("kinds %u %u %u %u %u fold otherwise in this order", set[0]->kind,
                           count > 1 ? set[1]->kind : 0U, count > 2 ? set[2]->kind : 0U,
                           count > 3 ? set[3]->kind : 0U, count > 4 ? set[4]->kind : 0U);
        }
        return;
    }
    for (size_t i = fixed; i < count; i++) {
        const struct entry *swap = set[fixed];
        set[fixed] = set[i];
        set[i] = swap;
        assert_every_order(set, fixed + 1, count, wanted);
        set[i] = set[fixed];
        set[fixed] = swap;
    }
}

static size_t
chosen(uint32_t bits, const struct entry **set)
{
    size_t count = 0;
    for (size_t i = 0; i < ENTRIES; i++) {
        if ((bits >> i & 1) != 0) {
            set[count++] = &history[i];
        }
    }
    return count;
}

Test(fold, every_order_of_every_small_set_of_records_gives_what_the_design_says)
{
    size_t sets = 0;
    for (uint32_t bits = 1; bits < UINT32_C(1) << ENTRIES; bits++) {
        if (__builtin_popcount(bits) > SET_MAX) {
            continue;
        }
        const struct entry *set[ENTRIES];
        size_t count = chosen(bits, set);
        struct fold wanted = by_the_book(set, count);
        assert_every_order(set, 0, count, &wanted);
        sets++;
    }
    cr_assert_eq(sets, 19 + 171 + 969 + 3876 + 11628);
}

static struct fold
fold_of(uint32_t bits)
{
    struct fold fold = {0};
    for (size_t i = 0; i < ENTRIES; i++) {
        if ((bits >> i & 1) != 0) {
            fold_entry(&fold, &history[i]);
        }
    }
    return fold;
}

static struct fold
merged(struct fold a, struct fold b)
{
    fold_merge(&a, &b);
    return a;
}

/* Any two parts, overlapping or not. */
Test(fold, merging_two_folds_is_folding_the_records_of_both)
{
    uint64_t random = 1;
    for (int i = 0; i < 2000000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t a = (uint32_t)(random >> 20) & ((UINT32_C(1) << ENTRIES) - 1);
        uint32_t b = (uint32_t)(random >> 44) & ((UINT32_C(1) << ENTRIES) - 1);
        struct fold whole = fold_of(a | b);
        struct fold both = merged(fold_of(a), fold_of(b));
        struct fold other_way = merged(fold_of(b), fold_of(a));
        if (!same(&whole, &both) || !same(&whole, &other_way)) {
            cr_assert_fail("sets %05x and %05x", a, b);
        }
    }
}

Test(fold, merging_is_associative_and_idempotent)
{
    for (uint32_t i = 0; i < 300000; i++) {
        uint32_t mask = (UINT32_C(1) << ENTRIES) - 1;
        struct fold a = fold_of(i * 2654435761U >> 7 & mask);
        struct fold b = fold_of(i * 2246822519U >> 9 & mask);
        struct fold c = fold_of(i * 3266489917U >> 5 & mask);
        struct fold left = merged(merged(a, b), c);
        struct fold right = merged(a, merged(b, c));
        struct fold twice = merged(left, left);
        struct fold again = merged(left, b);
        if (!same(&left, &right) || !same(&left, &twice) || !same(&left, &again)) {
            cr_assert_fail("at %u", i);
        }
    }
}

Test(fold, done_wins_over_every_other_end)
{
    for (uint8_t end = END_UNDONE; end < END_COUNT; end++) {
        for (int first = 0; first < 2; first++) {
            struct fold fold = {0};
            struct record_event done = {.kind = RECORD_EVIDENCE};
            struct record_event closed = {.kind = RECORD_CLOSED, .end = end};
            fold_event(&fold, LOG_PRODUCER, 5, first == 0 ? &done : &closed);
            fold_event(&fold, LOG_COMPENSATOR, 7, first == 0 ? &closed : &done);
            cr_assert_eq(fold.end, END_DONE);
            cr_assert(!fold.broken);
        }
    }
}

Test(fold, done_together_with_a_fence_is_a_broken_receiver)
{
    struct fold done = {0};
    struct fold fenced = {0};
    struct record_event event = {.kind = RECORD_DONE};
    fold_event(&done, LOG_SCHEDULER, 5, &event);
    event.kind = RECORD_FENCED;
    fold_event(&fenced, LOG_COMPENSATOR, 6, &event);
    cr_assert(!done.broken && !fenced.broken);
    fold_merge(&done, &fenced);
    cr_assert(done.broken);
    struct fold fold = {0};
    fold_entry(&fold, &history[ENTRIES]); /* a case that says that it is fenced */
    event.kind = RECORD_EVIDENCE;
    fold_event(&fold, LOG_PRODUCER, 9, &event);
    cr_assert(fold.broken);
}

Test(fold, the_highest_turn_counts_and_an_older_one_says_nothing_any_more)
{
    struct fold fold = {0};
    fold_entry(&fold, &history[13]); /* MOVED, turn 4 */
    struct fold before = fold;
    for (size_t i = 0; i < 10; i++) {
        fold_entry(&fold, &history[i]);
    }
    before.cancel_turn = 2; /* when somebody asked stays true in every turn */
    cr_assert(same(&fold, &before));
    cr_assert_eq(fold.turn, 4);
    cr_assert_eq(fold.custodian, LOG_SCHEDULER);
    cr_assert(!fold.taken && !fold.is_case);
}

/* The turns that two lives can take: rejected at first, or by way of the schedule. */
Test(fold, the_turn_of_the_newest_replay_follows_from_turn_and_custodian)
{
    static const struct {
        uint32_t turn;
        uint8_t custodian;
        uint32_t replayed;
    } lives[] = {
        {1, LOG_PRODUCER, 0},    {2, LOG_SCHEDULER, 0},   {3, LOG_COMPENSATOR, 0},
        {4, LOG_SCHEDULER, 4},   {5, LOG_COMPENSATOR, 4}, {6, LOG_SCHEDULER, 6},
        {7, LOG_COMPENSATOR, 6}, {2, LOG_COMPENSATOR, 0}, {3, LOG_SCHEDULER, 3},
        {4, LOG_COMPENSATOR, 3}, {5, LOG_SCHEDULER, 5},   {6, LOG_COMPENSATOR, 5},
        {0, LOG_PRODUCER, 0},
    };
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        cr_assert_eq(fold_replay_turn(lives[i].turn, lives[i].custodian), lives[i].replayed,
                     "turn %u with %u", lives[i].turn, lives[i].custodian);
    }
}

Test(fold, a_replay_voids_the_cancels_of_earlier_turns_and_no_other)
{
    cr_assert_not(fold_cancel_stands(0, 1, LOG_PRODUCER), "none was asked");
    cr_assert_not(fold_cancel_stands(0, 4, LOG_SCHEDULER));
    cr_assert(fold_cancel_stands(1, 1, LOG_PRODUCER));
    cr_assert(fold_cancel_stands(1, 2, LOG_SCHEDULER));
    cr_assert(fold_cancel_stands(1, 2, LOG_COMPENSATOR));
    cr_assert(fold_cancel_stands(2, 3, LOG_COMPENSATOR));
    for (uint32_t asked = 1; asked <= 3; asked++) {
        cr_assert_not(fold_cancel_stands(asked, 4, LOG_SCHEDULER), "asked in %u", asked);
        cr_assert_not(fold_cancel_stands(asked, 5, LOG_COMPENSATOR), "asked in %u", asked);
    }
    cr_assert(fold_cancel_stands(4, 4, LOG_SCHEDULER));
    cr_assert(fold_cancel_stands(4, 5, LOG_COMPENSATOR));
    cr_assert(fold_cancel_stands(5, 5, LOG_COMPENSATOR));
    cr_assert_not(fold_cancel_stands(5, 6, LOG_SCHEDULER), "replayed once more");
}

Test(fold, a_fold_is_small)
{
    cr_assert_leq(sizeof(struct fold), 24);
}

/* What only a broken or a newer service would write. */
Test(fold, records_of_who_has_no_say_change_nothing)
{
    struct fold fold = {0};
    fold_accept(&fold, 10);
    struct record_custody moved = {.turn = 2, .to = LOG_SCHEDULER, .attempts = 1};
    fold_custody(&fold, LOG_PRODUCER, 12, RECORD_MOVED, &moved);
    struct fold before = fold;
    fold_custody(&fold, LOG_COMPENSATOR, 90, RECORD_TAKEN, &moved); /* it was not given this */
    struct record_event event = {.kind = RECORD_ORDER, .turn = 2, .order = ORDER_NOTE};
    fold_event(&fold, LOG_PRODUCER, 91, &event);
    event = (struct record_event){.kind = RECORD_NOTIFICATION, .turn = 2};
    fold_event(&fold, LOG_PRODUCER, 92, &event);
    event = (struct record_event){.kind = RECORD_FAILED, .turn = 2, .attempt = 9};
    fold_event(&fold, LOG_PRODUCER, 93, &event); /* not the custodian */
    cr_assert_eq(memcmp(&fold, &before, sizeof fold), 0);
    event.attempt = 2;
    fold_event(&fold, LOG_SCHEDULER, 20, &event);
    event.attempt = 1;
    fold_event(&fold, LOG_SCHEDULER, 19, &event); /* read later, written before */
    cr_assert_eq(fold.attempts, 2);
}

Test(fold, a_union_of_moves_that_nobody_has_taken_keeps_the_most_attempts)
{
    for (unsigned order = 0; order < 2; order++) {
        struct fold few = {.turn = 2, .custodian = LOG_SCHEDULER, .attempts = 1};
        struct fold many = {.turn = 2, .custodian = LOG_SCHEDULER, .attempts = 3};
        struct fold taken = {
            .turn = 2, .custodian = LOG_SCHEDULER, .attempts = 2, .latest = 5, .taken = true};
        struct fold *into = order == 0 ? &few : &many;
        fold_merge(into, order == 0 ? &many : &few);
        cr_assert_eq(into->attempts, 3);
        fold_merge(into, &taken);
        cr_assert_eq(into->attempts, 2);
        fold_merge(into, &many);
        cr_assert_eq(into->attempts, 2, "what was taken is not taken back");
    }
}
