#include "wire_samples_delivery.h"

#include "wire_samples.h"

#include "wire/wire_deliver.h"
#include "wire/wire_said.h"

#include <string.h>

#define UNIX_MS 1795420800123 /* 2026-11-23T08:00:00.123Z */

static const uint8_t hash[WIRE_HASH_BYTES] = {0xc0, 1, 2,  3,  4,  5,  6,  7,
                                              8,    9, 10, 11, 12, 13, 14, 0xff};

static struct wire_text
text(const char *terminated)
{
    return (struct wire_text){.data = terminated, .size = strlen(terminated)};
}

static struct wire_item
item_of(struct wire_out *encoded)
{
    struct wire_notification paid = wire_samples_paid();
    wire_out_init(encoded, 256);
    wire_notification_encode(encoded, &paid);
    return (struct wire_item){.position = 70000,
                              .subscription = 1,
                              .turn = 1,
                              .attempt = 1,
                              .attempts_limit = 4,
                              .first_sent_unix_ms = UNIX_MS,
                              .lease_ms = 10000,
                              .alone = false,
                              .hash = hash,
                              .notification = {.data = encoded->data, .size = encoded->size}};
}

void
wire_samples_delivery_deliver(struct wire_out *out)
{
    struct wire_out encoded;
    struct wire_item item = item_of(&encoded);
    const struct wire_deliver head = {
        .log = 0, .run = 3, .group = text("order-system"), .first_token = (UINT64_C(3) << 40) + 17};
    struct wire_deliver_out list = wire_deliver_begin(out, &head);
    wire_deliver_add(&list, &item);
    wire_deliver_end(&list);
    wire_out_fini(&encoded);
}

void
wire_samples_delivery_outcome(struct wire_out *out)
{
    const struct wire_outcomes head = {.run = 3, .receiver = text("order-1"), .lane = 2};
    struct wire_outcomes_out list = wire_outcomes_begin(out, &head);
    for (uint64_t i = 0; i < 1000; i++) {
        const struct wire_outcome done = {
            .first_token = (UINT64_C(3) << 40) + 17 + i, .count = 1, .outcome = WIRE_OUTCOME_DONE};
        wire_outcomes_add(&list, &done);
    }
    const struct wire_outcome retry = {.first_token = (UINT64_C(3) << 40) + 1017,
                                       .count = 1,
                                       .outcome = WIRE_OUTCOME_RETRY,
                                       .not_before_ms = 5000,
                                       .reason = text("order 1001 is not here yet")};
    wire_outcomes_add(&list, &retry);
    wire_outcomes_end(&list);
}

void
wire_samples_delivery_job(struct wire_out *out)
{
    struct wire_out encoded;
    const struct wire_job job = {
        .token = (UINT64_C(5) << 40) + 4, .action = WIRE_ACTION_FENCE, .item = item_of(&encoded)};
    const struct wire_jobs head = {.run = 5, .group = text("order-system")};
    struct wire_deliver_out list = wire_jobs_begin(out, &head);
    wire_jobs_add(&list, &job);
    wire_jobs_end(&list);
    wire_out_fini(&encoded);
}

void
wire_samples_delivery_result(struct wire_out *out)
{
    const struct wire_outcomes head = {.run = 5, .receiver = text("order-1")};
    struct wire_outcomes_out list = wire_results_of_jobs(out, &head);
    const struct wire_outcome fenced = {
        .first_token = (UINT64_C(5) << 40) + 4, .count = 1, .outcome = WIRE_OUTCOME_FENCED};
    wire_outcomes_add(&list, &fenced);
    wire_outcomes_end(&list);
}

void
wire_samples_delivery_status(struct wire_out *out)
{
    struct wire_said said = {.status = WIRE_OK};
    wire_said_text(&said, "group", "books");
    wire_said_number(&said, "keys", 9);
    wire_said_bool(&said, "can_undo", true);
    wire_said_encode(out, 7, &said);
}
