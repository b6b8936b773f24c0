/* What there is to see after a step. */
#include "base/mem.h"
#include "delivery/record_codec.h"
#include "scheduler_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
collect_items(struct fixture *self, const struct outbox_message *message)
{
    struct wire_in in;
    struct wire_head head;
    struct wire_deliver deliver;
    struct why why;
    cr_assert_eq(wire_message_open(&in, message->body, message->size, &head, &why), ERR_OK);
    cr_assert(wire_deliver_open(&in, &deliver));
    cr_assert_eq(deliver.log, LOG_SCHEDULER);
    for (uint32_t i = 0; i < deliver.count; i++) {
        cr_assert_lt(self->count, FIXTURE_DELIVERIES);
        struct fixture_delivery *to = &self->deliveries[self->count++];
        cr_assert(wire_item_next(&in, &to->item));
        to->token = deliver.first_token + i;
        to->lane = message->lane;
        to->in_frame = deliver.count;
        to->at_ms = self->now_ms;
        to->item.notification.data =
            mem_copy(to->item.notification.data, to->item.notification.size);
        to->item.hash = NULL; /* of a frame that goes away */
    }
}

static void
collect_alarms(struct fixture *self)
{
    const struct alarm_facts *facts;
    uint64_t durable = log_durable(peers_own(self->peers));
    while ((facts = outbox_alarm_next(self->outbox, durable)) != NULL) {
        size_t used = strlen(self->alarms);
        (void)snprintf(self->alarms + used, sizeof self->alarms - used, "%s of %s ", facts->kind,
                       facts->subject); /* cut */
        outbox_alarm_pop(self->outbox);
    }
}

void
fixture_collect(struct fixture *self)
{
    struct outbox_message *message;
    collect_alarms(self);
    while ((message = outbox_next(self->outbox, log_durable(peers_own(self->peers)))) != NULL) {
        if (message->channel == OUTBOX_LANE) {
            collect_items(self, message);
        } else {
            cr_assert_leq(message->size, sizeof self->answer);
            memcpy(self->answer, message->body, message->size);
            self->answer_size = message->size;
        }
        outbox_pop(self->outbox);
    }
}

uint32_t
fixture_count(struct fixture *self, uint8_t kind)
{
    struct log_cursor cursor;
    struct log_record record;
    log_t *log = peers_own(self->peers);
    uint32_t count = 0;
    log_cursor_init(&cursor, log, log_first(log), LOG_KIND_BIT(kind));
    while (log_cursor_next(&cursor, &record, NULL) == ERR_OK) {
        count++;
    }
    log_cursor_fini(&cursor);
    return count;
}

/* The texts are not kept: they point into the log's block. */
struct record_custody
fixture_last_custody(struct fixture *self, uint8_t kind)
{
    struct log_record record;
    log_block_t *block = NULL;
    struct record_custody custody;
    cr_assert_eq(log_newest(peers_own(self->peers), kind, &record, &block, NULL), ERR_OK);
    cr_assert_eq(record_custody_decode(record.body, record.size, &custody, NULL), ERR_OK);
    log_block_release(&block);
    custody.reason.data = NULL;
    return custody;
}

struct record_event
fixture_last_event(struct fixture *self, uint8_t kind)
{
    struct log_record record;
    log_block_t *block = NULL;
    struct record_event event;
    cr_assert_eq(log_newest(peers_own(self->peers), kind, &record, &block, NULL), ERR_OK);
    cr_assert_eq(record_event_decode(kind, record.body, record.size, &event, NULL), ERR_OK);
    log_block_release(&block);
    event.reason.data = NULL;
    event.by.data = NULL;
    return event;
}

uint32_t
fixture_history(struct fixture *self, uint64_t last)
{
    uint32_t count = 0;
    while (last != 0) {
        struct log_record record;
        log_block_t *block = NULL;
        cr_assert_eq(log_read(peers_own(self->peers), last, &record, &block, NULL), ERR_OK);
        uint64_t previous;
        if (record.kind == RECORD_MOVED || record.kind == RECORD_TAKEN) {
            struct record_custody custody;
            cr_assert_eq(record_custody_decode(record.body, record.size, &custody, NULL), ERR_OK);
            previous = custody.previous;
        } else {
            struct record_event event;
            cr_assert_eq(record_event_decode(record.kind, record.body, record.size, &event, NULL),
                         ERR_OK);
            previous = event.previous;
        }
        log_block_release(&block);
        cr_assert_lt(previous, last);
        last = previous;
        count++;
    }
    return count;
}

struct scheduler_entry *
fixture_entry(struct fixture *self, struct delivery_key key)
{
    return scheduler_table_find(&self->core->table, key);
}

int64_t
fixture_due_ms(struct fixture *self, struct delivery_key key)
{
    return scheduler_table_due_ms(&self->core->table, fixture_entry(self, key));
}

static int
by_key(const void *a, const void *b)
{
    const struct scheduler_entry *const *left = a;
    const struct scheduler_entry *const *right = b;
    uint64_t x = (*left)->position * 64 + (*left)->subscription;
    uint64_t y = (*right)->position * 64 + (*right)->subscription;
    return (x > y) - (x < y);
}

char *
fixture_state(struct fixture *self)
{
    const struct scheduler_table *table = &self->core->table;
    uint32_t count = 0;
    const struct scheduler_entry **entries = mem_array(table->used + 1, sizeof *entries);
    for (uint32_t i = 0; i < table->used; i++) {
        entries[count] = scheduler_table_at(table, i);
        count += entries[count] != NULL;
    }
    qsort(entries, count, sizeof *entries, by_key);
    size_t room = (size_t)count * 320 + 1;
    char *text = mem_zeroed(room);
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct scheduler_entry *entry = entries[i];
        /* The pause after one that was handed back has no record. */
        bool waits = entry->state == SCHEDULER_WAITING && entry->back == 0 &&
                     scheduler_table_due_ms(table, entry) > self->now_ms;
        int size = snprintf(
            text + used, room - used,
            "%llu/%u turn %u %s attempts %u unburnt %u wait %lld alone %d last %llu taken "
            "%llu copy %llu cancel %u case %d first %lld\n",
            (unsigned long long)entry->position, entry->subscription, entry->turn,
            entry->state == SCHEDULER_AWAY ? "away" : "here", entry->attempts, entry->unburnt,
            waits ? (long long)(scheduler_table_due_ms(table, entry) - self->now_ms) : 0LL,
            entry->alone, (unsigned long long)entry->last, (unsigned long long)entry->taken,
            (unsigned long long)(entry->state == SCHEDULER_AWAY ? 0 : entry->copy),
            entry->cancel_turn, entry->is_case, (long long)entry->first_sent_unix_ms);
        cr_assert(size > 0 && (size_t)size < room - used);
        used += (size_t)size;
    }
    mem_free(entries);
    return text;
}

uint64_t
fixture_counter(struct fixture *self, const char *name)
{
    struct wire_counter counters[WIRE_COUNTERS_MAX];
    uint32_t count = self->shell.counters(self->shell.self, counters, WIRE_COUNTERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (counters[i].name.size == strlen(name) &&
            memcmp(counters[i].name.data, name, counters[i].name.size) == 0) {
            return counters[i].value;
        }
    }
    cr_assert_fail("no counter %s", name);
    return 0;
}
