/* Any frames to the compensator, which holds some deliveries, between steps and restarts
 * (fuzz_world.h). */
#include "fuzz_world.h"

#include "compensator_core.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/record_codec.h"
#include "wire/wire_submit.h"

#include <string.h>

#define DELIVERIES 4

static struct record_text
text_of(const char *text)
{
    return (struct record_text){.data = text, .size = strlen(text)};
}

static void
subscribe(log_t *producer, uint16_t id, const char *name, uint8_t compensation)
{
    struct record_subscription record = {
        .id = id,
        .active = true,
        .compensation = compensation,
        .lease_ms = 3000,
        .lease_limit_ms = 9000,
        .name = text_of(name),
        .pattern = text_of("#"),
        .group = text_of("order-system"),
        .policy = text_of("default"),
    };
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    (void)log_append(producer, RECORD_SUBSCRIPTION, body,
                     record_subscription_encode(&record, body));
}

static struct delivery_key
notify(log_t *producer, int number)
{
    char biz_id[] = "pay-1001";
    biz_id[7] = (char)('1' + number);
    struct wire_notification notification = {
        .topic = {.data = "payment.succeeded", .size = 17},
        .biz_id = {.data = biz_id, .size = 8},
        .payload = {.data = (const uint8_t *)"{}", .size = 2},
    };
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_notification_encode(&out, &notification);
    struct record_notification record = {
        .received_unix_ms = FUZZ_WORLD_START_UNIX_MS,
        .hash = {1, 2, 3},
        .subscription_count = 1,
        .subscriptions = {(uint16_t)(1 + number % 2)},
        .encoded = out.data,
        .encoded_size = out.size,
    };
    struct delivery_key key = {.subscription = record.subscriptions[0]};
    uint8_t *body = log_append_space(producer, RECORD_NOTIFICATION,
                                     record_notification_size(&record), &key.position);
    (void)record_notification_encode(&record, body);
    wire_out_fini(&out);
    return key;
}

/* Deliveries of two subscriptions that the producer has given up: for good, and without an
 * answer. */
static void
seed(struct fuzz_world *world)
{
    log_t *producer = world->others[LOG_PRODUCER];
    subscribe(producer, 1, "orders", COMPENSATION_REAPPLY);
    subscribe(producer, 2, "payments", COMPENSATION_UNDO);
    struct record_group group = {
        .name = text_of("order-system"), .can_fence = true, .can_undo = true};
    uint8_t body[RECORD_CUSTODY_MAX + RECORD_GROUP_MAX];
    (void)log_append(producer, RECORD_GROUP, body, record_group_encode(&group, body));
    for (int i = 0; i < DELIVERIES; i++) {
        struct record_custody moved = {
            .key = notify(producer, i),
            .turn = 2,
            .to = LOG_COMPENSATOR,
            .cause = i < 2 ? OUTCOME_REJECT : OUTCOME_LEASE,
            .attempts = 4,
            .sent = true,
            .at_unix_ms = FUZZ_WORLD_START_UNIX_MS,
            .first_sent_unix_ms = FUZZ_WORLD_START_UNIX_MS,
            .reason = text_of("not today"),
        };
        (void)log_append(producer, RECORD_MOVED, body, record_custody_encode(&moved, body));
    }
    fuzz_world_sync(producer);
}

static err_t
start(struct fuzz_world *world, int64_t now_unix_ms, struct why *why)
{
    static const struct compensator_settings settings = {
        .tries = 3,
        .delay_count = 3,
        .delays_ms = {0, 1000, 2000},
        .absent_alarm_ms = 600000,
        .window = 2,
        .checkpoint_every = 20,
    };
    world->core = compensator_new(&settings, world->peers, world->outbox);
    return compensator_recover(world->core, world->now_ms, now_unix_ms, why);
}

static void
stop(void **core_p)
{
    compensator_t *core = *core_p;
    compensator_destroy(&core);
    *core_p = NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fuzz_service service = {
        .own = LOG_COMPENSATOR,
        .answer = WIRE_RESULT,
        .seed = seed,
        .start = start,
        .stop = stop,
        .front = compensator_front,
        .step = compensator_step,
        .next_ms = compensator_next_ms,
        .counters = compensator_counters,
        .now = compensator_now,
    };
    struct fuzz_in in = {.next = data, .left = size};
    fuzz_world_run(&service, &in);
    return 0;
}
