#include "wire_samples.h"

#include "wire_samples_delivery.h"

#include "wire/wire_case.h"
#include "wire/wire_deliver.h"
#include "wire/wire_query.h"
#include "wire/wire_session.h"
#include "wire/wire_submit.h"

#include <string.h>

#define REQUEST 7
#define UNIX_MS 1795420800123 /* 2026-11-23T08:00:00.123Z */

static const uint8_t identity[WIRE_IDENTITY_BYTES] = {0xc0, 1, 2,  3,  4,  5,  6,  7,
                                                      8,    9, 10, 11, 12, 13, 14, 0xff};

static struct wire_text
text(const char *terminated)
{
    return (struct wire_text){.data = terminated, .size = strlen(terminated)};
}

static void
put_hello(struct wire_out *out)
{
    const struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER,
        .name = text("order-1"),
        .group = text("order-system"),
        .identity = {.data = identity, .size = sizeof identity},
        .capabilities = WIRE_CAN_FENCE | WIRE_CAN_UNDO,
        .nonce = 0x1122334455667788,
        .window = 1024,
    };
    wire_hello_encode(out, REQUEST, &hello);
}

static void
put_hello_client(struct wire_out *out)
{
    const struct wire_hello hello = {
        .party = WIRE_PARTY_CLIENT, .name = text("shop \xe6\x94\xaf\xe4\xbb\x98"), .nonce = 9};
    wire_hello_encode(out, REQUEST, &hello);
}

static void
put_welcome(struct wire_out *out)
{
    const struct wire_welcome welcome = {
        .status = WIRE_OK,
        .service = text("producer"),
        .run = 3,
        .lane = 2,
        .lease_ms = 10000,
        .ping_ms = 2000,
        .endpoint_count = 2,
        .endpoints = {{.name = text("lane"), .endpoint = text("tcp://*:7722")},
                      {.name = text("outcome"), .endpoint = text("tcp://*:7711")}},
    };
    wire_welcome_encode(out, REQUEST, &welcome);
}

static void
put_welcome_keys(struct wire_out *out)
{
    static const uint8_t key[WIRE_KEY_BYTES] = {0xc0, 0xff, 0xee, [31] = 0x01};
    const struct wire_welcome welcome = {
        .status = WIRE_OK,
        .service = text("producer"),
        .run = 3,
        .lease_ms = 10000,
        .ping_ms = 2000,
        .endpoint_count = 2,
        .endpoints = {{text("scheduler"), text("tcp://*:7201"), {key, sizeof key}},
                      {text("compensator"), text("ipc:///run/c"), {NULL, 0}}},
    };
    wire_welcome_encode(out, REQUEST, &welcome);
}

static void
put_welcome_denied(struct wire_out *out)
{
    const struct wire_welcome welcome = {.status = WIRE_DENIED,
                                         .text = text("group: unknown"),
                                         .service = text("producer"),
                                         .run = 3};
    wire_welcome_encode(out, REQUEST, &welcome);
}

static void
put_ping(struct wire_out *out)
{
    const struct wire_ping ping = {.name = text("order-1"), .nonce = 0x1122334455667788, .lane = 2};
    wire_ping_encode(out, REQUEST, &ping);
}

static void
put_pong(struct wire_out *out)
{
    const struct wire_pong pong = {
        .service = text("producer"), .run = 3, .uptime_ms = 86400000, .known = true};
    wire_pong_encode(out, REQUEST, &pong);
}

static void
put_error(struct wire_out *out)
{
    wire_status_encode(out, WIRE_ERROR, 0, WIRE_UNSUPPORTED, "version: 2 is not spoken here, 1 is");
}

static void
put_leave(struct wire_out *out)
{
    struct wire_ping session = {.name = {"shop-1", 6}, .nonce = 77};
    wire_leave_encode(out, &session);
}

static void
put_wake(struct wire_out *out)
{
    wire_wake_encode(out, 1, 5000000000);
}

static void
put_stats(struct wire_out *out)
{
    wire_plain_encode(out, WIRE_STATS, REQUEST);
}

static void
put_reload(struct wire_out *out)
{
    wire_plain_encode(out, WIRE_RELOAD, REQUEST);
}

static void
put_counters(struct wire_out *out)
{
    const struct wire_counter counters[] = {{text("accepted"), 1000000}, {text("open"), 12}};
    wire_counters_encode(out, REQUEST, "producer", counters, 2);
}

struct wire_notification
wire_samples_paid(void)
{
    static const uint8_t payload[] = "{\"order\":\"1001\",\"amount\":4990}";
    return (struct wire_notification){
        .topic = text("payment.succeeded"),
        .biz_id = text("pay-1001"),
        .payload = {.data = payload, .size = sizeof payload - 1},
        .version = 2,
        .policy = text("15s,15s,30s"),
        .deadline_unix_ms = UNIX_MS,
    };
}

static void
put_submit(struct wire_out *out)
{
    struct wire_submit_out list = wire_submit_begin(out, REQUEST);
    struct wire_notification paid = wire_samples_paid();
    wire_submit_add(&list, &paid);
    const struct wire_notification plain = {.topic = text("order.created"),
                                            .biz_id = text("order-1001")};
    wire_submit_add(&list, &plain);
    wire_submit_end(&list);
}

static void
put_submitted(struct wire_out *out)
{
    struct wire_results_out list = wire_results_begin(out, REQUEST);
    for (uint64_t i = 0; i < 1024; i++) {
        const struct wire_result result = {
            .status = WIRE_ACCEPTED, .count = 1, .position = 70000 + i};
        wire_results_add(&list, &result);
    }
    const struct wire_result conflict = {
        .status = WIRE_CONFLICT,
        .count = 1,
        .field = text("biz_id"),
        .text = text("used for order.created, version 1, at position 12")};
    wire_results_add(&list, &conflict);
    wire_results_end(&list);
}

static void
put_query(struct wire_out *out)
{
    struct wire_ids_out list = wire_query_begin(out, REQUEST);
    wire_ids_add(&list, "pay-1001", 8);
    wire_ids_add(&list, "pay-1002", 8);
    wire_ids_end(&list);
}

static const struct wire_attempt *
attempt_failed(void)
{
    static struct wire_attempt attempt;
    attempt = (struct wire_attempt){.number = 1,
                                    .turn = 1,
                                    .custodian = 0,
                                    .at_unix_ms = UNIX_MS,
                                    .outcome = WIRE_OUTCOME_RETRY,
                                    .reason = text("order 1001 is not here yet")};
    return &attempt;
}

static void
put_answer(struct wire_out *out)
{
    wire_answer_begin(out, REQUEST, 2);
    const struct wire_found found = {.status = WIRE_OK,
                                     .biz_id = text("pay-1001"),
                                     .topic = text("payment.succeeded"),
                                     .version = 2,
                                     .position = 70000,
                                     .received_unix_ms = UNIX_MS,
                                     .count = 1};
    wire_found_put(out, &found);
    const struct wire_delivery delivery = {.subscription = text("orders"),
                                           .group = text("order-system"),
                                           .state = WIRE_STATE_PENDING,
                                           .custodian = 1,
                                           .turn = 2,
                                           .attempts = 1,
                                           .attempts_limit = 4,
                                           .due_unix_ms = UNIX_MS + 1000,
                                           .left_out = 0,
                                           .count = 1};
    wire_delivery_put(out, &delivery);
    wire_attempt_put(out, attempt_failed());
    const struct wire_found none = {.status = WIRE_NOT_FOUND, .biz_id = text("pay-1002")};
    wire_found_put(out, &none);
}

static void
put_watch(struct wire_out *out)
{
    struct wire_ids_out list = wire_watch_begin(out, REQUEST, 30000);
    wire_ids_add(&list, "pay-1001", 8);
    wire_ids_end(&list);
}

static void
put_watching(struct wire_out *out)
{
    wire_watching_encode(out, REQUEST, WIRE_OK, NULL, 30000);
}

static void
put_event(struct wire_out *out)
{
    struct wire_ids_out list = wire_events_begin(out);
    const struct wire_event event = {.biz_id = text("pay-1001"),
                                     .position = 70000,
                                     .subscription = text("orders"),
                                     .state = WIRE_STATE_DONE,
                                     .turn = 2,
                                     .at_unix_ms = UNIX_MS};
    wire_event_add(&list, &event);
    wire_ids_end(&list);
}

static void
put_cancel(struct wire_out *out)
{
    const struct wire_cancel cancel = {
        .biz_id = text("pay-1001"), .by = text("ada"), .reason = text("the customer withdrew")};
    wire_cancel_encode(out, REQUEST, &cancel);
}

static void
put_cancelling(struct wire_out *out)
{
    struct wire_ids_out list = wire_cancelling_begin(out, REQUEST);
    const struct wire_cancelled asked = {.subscription = text("orders"), .status = WIRE_REQUESTED};
    const struct wire_cancelled ended = {
        .subscription = text("stock"), .status = WIRE_ENDED, .text = text("DONE")};
    wire_cancelled_add(&list, &asked);
    wire_cancelled_add(&list, &ended);
    wire_ids_end(&list);
}

static void
put_group(struct wire_out *out)
{
    const struct wire_group group = {.group = text("order-system"),
                                     .identity = {.data = identity, .size = sizeof identity},
                                     .by = text("ada"),
                                     .reason = text("restored from backup")};
    wire_group_encode(out, REQUEST, &group);
}

static void
put_cases(struct wire_out *out)
{
    const struct wire_cases_ask ask = {.open_only = true, .after_id = 300, .limit = 50};
    wire_cases_encode(out, REQUEST, &ask);
}

static struct wire_case
case_wrong_amount(void)
{
    return (struct wire_case){.id = 312,
                              .biz_id = text("pay-1001"),
                              .topic = text("payment.succeeded"),
                              .subscription = text("orders"),
                              .group = text("order-system"),
                              .opened_unix_ms = UNIX_MS,
                              .cause = WIRE_OUTCOME_REJECT,
                              .reason = text("amount 4990, order has 5990"),
                              .fenced = false,
                              .state = WIRE_STATE_CASE,
                              .order = 3};
}

static void
put_case_list(struct wire_out *out)
{
    struct wire_ids_out list = wire_case_list_begin(out, REQUEST, true);
    struct wire_case found = case_wrong_amount();
    wire_case_add(&list, &found);
    wire_ids_end(&list);
}

static void
put_case(struct wire_out *out)
{
    const struct wire_case_order order = {.action = WIRE_CASE_RESOLVE,
                                          .id = 312,
                                          .by = text("ada"),
                                          .reason = text("refunded by hand"),
                                          .unfenced = false};
    wire_case_order_encode(out, REQUEST, &order);
}

static void
put_case_detail(struct wire_out *out)
{
    struct wire_case found = case_wrong_amount();
    struct wire_notification paid = wire_samples_paid();
    wire_case_detail_begin(out, REQUEST, &found, paid.payload, 1);
    wire_attempt_put(out, attempt_failed());
}

const struct wire_sample wire_samples[] = {
    {"ERROR", put_error},
    {"HELLO consumer", put_hello},
    {"HELLO client", put_hello_client},
    {"WELCOME", put_welcome},
    {"WELCOME denied", put_welcome_denied},
    {"WELCOME keys", put_welcome_keys},
    {"PING", put_ping},
    {"PONG", put_pong},
    {"SUBMIT", put_submit},
    {"SUBMITTED", put_submitted},
    {"QUERY", put_query},
    {"ANSWER", put_answer},
    {"WATCH", put_watch},
    {"WATCHING", put_watching},
    {"EVENT", put_event},
    {"CANCEL", put_cancel},
    {"CANCELLING", put_cancelling},
    {"STATS", put_stats},
    {"COUNTERS", put_counters},
    {"RELOAD", put_reload},
    {"GROUP", put_group},
    {"STATUS", wire_samples_delivery_status},
    {"CASES", put_cases},
    {"CASE_LIST", put_case_list},
    {"CASE", put_case},
    {"CASE_DETAIL", put_case_detail},
    {"DELIVER", wire_samples_delivery_deliver},
    {"OUTCOME", wire_samples_delivery_outcome},
    {"JOB", wire_samples_delivery_job},
    {"RESULT", wire_samples_delivery_result},
    {"WAKE", put_wake},
    {"LEAVE", put_leave},
};
const size_t wire_samples_count = sizeof wire_samples / sizeof wire_samples[0];

uint8_t *
wire_samples_bytes(const struct wire_sample *sample, size_t *size)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    sample->encode(&out);
    return wire_out_take(&out, size);
}
