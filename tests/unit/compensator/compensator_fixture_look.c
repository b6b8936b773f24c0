/* What the fixture finds in the own log and in the core. */
#include "base/mem.h"
#include "compensator_fixture.h"
#include "delivery/record_codec.h"

#include <stdio.h>
#include <string.h>

/* The newest record of the kind, and how many there are. The block is the caller's. */
static uint32_t
walk(struct fixture *self, uint8_t kind, uint64_t *newest)
{
    struct log_cursor cursor;
    struct log_record record;
    struct why why = {{0}};
    uint32_t count = 0;
    log_cursor_init(&cursor, peers_own(self->peers), log_first(peers_own(self->peers)),
                    LOG_KIND_BIT(kind));
    while (log_cursor_next(&cursor, &record, &why) == ERR_OK) {
        *newest = record.position;
        count++;
    }
    log_cursor_fini(&cursor);
    return count;
}

uint32_t
fixture_count(struct fixture *self, uint8_t kind)
{
    uint64_t newest = 0;
    return walk(self, kind, &newest);
}

/* The record's texts are kept, one record of each shape at a time. */
static const uint8_t *
newest_body(struct fixture *self, uint8_t kind, size_t *size)
{
    static uint8_t kept[LIMIT_RECORD_BYTES];
    uint64_t newest = 0;
    struct log_record record;
    log_block_t *block = NULL;
    cr_assert_gt(walk(self, kind, &newest), 0, "no record of kind %u", kind);
    cr_assert_eq(log_read(peers_own(self->peers), newest, &record, &block, NULL), ERR_OK);
    memcpy(kept, record.body, record.size);
    *size = record.size;
    log_block_release(&block);
    return kept;
}

struct record_custody
fixture_last_custody(struct fixture *self, uint8_t kind)
{
    size_t size = 0;
    const uint8_t *body = newest_body(self, kind, &size);
    struct record_custody custody;
    cr_assert_eq(record_custody_decode(body, size, &custody, NULL), ERR_OK);
    return custody;
}

struct record_event
fixture_last_event(struct fixture *self, uint8_t kind)
{
    size_t size = 0;
    const uint8_t *body = newest_body(self, kind, &size);
    struct record_event event;
    cr_assert_eq(record_event_decode(kind, body, size, &event, NULL), ERR_OK);
    return event;
}

struct record_case
fixture_last_case(struct fixture *self)
{
    size_t size = 0;
    const uint8_t *body = newest_body(self, RECORD_CASE, &size);
    struct record_case opened;
    cr_assert_eq(record_case_decode(body, size, &opened, NULL), ERR_OK);
    return opened;
}

struct compensator_entry *
fixture_entry(struct fixture *self, struct delivery_key key)
{
    return compensator_table_find(self->core->table, key);
}

const struct fixture_job *
fixture_last_job(const struct fixture *self)
{
    cr_assert_gt(self->count, 0, "no job was sent");
    return &self->jobs[self->count - 1];
}

bool
fixture_alarmed(const struct fixture *self, const char *kind)
{
    return strstr(self->alarms, kind) != NULL;
}

struct delivery_key
fixture_given(struct fixture *self, uint16_t subscription)
{
    struct delivery_key key = fixture_notify(self, subscription);
    (void)fixture_move(self, self->scheduler, key, 3, OUTCOME_RETRY);
    fixture_step(self);
    return key;
}

struct delivery_key
fixture_case(struct fixture *self, uint16_t subscription, uint64_t *id)
{
    struct delivery_key key = fixture_given(self, subscription);
    for (int i = 0; i < 3 && fixture_entry(self, key)->state == COMPENSATOR_HELD; i++) {
        fixture_answer(self, OUTCOME_REJECT);
        fixture_advance(self, 2000);
    }
    cr_assert_eq(fixture_entry(self, key)->state, COMPENSATOR_CASE);
    *id = fixture_entry(self, key)->case_id;
    return key;
}

static void
describe(const struct compensator_entry *entry, char *text, size_t size)
{
    bool unanswered = entry->undo_unanswered || entry->undo_out; /* a restart makes it so */
    (void)snprintf(text, size,
                   "%llu.%u turn %u state %u plan %u tries %u of %u case %llu sent %d%d cancel %u "
                   "fenced %d unanswered %d ordered %d\n",
                   (unsigned long long)entry->key.position, entry->key.subscription, entry->turn,
                   entry->state, entry->plan, entry->tries, entry->attempts,
                   (unsigned long long)entry->case_id, entry->sent, entry->alone,
                   entry->cancel_turn, entry->fenced, unanswered, entry->ordered); /* fits */
}

char *
fixture_state(struct fixture *self)
{
    size_t used = 0;
    size_t capacity = 256U * (compensator_table_slots(self->core->table) + 1U);
    char *text = mem_zeroed(capacity);
    for (uint64_t position = 1; position < log_next(self->producer); position++) {
        for (uint16_t id = FIXTURE_REAPPLY; id <= FIXTURE_BARE; id++) {
            const struct compensator_entry *entry =
                fixture_entry(self, (struct delivery_key){position, id});
            if (entry != NULL) {
                describe(entry, text + used, capacity - used);
                used += strlen(text + used);
            }
        }
    }
    return text;
}
