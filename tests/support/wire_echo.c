#include "support/wire_echo_private.h"

#include "base/check.h"
#include "wire/wire_case.h"
#include "wire/wire_deliver.h"
#include "wire/wire_query.h"
#include "wire/wire_submit.h"

#include <string.h>

static err_t
echo_watching(struct echo *self)
{
    struct wire_watching said;
    err_t rc = wire_watching_decode(&self->in, &self->head, &said, self->why);
    if (rc == ERR_OK) {
        char copy[WIRE_TEXT_BYTES + 1];
        echo_text(copy, said.text);
        wire_watching_encode(self->out, self->head.request, said.status, copy, said.lease_ms);
    }
    return rc;
}

/* A notification that is refused spoils no other: its bytes are passed on as they are. */
static err_t
echo_submit(struct echo *self)
{
    uint32_t count = wire_submit_open(&self->in);
    struct wire_submit_out list = wire_submit_begin(self->out, self->head.request);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_bytes encoded;
        struct wire_notification notification;
        if (wire_submit_next(&self->in, &encoded, &notification)) {
            wire_submit_add(&list, &notification);
        } else if (encoded.data == NULL) {
            break;
        } else {
            wire_out_raw(self->out, encoded.data, encoded.size);
            list.count++;
        }
    }
    wire_submit_end(&list);
    return wire_message_finish(&self->in, &self->head, self->why);
}

static err_t
echo_submitted(struct echo *self)
{
    uint32_t count = wire_results_open(&self->in);
    struct wire_results_out list = wire_results_begin(self->out, self->head.request);
    struct wire_result result;
    for (uint32_t i = 0; i < count && wire_results_next(&self->in, &result); i++) {
        wire_results_add(&list, &result);
    }
    wire_results_end(&list);
    return wire_message_finish(&self->in, &self->head, self->why);
}

/* QUERY and WATCH. */
static err_t
echo_ids(struct echo *self)
{
    struct wire_ids_out list;
    if (self->head.type == WIRE_QUERY) {
        list = wire_query_begin(self->out, self->head.request);
    } else {
        uint64_t lease_ms = wire_in_uint(&self->in, "lease", UINT32_MAX);
        list = wire_watch_begin(self->out, self->head.request, (uint32_t)lease_ms);
    }
    uint32_t count = wire_ids_open(&self->in, WIRE_QUERY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_text biz_id = wire_ids_next(&self->in);
        wire_ids_add(&list, biz_id.data, biz_id.size);
    }
    wire_ids_end(&list);
    return wire_message_finish(&self->in, &self->head, self->why);
}

static bool
echo_delivery(struct echo *self)
{
    struct wire_delivery delivery;
    struct wire_attempt attempt;
    if (!wire_delivery_get(&self->in, &delivery)) {
        return false;
    }
    wire_delivery_put(self->out, &delivery);
    for (uint32_t i = 0; i < delivery.count && wire_attempt_get(&self->in, &attempt); i++) {
        wire_attempt_put(self->out, &attempt);
    }
    return wire_delivery_end(&self->in, &delivery);
}

static err_t
echo_answer(struct echo *self)
{
    uint32_t count = wire_answer_open(&self->in);
    wire_answer_begin(self->out, self->head.request, count);
    struct wire_found found;
    for (uint32_t i = 0; i < count && wire_found_get(&self->in, &found); i++) {
        wire_found_put(self->out, &found);
        for (uint32_t j = 0; j < found.count && echo_delivery(self); j++) {
            /* echo_delivery has put it */
        }
        (void)wire_found_end(&self->in, &found); /* a fault stays in `in` */
    }
    return wire_message_finish(&self->in, &self->head, self->why);
}

static err_t
echo_event(struct echo *self)
{
    struct wire_ids_out list = wire_events_begin(self->out);
    uint32_t count = wire_in_array(&self->in, "events", 1, LIMIT_FRAME_NOTIFICATIONS);
    struct wire_event event;
    for (uint32_t i = 0; i < count && wire_event_get(&self->in, &event); i++) {
        wire_event_add(&list, &event);
    }
    wire_ids_end(&list);
    return wire_message_finish(&self->in, &self->head, self->why);
}

static err_t
echo_cancel(struct echo *self)
{
    struct wire_cancel cancel;
    err_t rc = wire_cancel_decode(&self->in, &self->head, &cancel, self->why);
    if (rc == ERR_OK) {
        wire_cancel_encode(self->out, self->head.request, &cancel);
    }
    return rc;
}

static err_t
echo_cancelling(struct echo *self)
{
    struct wire_ids_out list = wire_cancelling_begin(self->out, self->head.request);
    uint32_t count = wire_in_array(&self->in, "cancelled", 1, LIMIT_SUBSCRIPTIONS);
    struct wire_cancelled cancelled;
    for (uint32_t i = 0; i < count && wire_cancelled_get(&self->in, &cancelled); i++) {
        wire_cancelled_add(&list, &cancelled);
    }
    wire_ids_end(&list);
    return wire_message_finish(&self->in, &self->head, self->why);
}

static err_t
echo_group(struct echo *self)
{
    struct wire_group group;
    err_t rc = wire_group_decode(&self->in, &self->head, &group, self->why);
    if (rc == ERR_OK) {
        wire_group_encode(self->out, self->head.request, &group);
    }
    return rc;
}

static err_t
echo_cases(struct echo *self)
{
    struct wire_cases_ask ask;
    err_t rc = wire_cases_decode(&self->in, &self->head, &ask, self->why);
    if (rc == ERR_OK) {
        wire_cases_encode(self->out, self->head.request, &ask);
    }
    return rc;
}

static err_t
echo_case_list(struct echo *self)
{
    bool more = false;
    uint32_t count = wire_case_list_open(&self->in, &more);
    struct wire_ids_out list = wire_case_list_begin(self->out, self->head.request, more);
    struct wire_case found;
    for (uint32_t i = 0; i < count && wire_case_get(&self->in, &found); i++) {
        wire_case_add(&list, &found);
    }
    wire_ids_end(&list);
    return wire_message_finish(&self->in, &self->head, self->why);
}

static err_t
echo_case(struct echo *self)
{
    struct wire_case_order order;
    err_t rc = wire_case_order_decode(&self->in, &self->head, &order, self->why);
    if (rc == ERR_OK) {
        wire_case_order_encode(self->out, self->head.request, &order);
    }
    return rc;
}

static err_t
echo_case_detail(struct echo *self)
{
    struct wire_case found;
    struct wire_bytes payload;
    uint32_t count = wire_case_detail_open(&self->in, &found, &payload);
    if (!self->in.failed) {
        wire_case_detail_begin(self->out, self->head.request, &found, payload, count);
    }
    struct wire_attempt attempt;
    for (uint32_t i = 0; i < count && wire_attempt_get(&self->in, &attempt); i++) {
        wire_attempt_put(self->out, &attempt);
    }
    return wire_message_finish(&self->in, &self->head, self->why);
}

/* Opening the next item says the same as passing over it and decoding its notification. */
static void
check_opened(const struct echo *self)
{
    struct wire_in opening = self->in;
    struct wire_in passing = self->in;
    struct wire_item opened;
    struct wire_item passed;
    struct wire_notification read;
    struct wire_notification decoded;
    bool sound = false;
    bool good = wire_item_open(&opening, &opened, &read, &sound);
    CHECK(good == wire_item_next(&passing, &passed));
    if (!good) {
        CHECK(strcmp(opening.why.text, passing.why.text) == 0);
        return;
    }
    const struct wire_bytes *encoded = &passed.notification;
    CHECK(opening.next == passing.next && opened.notification.data == encoded->data &&
          opened.notification.size == encoded->size);
    CHECK(sound ==
          (wire_notification_decode(encoded->data, encoded->size, &decoded, NULL) == ERR_OK));
    CHECK(!sound ||
          (read.topic.data == decoded.topic.data && read.topic.size == decoded.topic.size &&
           read.biz_id.data == decoded.biz_id.data && read.biz_id.size == decoded.biz_id.size &&
           read.payload.data == decoded.payload.data && read.payload.size == decoded.payload.size &&
           read.version == decoded.version && read.policy.data == decoded.policy.data &&
           read.policy.size == decoded.policy.size &&
           read.deadline_unix_ms == decoded.deadline_unix_ms));
}

static bool
echo_item(struct echo *self, struct wire_item *item)
{
    check_opened(self);
    return wire_item_next(&self->in, item);
}

static err_t
echo_deliver(struct echo *self)
{
    struct wire_deliver head = {0};
    struct wire_item item;
    if (wire_deliver_open(&self->in, &head)) {
        struct wire_deliver_out list = wire_deliver_begin(self->out, &head);
        for (uint32_t i = 0; i < head.count && echo_item(self, &item); i++) {
            wire_deliver_add(&list, &item);
        }
        wire_deliver_end(&list);
    }
    return wire_message_finish(&self->in, &self->head, self->why);
}

/* OUTCOME and RESULT. */
static err_t
echo_outcome(struct echo *self)
{
    struct wire_outcomes head = {0};
    struct wire_outcome outcome;
    if (wire_outcomes_open(&self->in, &head)) {
        struct wire_outcomes_out list = self->head.type == WIRE_OUTCOME
                                            ? wire_outcomes_begin(self->out, &head)
                                            : wire_results_of_jobs(self->out, &head);
        for (uint32_t i = 0; i < head.count && wire_outcome_next(&self->in, &outcome); i++) {
            wire_outcomes_add(&list, &outcome);
        }
        wire_outcomes_end(&list);
    }
    return wire_message_finish(&self->in, &self->head, self->why);
}

static err_t
echo_job(struct echo *self)
{
    struct wire_jobs head = {0};
    struct wire_job job;
    if (wire_jobs_open(&self->in, &head)) {
        struct wire_deliver_out list = wire_jobs_begin(self->out, &head);
        for (uint32_t i = 0; i < head.count && wire_job_next(&self->in, &job); i++) {
            wire_jobs_add(&list, &job);
        }
        wire_jobs_end(&list);
    }
    return wire_message_finish(&self->in, &self->head, self->why);
}

err_t
wire_echo(const void *frame, size_t size, struct wire_out *out, struct why *why)
{
    static err_t (*const echoes[WIRE_TYPE_COUNT])(struct echo *) = {
        [WIRE_ERROR] = echo_status,
        [WIRE_HELLO] = echo_hello,
        [WIRE_WELCOME] = echo_welcome,
        [WIRE_PING] = echo_ping,
        [WIRE_PONG] = echo_pong,
        [WIRE_SUBMIT] = echo_submit,
        [WIRE_SUBMITTED] = echo_submitted,
        [WIRE_QUERY] = echo_ids,
        [WIRE_ANSWER] = echo_answer,
        [WIRE_WATCH] = echo_ids,
        [WIRE_WATCHING] = echo_watching,
        [WIRE_EVENT] = echo_event,
        [WIRE_CANCEL] = echo_cancel,
        [WIRE_CANCELLING] = echo_cancelling,
        [WIRE_STATS] = echo_plain,
        [WIRE_COUNTERS] = echo_counters,
        [WIRE_RELOAD] = echo_plain,
        [WIRE_GROUP] = echo_group,
        [WIRE_STATUS] = echo_said,
        [WIRE_CASES] = echo_cases,
        [WIRE_CASE_LIST] = echo_case_list,
        [WIRE_CASE] = echo_case,
        [WIRE_CASE_DETAIL] = echo_case_detail,
        [WIRE_DELIVER] = echo_deliver,
        [WIRE_OUTCOME] = echo_outcome,
        [WIRE_JOB] = echo_job,
        [WIRE_RESULT] = echo_outcome,
        [WIRE_WAKE] = echo_wake,
        [WIRE_LEAVE] = echo_leave,
    };
    struct echo echo = {.out = out, .why = why};
    err_t rc = wire_message_open(&echo.in, frame, size, &echo.head, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (echo.head.type >= WIRE_TYPE_COUNT || echoes[echo.head.type] == NULL) {
        return why_set(why, ERR_UNSUPPORTED, "type: %u is not known", echo.head.type);
    }
    return echoes[echo.head.type](&echo);
}
