#include "delivery/policy.h"

#include <criterion/criterion.h>
#include <string.h>

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)

static struct policy
parsed(const char *text)
{
    struct policy policy;
    struct why why = {{0}};
    cr_assert_eq(policy_parse(&policy, text, strlen(text), &why), ERR_OK, "%s: %s", text, why.text);
    return policy;
}

struct table {
    const char *name;
    uint16_t count;
    int64_t delays[LIMIT_POLICY_DELAYS];
};

static const struct table tables[] = {
    {"default", 3, {1 * S, 2 * S, 4 * S}},
    {"textbook", 3, {1 * S, 2 * S, 4 * S}},
    {"alipay", 7, {4 * M, 10 * M, 10 * M, 1 * H, 2 * H, 6 * H, 15 * H}},
    {"wechatpay",
     15,
     {15 * S, 15 * S, 30 * S, 3 * M, 10 * M, 20 * M, 30 * M, 30 * M, 30 * M, 60 * M, 3 * H, 3 * H,
      3 * H, 6 * H, 6 * H}},
    {"rocketmq",
     16,
     {10 * S, 30 * S, 1 * M, 2 * M, 3 * M, 4 * M, 5 * M, 6 * M, 7 * M, 8 * M, 9 * M, 10 * M, 20 * M,
      30 * M, 1 * H, 2 * H}},
    {"standard-webhooks", 9, {5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H}},
};

Test(policy, every_preset_is_its_published_table)
{
    size_t count = 0;
    for (const struct policy_preset *preset = policy_presets(); preset->name != NULL; preset++) {
        cr_assert_str_eq(preset->name, tables[count].name);
        struct policy policy = parsed(preset->name);
        cr_assert_eq(policy.delay_count, tables[count].count, "%s", preset->name);
        cr_assert_eq(policy_attempts(&policy), policy.delay_count + 1);
        cr_assert_eq(policy.jitter_permille, 0);
        for (uint16_t i = 0; i < policy.delay_count; i++) {
            cr_assert_eq(policy_delay_ms(&policy, (uint16_t)(i + 1), 12345),
                         tables[count].delays[i], "%s, delay %u", preset->name, i + 1U);
        }
        count++;
    }
    cr_assert_eq(count, sizeof tables / sizeof *tables);
}

Test(policy, a_schedule_ends_after_its_last_delay)
{
    struct policy policy = parsed("1s,2s,4s");
    cr_assert_eq(policy_delay_ms(&policy, 0, 0), -1);
    cr_assert_eq(policy_delay_ms(&policy, 3, 0), 4 * S);
    cr_assert_eq(policy_delay_ms(&policy, 4, 0), -1);
    cr_assert_eq(policy_delay_ms(&policy, UINT16_MAX, 0), -1);
    cr_assert_eq(policy_window_ms(&policy), 7 * S);
    cr_assert_eq(policy_longest_ms(&policy), 4 * S);
    policy = parsed("none");
    cr_assert_eq(policy_attempts(&policy), 1);
    cr_assert_eq(policy_delay_ms(&policy, 1, 0), -1);
    cr_assert_eq(policy_longest_ms(&policy), 0);
}

Test(policy, exponential_grows_to_its_cap)
{
    struct policy policy = parsed("exponential first=1s factor=2 cap=10s attempts=7");
    static const int64_t wanted[] = {1 * S, 2 * S, 4 * S, 8 * S, 10 * S, 10 * S};
    cr_assert_eq(policy_attempts(&policy), 7);
    for (uint16_t i = 0; i < 6; i++) {
        cr_assert_eq(policy.delays_ms[i], wanted[i], "delay %u", i + 1U);
    }
    cr_assert(!policy.uncapped);
    policy = parsed("exponential first=100ms factor=1.5 attempts=4");
    cr_assert_eq(policy.delays_ms[1], 150);
    cr_assert_eq(policy.delays_ms[2], 225);
    cr_assert(policy.uncapped);
    policy = parsed("exponential");
    cr_assert_eq(policy_attempts(&policy), 4);
    cr_assert_eq(policy_window_ms(&policy), 7 * S);
    policy = parsed("exponential first=7d factor=10 attempts=33");
    cr_assert_eq(policy.delays_ms[31], LIMIT_POLICY_DELAY_MS, "never beyond the limit");
    policy = parsed("exponential attempts=1");
    cr_assert_eq(policy_delay_ms(&policy, 1, 0), -1);
}

Test(policy, jitter_stays_within_its_bounds_and_reaches_both)
{
    struct policy policy = parsed("10s,1ms jitter=0.1");
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (uint64_t random = 0; random < 20000; random++) {
        int64_t delay = policy_delay_ms(&policy, 1, random * UINT64_C(0x9e3779b97f4a7c15));
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
        cr_assert_eq(policy_delay_ms(&policy, 2, random), 1);
    }
    cr_assert(least >= 9 * S && least < 9 * S + 10, "%lld", (long long)least);
    cr_assert(most <= 11 * S && most > 11 * S - 10, "%lld", (long long)most);
    cr_assert_eq(policy_delay_ms(&policy, 1, 0), 9 * S);
    cr_assert_eq(policy_delay_ms(&policy, 1, 2000), 11 * S);
    cr_assert_eq(policy_longest_ms(&policy), 11 * S);
    cr_assert_eq(policy_window_ms(&policy), 10 * S + 1);
    policy = parsed("wechatpay jitter=0.5");
    cr_assert_eq(policy.jitter_permille, 500);
    policy = parsed("exponential jitter=0.25 first=8s attempts=2");
    cr_assert_eq(policy_delay_ms(&policy, 1, 0), 6 * S);
}

Test(policy, what_makes_no_sense_is_refused_with_its_reason)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "is empty"},
        {" 1s", "is empty"},
        {"1s,,2s", "delay"},
        {"1", "duration"},
        {"1s,soon", "duration"},
        {"1x", "duration"},
        {"-1s", "duration"},
        {"s", "is neither a preset (default, textbook, "},
        {"0s", "1ms to 7d"},
        {"8d", "1ms to 7d"},
        {"1s jitter=0.6", "0 to 0.5"},
        {"1s jitter=", "0 to 0.5"},
        {"1s jitter=0.1x", "0 to 0.5"},
        {"1s factor=2", "not known"},
        {"1s what", "not known"},
        {"exponential first=0s", "1ms to 7d"},
        {"exponential cap=8d", "1ms to 7d"},
        {"exponential factor=0.5", "1 to 10"},
        {"exponential factor=11", "1 to 10"},
        {"exponential attempts=0", "1 to 33"},
        {"exponential attempts=34", "1 to 33"},
        {"exponential attempts=2.5", "1 to 33"},
        {"exponential first", "duration"},
        {"exponential nonsense=1", "not known"},
        {"Default", "standard-webhooks, none), nor exponential, nor a list of durations"},
        {"1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,"
         "1s,"
         "1s,1s,1s",
         "more than 32"},
        {"99999999999999999999s", "duration"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct policy policy;
        struct why why = {{0}};
        err_t rc = policy_parse(&policy, cases[i].text, strlen(cases[i].text), &why);
        cr_assert_eq(rc, ERR_INVALID, "\"%s\"", cases[i].text);
        cr_assert_not_null(strstr(why.text, cases[i].reason), "\"%s\" gives \"%s\"", cases[i].text,
                           why.text);
    }
}

Test(policy, a_text_need_not_be_terminated)
{
    struct policy policy;
    cr_assert_eq(policy_parse(&policy, "1s,2s,garbage", 5, NULL), ERR_OK);
    cr_assert_eq(policy.delay_count, 2);
}

Test(policy, durations_are_read_and_written_the_same)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"250ms", 250}, {"10s", 10 * S},    {"1h30m", 90 * M},
        {"2d", 48 * H}, {"1m500ms", 60500}, {"1d2h3m4s5ms", 26 * H + 3 * M + 4 * S + 5},
    };
    char text[POLICY_DURATION_SIZE];
    int64_t ms = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(policy_duration_parse(cases[i].text, strlen(cases[i].text), &ms, NULL),
                     ERR_OK);
        cr_assert_eq(ms, cases[i].ms, "%s", cases[i].text);
        cr_assert_str_eq(policy_duration_text(ms, text), cases[i].text);
    }
    cr_assert_eq(policy_duration_parse("1.5s", 4, &ms, NULL), ERR_OK);
    cr_assert_eq(ms, 1500);
    cr_assert_str_eq(policy_duration_text(0, text), "0s");
    (void)policy_duration_text(INT64_MAX, text);
    cr_assert_lt(strlen(text), sizeof text);
    for (ms = 1; ms < 400000000; ms = ms * 3 + 7) {
        int64_t again = 0;
        (void)policy_duration_text(ms, text);
        cr_assert_eq(policy_duration_parse(text, strlen(text), &again, NULL), ERR_OK, "%s", text);
        cr_assert_eq(again, ms);
    }
}

Test(policy, a_duration_beyond_all_measure_is_refused)
{
    static const char *const texts[] = {"1h999999999d", "999999999d1ms", "999999999dx",
                                        "999999999d999999999d"};
    int64_t ms = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_assert_eq(policy_duration_parse(texts[i], strlen(texts[i]), &ms, NULL), ERR_INVALID,
                     "%s", texts[i]);
    }
    cr_assert_eq(policy_duration_parse("999999999d", 10, &ms, NULL), ERR_OK);
    cr_assert_eq(ms, INT64_C(999999999) * 24 * H);
}

Test(policy, numbers_of_many_digits_are_cut_or_refused)
{
    struct policy policy = parsed("exponential first=1s factor=1.5 cap=10s attempts=3");
    cr_assert_not(policy.uncapped);
    policy = parsed("exponential first=1s factor=1 attempts=3");
    cr_assert_not(policy.uncapped, "it does not grow");
    policy = parsed("exponential first=1s factor=1.5 attempts=3");
    cr_assert(policy.uncapped);
    static const char *const texts[] = {
        "exponential factor=1.50000 first=1s",
        "exponential factor=1.5x first=1s",
        "exponential jitter=0.1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "exponential nonsensenonsensenonsensenonsensenonsensenonsense=1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct why why = {{0}};
        cr_assert_eq(policy_parse(&policy, texts[i], strlen(texts[i]), &why), ERR_INVALID, "%s",
                     texts[i]);
        cr_assert_lt(strlen(why.text), 120);
    }
}

Test(policy, the_longest_duration_fits)
{
    char text[POLICY_DURATION_SIZE];
    cr_assert_str_eq(policy_duration_text(INT64_MAX, text), "106751991167d7h12m55s807ms");
}
