/* Any policy and any duration: what is accepted keeps the limits, and a schedule ends. */
#include "fuzz.h"

#include "base/check.h"
#include "delivery/policy.h"

#include <string.h>

static void
check_policy(const struct policy *policy)
{
    CHECK(policy->delay_count <= LIMIT_POLICY_DELAYS && policy->jitter_permille <= 500);
    CHECK(policy_attempts(policy) == policy->delay_count + 1);
    int64_t window = 0;
    int64_t longest = policy_longest_ms(policy);
    for (uint16_t i = 0; i < policy->delay_count; i++) {
        int64_t delay = policy->delays_ms[i];
        CHECK(delay >= 0 && delay <= LIMIT_POLICY_DELAY_MS);
        window += delay;
        for (int shift = 0; shift < 64; shift += 7) {
            int64_t jittered = policy_delay_ms(policy, (uint16_t)(i + 1), UINT64_MAX >> shift);
            CHECK(jittered >= 0 && jittered <= longest);
            CHECK(policy->jitter_permille != 0 || jittered == delay);
        }
    }
    CHECK(policy_window_ms(policy) == window);
    CHECK(policy_delay_ms(policy, policy_attempts(policy), 0) == -1);
    CHECK(policy_delay_ms(policy, UINT16_MAX, 0) == -1);
}

static void
check_duration(const char *text, size_t size)
{
    int64_t ms = 0;
    int64_t again = 0;
    char said[POLICY_DURATION_SIZE];
    struct why why = {{0}};
    if (policy_duration_parse(text, size, &ms, &why) == ERR_OK) {
        CHECK(ms >= 0);
        (void)policy_duration_text(ms, said);
        CHECK(policy_duration_parse(said, strlen(said), &again, &why) == ERR_OK && again == ms);
    } else {
        CHECK(why.text[0] != '\0');
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct policy policy;
    struct why why = {{0}};
    if (policy_parse(&policy, text, size, &why) == ERR_OK) {
        check_policy(&policy);
    } else {
        CHECK(why.text[0] != '\0');
    }
    check_duration(text, size);
    return 0;
}
