#include "producer_fixture.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct log_settings
journal(void)
{
    return (struct log_settings){
        .directory = "j", .segment_bytes = 4U * 1024 * 1024, .no_write_ahead = true};
}

static void
durable(log_t *log)
{
    struct why why = {{0}};
    cr_assert_eq(log_commit(log, 0, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_reap(log, &why), ERR_OK, "%s", why.text);
}

static err_t
try_start(struct fixture *self, struct why *why)
{
    struct log_settings settings = journal();
    err_t rc = peers_open(&self->peers, &settings, LOG_PRODUCER, why);
    if (rc != ERR_OK) {
        return rc;
    }
    self->outbox = outbox_new();
    self->core = producer_core_new(&self->settings, self->peers, self->outbox);
    rc = producer_core_recover(self->core, self->now_ms, self->now_unix_ms, why);
    return rc != ERR_OK ? rc
                        : producer_core_configure(self->core, self->subscriptions,
                                                  self->subscription_count, why);
}

static void
start(struct fixture *self)
{
    struct why why = {{0}};
    cr_assert_eq(try_start(self, &why), ERR_OK, "%s", why.text);
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        producer_core_lane(self->core, i, "ipc://lane");
    }
    producer_core_endpoint(self->core, "outcome", "ipc://outcome", NULL);
    fixture_step(self);
}

static void
stop(struct fixture *self)
{
    producer_core_destroy(&self->core);
    outbox_destroy(&self->outbox);
    peers_close(&self->peers);
}

struct fixture *
fixture_open(size_t subscriptions)
{
    static const struct producer_subscription_settings all[] = {
        {"orders", "order.*", "shop", "default", COMPENSATION_REAPPLY, 3000, 60000},
        {"audit", "order.paid", "audit", "5s", COMPENSATION_REAPPLY, 3000, 60000},
    };
    struct fixture *self = mem_zeroed(sizeof *self);
    self->disk = sim_disk_new(1);
    sim_disk_use(self->disk);
    struct log_settings settings = journal();
    struct why why = {{0}};
    cr_assert_eq(log_own(&self->scheduler, &settings, "scheduler", 0, &why), ERR_OK, "%s",
                 why.text);
    cr_assert_eq(log_own(&self->compensator, &settings, "compensator", 0, &why), ERR_OK, "%s",
                 why.text);
    memcpy(self->subscriptions, all, sizeof all);
    self->subscription_count = subscriptions;
    self->settings = (struct producer_settings){
        .lane_count = 4,
        .window = 1024,
        .watch_max = 16,
        .retained_max = 100000,
        .absent_alarm_ms = 600000,
        .retention_ms = 7LL * 24 * 3600 * 1000,
        .checkpoint_records = 1000000,
        .seed = 1,
    };
    self->now_ms = 1000;
    self->now_unix_ms = FIXTURE_START_UNIX_MS;
    self->route = (struct outbox_route){.size = 5, .id = {0, 1, 2, 3, 4}};
    start(self);
    return self;
}

void
fixture_close(struct fixture *self)
{
    stop(self);
    log_close(&self->scheduler);
    log_close(&self->compensator);
    sim_disk_use(NULL);
    sim_disk_destroy(&self->disk);
    mem_free(self);
}

void
fixture_restart(struct fixture *self)
{
    stop(self);
    start(self);
}

err_t
fixture_try_restart(struct fixture *self, struct why *why)
{
    stop(self);
    err_t rc = try_start(self, why);
    if (rc != ERR_OK) {
        stop(self);
    }
    return rc;
}

static void
copy(char *to, struct wire_text from)
{
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
}

static void
take_lane(struct fixture *self, const struct outbox_message *message)
{
    struct wire_in in;
    struct wire_head head;
    struct wire_deliver deliver;
    struct why why = {{0}};
    cr_assert_eq(wire_message_open(&in, message->body, message->size, &head, &why), ERR_OK);
    cr_assert(wire_deliver_open(&in, &deliver));
    for (uint32_t i = 0; i < deliver.count; i++) {
        struct wire_item item;
        cr_assert(wire_item_next(&in, &item));
        cr_assert_lt(self->delivery_count, FIXTURE_DELIVERIES);
        struct fixture_delivery *to = &self->deliveries[self->delivery_count++];
        *to = (struct fixture_delivery){
            .token = deliver.first_token + i,
            .key = {.position = item.position, .subscription = item.subscription},
            .lane = message->lane,
            .attempt = item.attempt,
            .attempts_limit = item.attempts_limit,
        };
        copy(to->biz_id,
             wire_notification_peek(item.notification.data, item.notification.size).biz_id);
        copy(to->group, deliver.group);
    }
}

static void
take_front(struct fixture *self, const struct outbox_message *message)
{
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    cr_assert_eq(wire_message_open(&in, message->body, message->size, &head, &why), ERR_OK);
    if (head.type != WIRE_EVENT) {
        memcpy(self->answer, message->body, message->size);
        self->answer_size = message->size;
        self->answers++;
        return;
    }
    uint32_t count = wire_in_array(&in, "events", 0, WIRE_QUERY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_event event;
        cr_assert(wire_event_get(&in, &event));
        cr_assert_lt(self->event_count, FIXTURE_EVENTS);
        struct fixture_event *to = &self->events[self->event_count++];
        copy(to->biz_id, event.biz_id);
        copy(to->subscription, event.subscription);
        to->state = event.state;
        to->turn = event.turn;
    }
}

static void
collect(struct fixture *self)
{
    struct outbox_message *message = NULL;
    const struct alarm_facts *alarm = NULL;
    while ((alarm = outbox_alarm_next(self->outbox, log_durable(peers_own(self->peers)))) != NULL) {
        (void)snprintf(self->alarm, sizeof self->alarm, "%s %s: %s", alarm->kind, alarm->subject,
                       alarm->text); /* fits */
        outbox_alarm_pop(self->outbox);
        self->alarms++;
    }
    while ((message = outbox_next(self->outbox, log_durable(peers_own(self->peers)))) != NULL) {
        if (message->channel == OUTBOX_LANE) {
            take_lane(self, message);
        } else {
            take_front(self, message);
        }
        outbox_pop(self->outbox);
    }
}

err_t
fixture_try_step(struct fixture *self, struct why *why)
{
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    err_t rc = producer_core_step(self->core, self->now_ms, self->now_unix_ms, why);
    (void)producer_core_next_ms(self->core); /* the shell asks after each round */
    return rc;
}

void
fixture_step_unsynced(struct fixture *self)
{
    struct why why = {{0}};
    cr_assert_eq(fixture_try_step(self, &why), ERR_OK, "%s", why.text);
    collect(self);
}

void
fixture_sync(struct fixture *self)
{
    durable(peers_own(self->peers));
}

void
fixture_step(struct fixture *self)
{
    /* What a round appends is sent in it, or read back in the next one. */
    for (int i = 0; i < 2; i++) {
        fixture_step_unsynced(self);
        durable(peers_own(self->peers));
        collect(self);
    }
}

void
fixture_advance(struct fixture *self, int64_t ms)
{
    self->now_ms += ms;
    self->now_unix_ms += ms;
    fixture_step(self);
}

void
fixture_front(struct fixture *self, struct wire_out *out)
{
    self->answer_size = 0;
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    producer_core_front(self->core, &self->route, out->data, out->size);
    wire_out_fini(out);
    fixture_step(self);
}

static void
open_answer(struct fixture *self, enum wire_type type, struct wire_in *in, struct wire_head *head)
{
    struct why why = {{0}};
    cr_assert_gt(self->answer_size, 0, "no answer");
    cr_assert_eq(wire_message_open(in, self->answer, self->answer_size, head, &why), ERR_OK);
    cr_assert_eq(head->type, type, "answered with %s", wire_type_name(head->type));
}

struct wire_result
fixture_submit_full(struct fixture *self, const struct wire_notification *notification)
{
    struct wire_out out;
    wire_out_init(&out, 1024);
    struct wire_submit_out submit = wire_submit_begin(&out, 7);
    wire_submit_add(&submit, notification);
    wire_submit_end(&submit);
    return fixture_submit_message(self, &out);
}

struct wire_result
fixture_submit_message(struct fixture *self, struct wire_out *out)
{
    fixture_front(self, out);
    struct wire_in in;
    struct wire_head head;
    struct wire_result result;
    open_answer(self, WIRE_SUBMITTED, &in, &head);
    cr_assert_eq(wire_results_open(&in), 1);
    cr_assert(wire_results_next(&in, &result));
    return result;
}

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

struct wire_result
fixture_submit(struct fixture *self, const char *topic, const char *biz_id, const char *payload)
{
    struct wire_notification notification = {
        .topic = text_of(topic),
        .biz_id = text_of(biz_id),
        .payload = {.data = (const uint8_t *)payload, .size = strlen(payload)},
        .version = 1,
    };
    return fixture_submit_full(self, &notification);
}

uint8_t
fixture_join(struct fixture *self, const char *group, uint8_t identity)
{
    uint8_t bytes[WIRE_IDENTITY_BYTES];
    memset(bytes, identity, sizeof bytes);
    struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER,
        .name = text_of(group),
        .group = text_of(group),
        .identity = {.data = bytes, .size = identity == 0 ? 0 : sizeof bytes},
        .capabilities = WIRE_CAN_FENCE,
        .nonce = 77,
    };
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_hello_encode(&out, 3, &hello);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct wire_welcome welcome;
    struct why why = {{0}};
    open_answer(self, WIRE_WELCOME, &in, &head);
    cr_assert_eq(wire_welcome_decode(&in, &head, &welcome, &why), ERR_OK, "%s", why.text);
    return welcome.status;
}

void
fixture_take_outcome(struct fixture *self, uint32_t delivery, uint8_t outcome,
                     uint64_t not_before_ms)
{
    cr_assert_lt(delivery, self->delivery_count, "it was not sent");
    struct wire_outcomes head = {.run = log_run(peers_own(self->peers)),
                                 .receiver = text_of(self->deliveries[delivery].group),
                                 .lane = self->deliveries[delivery].lane};
    struct wire_outcome said = {.first_token = self->deliveries[delivery].token,
                                .count = 1,
                                .outcome = outcome,
                                .not_before_ms = not_before_ms,
                                .reason = text_of("because")};
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_outcomes_out outcomes = wire_outcomes_begin(&out, &head);
    wire_outcomes_add(&outcomes, &said);
    wire_outcomes_end(&outcomes);
    producer_core_now(self->core, self->now_ms, self->now_unix_ms);
    producer_core_outcome(self->core, out.data, out.size);
    wire_out_fini(&out);
}

void
fixture_outcome(struct fixture *self, uint32_t delivery, uint8_t outcome, uint64_t not_before_ms)
{
    fixture_take_outcome(self, delivery, outcome, not_before_ms);
    fixture_step(self);
}
