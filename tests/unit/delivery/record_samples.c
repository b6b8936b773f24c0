#include "record_samples.h"

#include "base/mem.h"

#include <string.h>

#define TEXT(text)                                                                                 \
    {                                                                                              \
        .data = (text), .size = sizeof(text) - 1                                                   \
    }
#define IDENTITY(first)                                                                            \
    {                                                                                              \
        (first), 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,     \
            0xfe, 0xff                                                                             \
    }
#define AT_MS INT64_C(1795420800123)

/* ["order.created", "order-1001", h'', 0, nil, 0] */
static const uint8_t encoded[] = "\x96\xad"
                                 "order.created\xaa"
                                 "order-1001\xc4\x00\x00\xc0\x00";

#define NOTIFICATION                                                                               \
    {                                                                                              \
        .received_unix_ms = AT_MS, .hash = IDENTITY(0xa0), .subscription_count = 3,                \
        .subscriptions = {1, 7, 64}, .encoded = encoded, .encoded_size = sizeof encoded - 1,       \
    }

#define CUSTODY                                                                                    \
    {                                                                                              \
        .key = {.position = 300, .subscription = 7}, .turn = 2, .to = LOG_SCHEDULER,               \
        .cause = OUTCOME_LEASE, .attempts = 3, .unburnt = 130, .sent = true, .alone = true,        \
        .at_unix_ms = AT_MS, .due_unix_ms = AT_MS + 15000, .first_sent_unix_ms = AT_MS - 30000,    \
        .reason = TEXT("no answer within 30s"), .previous = 299,                                   \
    }

const struct record_sample record_samples[] = {
    {.name = "NOTIFICATION", .kind = RECORD_NOTIFICATION, .notification = NOTIFICATION},
    {.name = "DONE",
     .kind = RECORD_DONE,
     .event = {.kind = RECORD_DONE,
               .key = {.position = 1, .subscription = 1},
               .turn = 1,
               .outcome = OUTCOME_DONE,
               .attempt = 1,
               .at_unix_ms = AT_MS}},
    {.name = "DONE of a run",
     .kind = RECORD_DONE,
     .event = {.kind = RECORD_DONE,
               .key = {.position = 300, .subscription = 7},
               .turn = 1,
               .outcome = OUTCOME_DUPLICATE,
               .attempt = 1,
               .at_unix_ms = AT_MS,
               .previous = 129,
               .more = RECORD_RUN_MAX - 1}},
    {.name = "EVIDENCE",
     .kind = RECORD_EVIDENCE,
     .event = {.kind = RECORD_EVIDENCE,
               .key = {.position = 16384, .subscription = 64},
               .turn = 4,
               .outcome = OUTCOME_DUPLICATE,
               .at_unix_ms = AT_MS,
               .previous = 127}},
    {.name = "FAILED",
     .kind = RECORD_FAILED,
     .event = {.kind = RECORD_FAILED,
               .key = {.position = UINT64_MAX, .subscription = 64},
               .turn = UINT32_MAX,
               .outcome = OUTCOME_RETRY,
               .attempt = UINT16_MAX,
               .unburnt = UINT16_MAX,
               .at_unix_ms = INT64_MAX,
               .due_unix_ms = INT64_MAX,
               .reason = TEXT("order not known yet"),
               .previous = UINT64_MAX}},
    {.name = "ENDED",
     .kind = RECORD_ENDED,
     .event = {.kind = RECORD_ENDED,
               .key = {.position = 300, .subscription = 7},
               .turn = 3,
               .end = END_UNDONE,
               .at_unix_ms = AT_MS,
               .previous = 128}},
    {.name = "ENDED with its custodian",
     .kind = RECORD_ENDED,
     .event = {.kind = RECORD_ENDED,
               .key = {.position = 300, .subscription = 7},
               .turn = 3,
               .end = END_DONE,
               .at_unix_ms = AT_MS,
               .previous = 128,
               .custodian = LOG_COMPENSATOR + 1}},
    {.name = "CLOSED",
     .kind = RECORD_CLOSED,
     .event = {.kind = RECORD_CLOSED,
               .key = {.position = 300, .subscription = 7},
               .turn = 3,
               .end = END_RESOLVED,
               .unfenced = true,
               .at_unix_ms = AT_MS,
               .by = TEXT("ann"),
               .reason = TEXT("settled by hand \xe6\x94\xaf"),
               .previous = 310}},
    {.name = "ORDER",
     .kind = RECORD_ORDER,
     .event = {.kind = RECORD_ORDER,
               .key = {.position = 300, .subscription = 7},
               .turn = 2,
               .order = ORDER_UNDO,
               .at_unix_ms = AT_MS,
               .by = TEXT("ann"),
               .reason = TEXT("wrong amount")}},
    {.name = "FENCED",
     .kind = RECORD_FENCED,
     .event = {.kind = RECORD_FENCED,
               .key = {.position = 300, .subscription = 7},
               .turn = 3,
               .outcome = OUTCOME_UNDONE,
               .at_unix_ms = AT_MS,
               .reason = TEXT("on hold")}},
    {.name = "MOVED", .kind = RECORD_MOVED, .custody = CUSTODY},
    {.name = "TAKEN with the least",
     .kind = RECORD_TAKEN,
     .custody = {.key = {.position = 1, .subscription = 1}, .turn = 1}},
    {.name = "CASE",
     .kind = RECORD_CASE,
     .opened = {.custody = CUSTODY,
                .fenced = true,
                .undo_unanswered = true,
                .notification = NOTIFICATION}},
    {.name = "SUBSCRIPTION",
     .kind = RECORD_SUBSCRIPTION,
     .subscription = {.id = 7,
                      .active = true,
                      .compensation = COMPENSATION_UNDO,
                      .lease_ms = 30000,
                      .lease_limit_ms = 300000,
                      .name = TEXT("orders"),
                      .pattern = TEXT("order.# payment.*"),
                      .group = TEXT("order-system"),
                      .policy = TEXT("15s,15s,30s,3m jitter=0.1")}},
    {.name = "GROUP",
     .kind = RECORD_GROUP,
     .group = {.name = TEXT("order-system"),
               .identity = IDENTITY(0xb0),
               .can_fence = true,
               .can_undo = true,
               .by = TEXT("ann")}},
    {.name = "POSITION",
     .kind = RECORD_POSITION,
     .position = {.logs = {[LOG_PRODUCER] = {.position = 16383, .identity = IDENTITY(0xc0)},
                           [LOG_COMPENSATOR] = {.position = 5, .identity = IDENTITY(0xc2)}}}},
};

const size_t record_samples_count = sizeof record_samples / sizeof *record_samples;

uint8_t *
record_sample_encode(const struct record_sample *sample, size_t *size)
{
    uint8_t *body = mem_alloc(RECORD_CASE_MAX);
    switch (sample->kind) {
    case RECORD_NOTIFICATION:
        *size = record_notification_encode(&sample->notification, body);
        break;
    case RECORD_MOVED:
    case RECORD_TAKEN:
        *size = record_custody_encode(&sample->custody, body);
        break;
    case RECORD_CASE:
        *size = record_case_encode(&sample->opened, body);
        break;
    case RECORD_SUBSCRIPTION:
        *size = record_subscription_encode(&sample->subscription, body);
        break;
    case RECORD_GROUP:
        *size = record_group_encode(&sample->group, body);
        break;
    case RECORD_POSITION:
        *size = record_position_encode(&sample->position, body);
        break;
    default:
        *size = record_event_encode(&sample->event, body);
        break;
    }
    return body;
}

err_t
record_sample_decode(const struct record_sample *sample, const uint8_t *body, size_t size,
                     struct record_sample *to)
{
    struct why why = {{0}};
    *to = (struct record_sample){.name = sample->name, .kind = sample->kind};
    switch (sample->kind) {
    case RECORD_NOTIFICATION:
        return record_notification_decode(body, size, &to->notification, &why);
    case RECORD_MOVED:
    case RECORD_TAKEN:
        return record_custody_decode(body, size, &to->custody, &why);
    case RECORD_CASE:
        return record_case_decode(body, size, &to->opened, &why);
    case RECORD_SUBSCRIPTION:
        return record_subscription_decode(body, size, &to->subscription, &why);
    case RECORD_GROUP:
        return record_group_decode(body, size, &to->group, &why);
    case RECORD_POSITION:
        return record_position_decode(body, size, &to->position, &why);
    default:
        return record_event_decode(sample->kind, body, size, &to->event, &why);
    }
}
