#include "producer_fixture.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

static void
open_answer(struct fixture *self, enum wire_type type, struct wire_in *in, struct wire_head *head)
{
    struct why why = {{0}};
    cr_assert_gt(self->answer_size, 0, "no answer");
    cr_assert_eq(wire_message_open(in, self->answer, self->answer_size, head, &why), ERR_OK);
    cr_assert_eq(head->type, type, "answered with %s", wire_type_name(head->type));
}

struct wire_delivery
fixture_query(struct fixture *self, const char *biz_id, const char *subscription, uint8_t *status)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_query_begin(&out, 5);
    wire_ids_add(&ids, biz_id, strlen(biz_id));
    wire_ids_end(&ids);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct wire_found found;
    struct wire_delivery wanted = {0};
    open_answer(self, WIRE_ANSWER, &in, &head);
    cr_assert_eq(wire_answer_open(&in), 1);
    cr_assert(wire_found_get(&in, &found));
    *status = found.status;
    for (uint32_t i = 0; i < found.count; i++) {
        struct wire_delivery delivery;
        struct wire_attempt attempt = {0};
        cr_assert(wire_delivery_get(&in, &delivery));
        for (uint32_t k = 0; k < delivery.count; k++) {
            cr_assert(wire_attempt_get(&in, &attempt));
        }
        cr_assert(wire_delivery_end(&in, &delivery));
        if (delivery.subscription.size == strlen(subscription) &&
            memcmp(delivery.subscription.data, subscription, delivery.subscription.size) == 0) {
            wanted = delivery;
            self->attempt = attempt;
        }
    }
    return wanted;
}

uint8_t
fixture_cancel(struct fixture *self, const char *biz_id)
{
    struct wire_cancel cancel = {
        .biz_id = text_of(biz_id), .by = text_of("wang"), .reason = text_of("ordered twice")};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_cancel_encode(&out, 6, &cancel);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct wire_cancelled cancelled;
    open_answer(self, WIRE_CANCELLING, &in, &head);
    cr_assert_geq(wire_in_array(&in, "cancelled", 1, LIMIT_SUBSCRIPTIONS), 1);
    cr_assert(wire_cancelled_get(&in, &cancelled));
    return cancelled.status;
}

uint8_t
fixture_watch(struct fixture *self, const char *biz_id, uint32_t lease_ms)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_watch_begin(&out, 8, lease_ms);
    wire_ids_add(&ids, biz_id, strlen(biz_id));
    wire_ids_end(&ids);
    fixture_front(self, &out);
    struct wire_in in;
    struct wire_head head;
    struct wire_watching watching;
    struct why why = {{0}};
    open_answer(self, WIRE_WATCHING, &in, &head);
    cr_assert_eq(wire_watching_decode(&in, &head, &watching, &why), ERR_OK);
    return watching.status;
}

uint64_t
fixture_record(log_t *log, uint8_t kind, const uint8_t *body, size_t size)
{
    struct why why = {{0}};
    uint64_t position = log_append(log, kind, body, size);
    cr_assert_eq(log_commit(log, 0, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_reap(log, &why), ERR_OK, "%s", why.text);
    return position;
}

uint64_t
fixture_spelt(log_t *log, uint8_t kind, const char *fields)
{
    static uint8_t body[LIMIT_RECORD_BYTES];
    struct bytes_out out = bytes_out_over(body, sizeof body);
    while (*fields != '\0') {
        char *end = NULL;
        char what = *fields;
        uint64_t value = strtoull(fields + 1, &end, 10);
        if (what == 'v') {
            bytes_out_varint(&out, value);
        } else if (what == 'q') {
            bytes_out_u64(&out, value);
        } else {
            for (uint64_t i = 0; i < (what == 'z' ? value : 1); i++) {
                bytes_out_u8(&out, what == 'z' ? 0 : (uint8_t)value);
            }
        }
        fields = end + strspn(end, " ");
    }
    return fixture_record(log, kind, body, bytes_out_used(&out));
}

void
fixture_catalog_again(struct fixture *self)
{
    log_t *log = peers_own(self->peers);
    struct log_cursor cursor;
    struct log_record record;
    uint64_t end = log_durable(log);
    log_cursor_init(&cursor, log, log_first(log),
                    LOG_KIND_BIT(RECORD_SUBSCRIPTION) | LOG_KIND_BIT(RECORD_GROUP));
    while (log_cursor_next(&cursor, &record, NULL) == ERR_OK && record.position <= end) {
        (void)fixture_record(log, record.kind, record.body, record.size);
    }
    log_cursor_fini(&cursor);
}

void
fixture_checkpoint(struct fixture *self, const char *begin, const char *item)
{
    char end[32];
    log_t *log = peers_own(self->peers);
    uint64_t position = fixture_spelt(log, RECORD_CHECKPOINT_BEGIN, begin);
    if (item[0] != '\0') {
        (void)fixture_spelt(log, RECORD_CHECKPOINT_ITEM, item);
    }
    (void)snprintf(end, sizeof end, "v%llu", (unsigned long long)position);
    (void)fixture_spelt(log, RECORD_CHECKPOINT_END, end);
    fixture_catalog_again(self);
}

uint64_t
fixture_other_event(log_t *log, const struct record_event *event)
{
    uint8_t body[RECORD_EVENT_MAX];
    return fixture_record(log, event->kind, body, record_event_encode(event, body));
}

uint64_t
fixture_other_custody(log_t *log, uint8_t kind, const struct record_custody *custody)
{
    uint8_t body[RECORD_CUSTODY_MAX];
    return fixture_record(log, kind, body, record_custody_encode(custody, body));
}

uint64_t
fixture_other_case(struct fixture *self, struct delivery_key key, uint32_t turn)
{
    static uint8_t body[RECORD_CASE_MAX];
    struct producer_stored stored;
    struct why why = {{0}};
    cr_assert_eq(producer_stored_read(self->core, key.position, &stored, &why), ERR_OK, "%s",
                 why.text);
    struct record_case opened = {
        .custody = {.key = key,
                    .turn = turn,
                    .to = LOG_COMPENSATOR,
                    .cause = OUTCOME_REJECT,
                    .at_unix_ms = self->now_unix_ms},
        .notification = stored.record,
    };
    uint64_t position =
        fixture_record(self->compensator, RECORD_CASE, body, record_case_encode(&opened, body));
    producer_stored_release(&stored);
    return position;
}

void
fixture_others_have_read(struct fixture *self)
{
    log_t *own = peers_own(self->peers);
    struct record_position position = {0};
    position.logs[LOG_PRODUCER].position = log_durable(own);
    memcpy(position.logs[LOG_PRODUCER].identity, log_identity(own), 16);
    uint8_t body[RECORD_POSITION_MAX];
    size_t size = record_position_encode(&position, body);
    (void)fixture_record(self->scheduler, RECORD_POSITION, body, size);
    (void)fixture_record(self->compensator, RECORD_POSITION, body, size);
}

uint32_t
fixture_count(struct fixture *self, uint8_t kind)
{
    struct log_cursor cursor;
    struct log_record record;
    struct why why;
    uint32_t count = 0;
    log_t *log = peers_own(self->peers);
    log_cursor_init(&cursor, log, log_first(log), LOG_KIND_BIT(kind));
    while (log_cursor_next(&cursor, &record, &why) == ERR_OK) {
        count++;
    }
    log_cursor_fini(&cursor);
    return count;
}

struct record_custody
fixture_last_moved(struct fixture *self)
{
    struct log_record record;
    log_block_t *block = NULL;
    struct record_custody custody;
    struct why why = {{0}};
    cr_assert_eq(log_newest(peers_own(self->peers), RECORD_MOVED, &record, &block, &why), ERR_OK,
                 "nothing was moved");
    cr_assert_eq(record_custody_decode(record.body, record.size, &custody, &why), ERR_OK);
    custody.reason = (struct record_text){0}; /* it lived in the block */
    log_block_release(&block);
    return custody;
}

uint64_t
fixture_counter(struct fixture *self, const char *name)
{
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count = producer_core_counters(self->core, counters, WIRE_COUNTERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (counters[i].name.size == strlen(name) &&
            memcmp(counters[i].name.data, name, counters[i].name.size) == 0) {
            return counters[i].value;
        }
    }
    cr_assert_fail("no counter %s", name);
    return 0;
}
