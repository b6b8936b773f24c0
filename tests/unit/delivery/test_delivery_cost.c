#include "delivery/delivery_cost.h"
#include "delivery/policy.h"
#include "delivery/record_codec.h"

#include <criterion/criterion.h>
#include <string.h>

#define SEGMENT (64ULL * 1024 * 1024)
#define MANY 1000000U /* so many that what is not a delivery's hardly counts */
#define FAR ((UINT64_C(1) << 42) - 1)
#define LONE_MAX (3ULL * SEGMENT)

static char text[LIMIT_REASON_BYTES];

static struct record_text
text_of(size_t size)
{
    memset(text, 'x', sizeof text);
    return (struct record_text){.data = text, .size = size};
}

/* Of a record in a block: kind, size, body. */
static uint64_t
record_bytes(size_t body)
{
    return 1U + (body < 128 ? 1U : body < 16384 ? 2U : 3U) + body;
}

static uint64_t
event(size_t by, size_t reason)
{
    uint8_t body[RECORD_EVENT_MAX];
    struct record_event record = {
        .kind = RECORD_FAILED,
        .key = {.position = FAR, .subscription = LIMIT_SUBSCRIPTIONS},
        .turn = (1U << 14) - 1,
        .outcome = OUTCOME_LEASE,
        .attempt = LIMIT_POLICY_DELAYS + 1,
        .unburnt = 100,
        .at_unix_ms = (int64_t)FAR,
        .due_unix_ms = (int64_t)FAR,
        .by = text_of(by),
        .reason = text_of(reason),
        .previous = FAR,
    };
    return record_bytes(record_event_encode(&record, body));
}

static struct record_custody
custody_of(size_t reason)
{
    return (struct record_custody){
        .key = {.position = FAR, .subscription = LIMIT_SUBSCRIPTIONS},
        .turn = (1U << 14) - 1,
        .to = LOG_COMPENSATOR,
        .cause = OUTCOME_LEASE,
        .attempts = LIMIT_POLICY_DELAYS + 1,
        .unburnt = 100,
        .sent = true,
        .alone = true,
        .at_unix_ms = (int64_t)FAR,
        .due_unix_ms = (int64_t)FAR,
        .first_sent_unix_ms = (int64_t)FAR,
        .reason = text_of(reason),
        .previous = FAR,
        .given = FAR,
        .given_by = LOG_SCHEDULER,
    };
}

static uint64_t
custody(size_t reason)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    struct record_custody record = custody_of(reason);
    return record_bytes(record_custody_encode(&record, body));
}

static uint64_t
opened(size_t encoded_size)
{
    static uint8_t body[RECORD_CASE_MAX];
    static uint8_t encoded[LIMIT_NOTIFICATION_BYTES];
    struct record_case record = {
        .custody = custody_of(LIMIT_REASON_SHORT_BYTES),
        .notification =
            {
                .received_unix_ms = (int64_t)FAR,
                .subscription_count = LIMIT_SUBSCRIPTIONS,
                .encoded = encoded,
                .encoded_size = encoded_size,
            },
    };
    for (unsigned i = 0; i < LIMIT_SUBSCRIPTIONS; i++) {
        record.notification.subscriptions[i] = (uint16_t)(i + 1);
    }
    return record_bytes(record_case_encode(&record, body));
}

static struct delivery_cost
cost_of(uint64_t deliveries, uint16_t attempts, size_t bytes)
{
    struct delivery_load load = {
        .deliveries = deliveries,
        .retries = deliveries * delivery_cost_retries(attempts),
        .bytes = deliveries * bytes,
    };
    return delivery_cost(&load, SEGMENT);
}

Test(delivery_cost, covers_the_longest_way_with_every_field_at_its_largest)
{
    const size_t reason = LIMIT_REASON_SHORT_BYTES;
    uint64_t producer = custody(reason) + 3 * event(0, 0);
    for (uint16_t attempts = 1; attempts <= LIMIT_POLICY_DELAYS + 1; attempts++) {
        for (size_t bytes = 32; bytes <= LIMIT_NOTIFICATION_BYTES; bytes = bytes * 4 - 1) {
            uint64_t others = 2 * custody(reason) + 2 * event(0, 0); /* scheduler */
            others +=
                (attempts - 1U) * event(0, reason); /* the first may burn nothing, or be replayed */
            others += custody(reason) + opened(bytes) + 3 * (event(11, 0) + event(0, reason));
            others += event(LIMIT_NAME_BYTES, reason) + event(0, reason) + 2 * event(0, 0);
            struct delivery_cost cost = cost_of(MANY, attempts, bytes);
            cr_assert_geq(cost.own, MANY * producer);
            cr_assert_geq(cost.others - LONE_MAX - 3 * SEGMENT, MANY * others,
                          "%u attempts, %zu bytes", attempts, bytes);
        }
    }
}

Test(delivery_cost, covers_a_block_for_every_record_of_the_few_and_no_more_of_the_many)
{
    struct delivery_cost none = cost_of(0, 4, 0);
    cr_assert_eq(none.own, 0);
    cr_assert_eq(none.others, 3 * SEGMENT); /* a start's segment in each log */
    struct delivery_cost one = cost_of(1, 4, 300);
    cr_assert_geq(one.others - none.others, 20 * 512);
    cr_assert_lt(one.others - none.others, 32 * 1024);
    struct delivery_cost many = cost_of(MANY, 4, 300);
    struct delivery_cost more = cost_of(2 * MANY, 4, 300);
    cr_assert_eq(more.others - many.others, many.others - LONE_MAX - 3 * SEGMENT);
}

/* OPERATIONS, "Room", says these figures. */
Test(delivery_cost, is_what_the_manual_says_for_five_million_of_the_default_policy)
{
    struct policy policy;
    cr_assert_eq(policy_parse(&policy, "default", 7, NULL), ERR_OK);
    uint16_t attempts = policy_attempts(&policy);
    cr_assert_eq(attempts, 4);
    struct delivery_cost cost = cost_of(5000000, attempts, 320);
    double each = (double)(cost.own + cost.others) / 5e6;
    cr_log_info("5 million: %.2f GB, %.0f bytes each", (double)(cost.own + cost.others) / 1e9,
                each);
    cr_assert_lt(each, 2600);
    cr_assert_gt(each, 2500);
    cr_assert_eq(policy_parse(&policy, "wechatpay", 9, NULL), ERR_OK);
    cost = cost_of(5000000, policy_attempts(&policy), 320);
    each = (double)(cost.own + cost.others) / 5e6;
    cr_assert_lt(each, 3750);
    cr_assert_gt(each, 3500);
}

/* The MOVED is the last one's; the first may be the scheduler's too. */
Test(delivery_cost, every_attempt_but_the_last_leaves_a_record_of_its_own)
{
    cr_assert_eq(delivery_cost_retries(1), 0);
    cr_assert_eq(delivery_cost_retries(2), 1);
    cr_assert_eq(delivery_cost_retries(LIMIT_POLICY_DELAYS + 1), LIMIT_POLICY_DELAYS);
}

Test(delivery_cost, a_weight_follows_from_the_notification_alone)
{
    cr_assert_eq(delivery_cost_weight(320, 0), 320);
    cr_assert_gt(delivery_cost_weight(320, 4), delivery_cost_weight(320, 3));
    cr_assert_geq(delivery_cost_weight(0, 16), 16 * event(0, LIMIT_REASON_SHORT_BYTES));
    cr_assert_lt(delivery_cost_weight(LIMIT_NOTIFICATION_BYTES, LIMIT_POLICY_DELAYS + 1), 1U << 17);
}
