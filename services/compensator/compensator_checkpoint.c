#include "compensator_checkpoint.h"

#include "base/bytes.h"
#include "compensator_cases.h"
#include "compensator_notification.h"

#define ITEM_VERSION 1
#define ITEM_CLOSED 2 /* the version of a closed case's */
#define ITEM_MAX (8 + 13 * BYTES_VARINT_MAX)

/* The entry's yes-or-no facts, in the order of their bits. */
#define FACTS 8
#define FACT_CANCEL 2 /* a cancel was asked, which older checkpoints do not date */

static void
facts_of(struct compensator_entry *entry, bool *facts[FACTS])
{
    bool *all[FACTS] = {&entry->sent,    &entry->alone,    NULL,
                        &entry->fenced,  &entry->undo_out, &entry->undo_unanswered,
                        &entry->ordered, &entry->instead};
    static_assert(FACT_CANCEL == 2, "the place that is left out above");
    for (int i = 0; i < FACTS; i++) {
        facts[i] = all[i];
    }
}

static void
write_item(compensator_t *self, struct compensator_entry *entry)
{
    uint8_t body[ITEM_MAX];
    struct bytes_out out = bytes_out_over(body, sizeof body);
    bool *facts[FACTS];
    uint64_t flags = 0;
    facts_of(entry, facts);
    for (int i = 0; i < FACTS; i++) {
        bool fact = i == FACT_CANCEL ? entry->cancel_turn != 0 : *facts[i];
        flags |= fact ? UINT64_C(1) << i : 0;
    }
    bytes_out_u8(&out, ITEM_VERSION);
    bytes_out_varint(&out, entry->key.position);
    bytes_out_varint(&out, entry->key.subscription);
    bytes_out_u8(&out, entry->state);
    bytes_out_u8(&out, entry->plan);
    bytes_out_u8(&out, entry->moved_for);
    bytes_out_u8(&out, entry->cause);
    bytes_out_varint(&out, flags);
    bytes_out_varint(&out, entry->turn);
    bytes_out_varint(&out, entry->attempts);
    bytes_out_varint(&out, entry->tries);
    bytes_out_varint(&out, (uint64_t)entry->first_sent_unix_ms);
    bytes_out_varint(&out, entry->last);
    bytes_out_varint(&out, entry->taken);
    bytes_out_varint(&out, entry->case_id);
    bytes_out_varint(&out, entry->cancel_turn);
    (void)log_append(self->own, RECORD_CHECKPOINT_ITEM, body,
                     bytes_out_used(&out)); /* its place does not matter */
}

/* Oldest first, as they will be remembered again. */
static void
write_closed(compensator_t *self)
{
    for (uint64_t i = 0; i < COMPENSATOR_CLOSED_MAX; i++) {
        const struct compensator_info *info =
            self->infos[(self->info_count + i) % COMPENSATOR_CLOSED_MAX];
        if (info == NULL) {
            continue;
        }
        uint8_t body[ITEM_MAX];
        struct bytes_out out = bytes_out_over(body, sizeof body);
        bytes_out_u8(&out, ITEM_CLOSED);
        bytes_out_varint(&out, info->id);
        bytes_out_u8(&out, info->state);
        bytes_out_varint(&out, info->last);
        (void)log_append(self->own, RECORD_CHECKPOINT_ITEM, body,
                         bytes_out_used(&out)); /* its place does not matter */
    }
}

/* Of much that is open one comes less often: it writes all of it. */
static bool
wanted(const compensator_t *self)
{
    uint64_t much = 2ULL * compensator_table_count(self->table);
    much *= peers_short(self->peers) ? 4 : 1; /* delivery/delivery_cost.c */
    uint64_t every = self->settings.checkpoint_every;
    return log_next(self->own) - self->checkpoint_since >= (much > every ? much : every);
}

void
compensator_checkpoint_write(compensator_t *self)
{
    if (!wanted(self)) {
        return;
    }
    uint64_t begin = log_append(self->own, RECORD_CHECKPOINT_BEGIN, "", 0);
    for (uint32_t i = 0; i < compensator_table_slots(self->table); i++) {
        struct compensator_entry *entry = compensator_table_at(self->table, i);
        if (entry != NULL) {
            write_item(self, entry);
        }
    }
    write_closed(self);
    uint8_t body[BYTES_VARINT_MAX];
    (void)log_append(self->own, RECORD_CHECKPOINT_END, body,
                     bytes_put_varint(body, begin)); /* its place does not matter */
    self->checkpoint_since = log_next(self->own);
}

static struct compensator_entry *
read_numbers(compensator_t *self, struct bytes_in *in, const struct compensator_entry *fixed,
             uint64_t flags)
{
    struct compensator_entry *entry = compensator_table_find(self->table, fixed->key);
    if (entry == NULL) {
        entry = compensator_table_add(self->table, fixed->key);
    }
    bool *facts[FACTS];
    facts_of(entry, facts);
    for (int i = 0; i < FACTS; i++) {
        if (i != FACT_CANCEL) {
            *facts[i] = (flags >> i & 1) != 0;
        }
    }
    entry->state = fixed->state; /* as it was written: no event leads here */
    entry->plan = fixed->plan;
    entry->moved_for = fixed->moved_for;
    entry->cause = fixed->cause;
    entry->turn = (uint32_t)bytes_in_varint(in);
    entry->attempts = (uint16_t)bytes_in_varint(in);
    entry->tries = (uint16_t)bytes_in_varint(in);
    entry->first_sent_unix_ms = (int64_t)bytes_in_varint(in);
    entry->last = bytes_in_varint(in);
    entry->taken = bytes_in_varint(in);
    entry->case_id = bytes_in_varint(in);
    bool dated = bytes_in_left(in) > 0;
    bool asked = (flags >> FACT_CANCEL & 1) != 0 || entry->moved_for == OUTCOME_CANCEL;
    entry->cancel_turn = dated ? (uint32_t)bytes_in_varint(in) : asked ? entry->turn : 0;
    return entry;
}

static err_t
take_closed(compensator_t *self, struct bytes_in *in, struct why *why)
{
    uint64_t id = bytes_in_varint(in);
    uint8_t state = bytes_in_u8(in);
    uint64_t last = bytes_in_varint(in);
    if (in->failed || id == 0 || state > WIRE_STATE_CASE) {
        return why_set(why, ERR_CORRUPT, "a checkpoint's closed case makes no sense");
    }
    struct record_case opened;
    log_block_t *block = NULL;
    if (compensator_notification_copy(self, id, &opened, &block)) {
        compensator_cases_remember(self, &opened, id, state, last);
        log_block_release(&block);
    } /* else it was trimmed: it is forgotten */
    return ERR_OK;
}

err_t
compensator_checkpoint_take(compensator_t *self, const uint8_t *body, size_t size, struct why *why)
{
    struct bytes_in in = bytes_in_over(body, size);
    uint8_t version = bytes_in_u8(&in);
    if (version == ITEM_CLOSED) {
        return take_closed(self, &in, why);
    }
    if (version != ITEM_VERSION) {
        return why_set(why, ERR_UNSUPPORTED, "a checkpoint of a newer version");
    }
    struct compensator_entry fixed = {.key.position = bytes_in_varint(&in)};
    uint64_t subscription = bytes_in_varint(&in);
    fixed.key.subscription = (uint16_t)subscription;
    fixed.state = bytes_in_u8(&in);
    fixed.plan = bytes_in_u8(&in);
    fixed.moved_for = bytes_in_u8(&in);
    fixed.cause = bytes_in_u8(&in);
    uint64_t flags = bytes_in_varint(&in);
    bool sane = !in.failed && fixed.key.position != 0 && subscription != 0 &&
                subscription <= LIMIT_SUBSCRIPTIONS && fixed.state >= COMPENSATOR_HELD &&
                fixed.state <= COMPENSATOR_AWAY && fixed.plan <= PLAN_ORDER_RESOLVE;
    if (!sane) {
        return why_set(why, ERR_CORRUPT, "a checkpoint item that makes no sense");
    }
    struct compensator_entry *entry = read_numbers(self, &in, &fixed, flags);
    if (in.failed) {
        return why_set(why, ERR_CORRUPT, "a checkpoint item that is cut short");
    }
    struct record_case opened;
    log_block_t *block = NULL;
    if (entry->state == COMPENSATOR_CASE &&
        compensator_notification_copy(self, entry->case_id, &opened, &block)) {
        compensator_cases_describe(entry, &opened, entry->case_id);
        log_block_release(&block);
    } /* else it was trimmed, and what follows in the log ends the case */
    return ERR_OK;
}
