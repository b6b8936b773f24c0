#include "delivery/absence.h"

#include "delivery/record_terms.h"

#include <criterion/criterion.h>

#define LIMIT_MS 600000

/* The clock of these tests begins somewhere, not at 0. */
static const int64_t start_ms = 5000;

Test(absence, who_answers_in_time_is_not_absent)
{
    struct absence absence = {0};
    for (int64_t now = start_ms; now < start_ms + 10 * LIMIT_MS; now += 1000) {
        absence_waits(&absence, now, now);
        cr_assert_not(absence_due(&absence, now, LIMIT_MS));
        if (now % 300000 == 0) {
            absence_answered(&absence);
        }
    }
}

Test(absence, it_is_told_once_until_there_was_an_answer)
{
    struct absence absence = {0};
    uint32_t told = 0;
    for (int64_t now = start_ms; now <= start_ms + 5 * LIMIT_MS; now += 1000) {
        absence_waits(&absence, now, now);
        bool due = absence_due(&absence, now, LIMIT_MS);
        cr_assert_eq(due, now == start_ms + LIMIT_MS, "at %lld", (long long)now);
        told += due;
    }
    cr_assert_eq(told, 1);
    int64_t now = start_ms + 6 * LIMIT_MS;
    absence_answered(&absence);
    absence_waits(&absence, now, now);
    absence_waits(&absence, now + LIMIT_MS, now + LIMIT_MS);
    cr_assert(absence_due(&absence, now + LIMIT_MS, LIMIT_MS), "absent again");
}

Test(absence, what_waits_for_a_known_time_is_not_forgotten_before_it)
{
    struct absence absence = {0};
    absence_waits(&absence, start_ms, start_ms + 3600000); /* it said: not before an hour */
    cr_assert_not(absence_due(&absence, start_ms + LIMIT_MS - 1, LIMIT_MS));
    cr_assert(absence_due(&absence, start_ms + LIMIT_MS, LIMIT_MS));
}

Test(absence, what_waits_no_more_is_forgotten)
{
    struct absence absence = {0};
    absence_waits(&absence, start_ms, start_ms);
    cr_assert_not(absence_due(&absence, start_ms + ABSENCE_FORGOTTEN_MS, LIMIT_MS));
    absence_waits(&absence, start_ms + LIMIT_MS, start_ms + LIMIT_MS);
    cr_assert_not(absence_due(&absence, start_ms + LIMIT_MS, LIMIT_MS), "it has only begun");
}

Test(absence, an_answer_is_whatever_shows_that_the_delivery_was_looked_at)
{
    static const bool answers[] = {
        [OUTCOME_DONE] = true,   [OUTCOME_DUPLICATE] = true, [OUTCOME_RETRY] = true,
        [OUTCOME_REJECT] = true, [OUTCOME_WORKING] = true,   [OUTCOME_FENCED] = true,
        [OUTCOME_UNDONE] = true, [OUTCOME_LOST] = false,
    };
    for (uint8_t outcome = 0; outcome < sizeof answers; outcome++) {
        cr_assert_eq(absence_is_answer(outcome), answers[outcome], "outcome %u", outcome);
    }
}
