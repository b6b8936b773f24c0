#include "compensator_jobs.h"

#include "base/check.h"
#include "base/mem.h"
#include "compensator_cases.h"
#include "compensator_consumers.h"
#include "compensator_notification.h"
#include "compensator_plan.h"
#include "compensator_records.h"
#include "compensator_results.h"

#define RUN_BITS 40 /* a token is the log's run, then a counter of so many bits */
#define COUNTER(token) ((token) & ((UINT64_C(1) << RUN_BITS) - 1))
#define LEASE_STANDARD_MS 10000
#define UNKNOWN_AGAIN_MS 1000 /* its subscription is not known yet */
#define TOKENS_FIRST 1024
#define WAITS_MS 1000 /* between two looks at a job that has not left */
#define LATE_MS 50    /* less is not worth going through all that was sent */

static void
unlink_ready(compensator_t *self, struct compensator_entry *entry)
{
    if (entry->ready_group == COMPENSATOR_NOWHERE) {
        return;
    }
    struct compensator_group *group = &self->groups[entry->ready_group];
    uint32_t *before = entry->ready_before == COMPENSATOR_NOWHERE
                           ? &group->first
                           : &compensator_table_at(self->table, entry->ready_before)->ready_next;
    uint32_t *after = entry->ready_next == COMPENSATOR_NOWHERE
                          ? &group->last
                          : &compensator_table_at(self->table, entry->ready_next)->ready_before;
    *before = entry->ready_next;
    *after = entry->ready_before;
    group->ready--;
    entry->ready_group = COMPENSATOR_NOWHERE;
}

static void
link_ready(compensator_t *self, struct compensator_entry *entry, uint32_t index)
{
    struct compensator_group *group = &self->groups[index];
    entry->ready_group = index;
    entry->ready_next = COMPENSATOR_NOWHERE;
    entry->ready_before = group->last;
    if (group->last == COMPENSATOR_NOWHERE) {
        group->first = entry->slot;
    } else {
        compensator_table_at(self->table, group->last)->ready_next = entry->slot;
    }
    group->last = entry->slot;
    group->ready++;
}

void
compensator_jobs_schedule(compensator_t *self, struct compensator_entry *entry, int64_t due_ms)
{
    CHECK(entry->token == 0);
    unlink_ready(self, entry);
    deadline_heap_set(&self->heap, entry->slot, due_ms);
}

static struct compensator_token *
token_slot(const compensator_t *self, uint64_t token)
{
    CHECK(self->token_capacity > 0);
    return &self->tokens[COUNTER(token) & (self->token_capacity - 1)];
}

const struct compensator_token *
compensator_jobs_token(const compensator_t *self, uint64_t token)
{
    if (self->token_capacity == 0 || token == 0) {
        return NULL; /* nothing was ever sent */
    }
    const struct compensator_token *slot = token_slot(self, token);
    return slot->token == token ? slot : NULL;
}

void
compensator_jobs_answered(compensator_t *self, struct compensator_entry *entry)
{
    CHECK(entry->token != 0);
    struct compensator_token *slot = token_slot(self, entry->token);
    CHECK(slot->token == entry->token);
    slot->is_out = false;
    self->jobs_out--;
    entry->token = 0;
    struct compensator_consumer *consumer =
        compensator_consumers_at(self, entry->consumer, entry->consumer_id);
    if (consumer != NULL) {
        consumer->jobs_out--;
    }
    deadline_heap_remove(&self->heap, entry->slot);
}

void
compensator_jobs_forget(compensator_t *self, struct compensator_entry *entry)
{
    if (entry->token != 0) {
        compensator_jobs_answered(self, entry);
    }
    unlink_ready(self, entry);
    deadline_heap_remove(&self->heap, entry->slot);
}

void
compensator_jobs_return(compensator_t *self, uint64_t consumer_id)
{
    for (uint32_t i = 0; i < compensator_table_slots(self->table); i++) {
        struct compensator_entry *entry = compensator_table_at(self->table, i);
        if (entry != NULL && entry->token != 0 && entry->consumer_id == consumer_id) {
            compensator_jobs_answered(self, entry);
            compensator_jobs_schedule(self, entry, self->now_ms);
        }
    }
}

static uint32_t
lease_ms(const struct catalog_subscription *subscription)
{
    return subscription->lease_ms == 0 ? LEASE_STANDARD_MS : subscription->lease_ms;
}

void
compensator_jobs_extend(compensator_t *self, struct compensator_entry *entry)
{
    int64_t until = self->now_ms + lease_ms(compensator_subscription(self, entry->key));
    deadline_heap_set(&self->heap, entry->slot, until < entry->limit_ms ? until : entry->limit_ms);
}

/* Those that are out keep their counter's place when the ring grows. */
static void
grow_tokens(compensator_t *self)
{
    struct compensator_token *old = self->tokens;
    uint64_t old_capacity = self->token_capacity;
    self->token_capacity = old_capacity == 0 ? TOKENS_FIRST : old_capacity * 2;
    self->tokens = mem_array(self->token_capacity, sizeof *self->tokens);
    for (uint64_t i = 0; i < old_capacity; i++) {
        if (old[i].token != 0) {
            *token_slot(self, old[i].token) = old[i];
        }
    }
    mem_free(old);
}

static uint64_t
new_token(compensator_t *self, struct delivery_key key)
{
    if ((uint64_t)self->jobs_out * 2 >= self->token_capacity) {
        grow_tokens(self);
    }
    if (self->token_left == self->token_counter) {
        self->token_after_ms = self->now_ms;
    }
    uint64_t token = 0;
    struct compensator_token *slot = NULL;
    do { /* one that has been out for long keeps its place */
        CHECK(++self->token_counter < UINT64_C(1) << RUN_BITS);
        token = log_run(self->own) << RUN_BITS | self->token_counter;
        slot = token_slot(self, token);
    } while (slot->is_out);
    *slot = (struct compensator_token){.token = token, .key = key, .is_out = true};
    self->jobs_out++;
    return token;
}

/* The action of the plan, at the last moment, since only now somebody of the group is there. */
static uint8_t
choose_action(compensator_t *self, struct compensator_entry *entry)
{
    const struct catalog_group *group = compensator_group_of(self, entry->key);
    if (entry->plan == PLAN_UNDO && !entry->undo_out && !entry->undo_unanswered &&
        (!group->can_undo || !group->can_fence)) {
        entry->plan = PLAN_REAPPLY;
        entry->instead = true;
    }
    if (entry->plan == PLAN_UNDO && !entry->undo_out) {
        /* On record before it leaves: a restart must know that it may have been tried. */
        static const char by[] = "compensator";
        struct record_event order = {
            .kind = RECORD_ORDER,
            .order = ORDER_UNDO,
            .by = {.data = by, .size = sizeof by - 1},
        };
        compensator_records_event(self, entry, &order);
        entry->undo_out = true;
    }
    bool undo = entry->plan == PLAN_UNDO || entry->plan == PLAN_ORDER_UNDO;
    bool fence = entry->plan == PLAN_CANCEL || entry->plan == PLAN_ORDER_RESOLVE;
    return undo ? WIRE_ACTION_UNDO : fence ? WIRE_ACTION_FENCE : WIRE_ACTION_REAPPLY;
}

static void
flush(compensator_t *self, struct compensator_consumer *consumer)
{
    if (consumer->frame.data == NULL) {
        return;
    }
    size_t size = 0;
    wire_jobs_end(&consumer->jobs);
    uint8_t *body = wire_out_take(&consumer->frame, &size);
    outbox_front(self->outbox, log_next(self->own) - 1, &consumer->route, body, size);
}

static void
add_to_frame(compensator_t *self, struct compensator_consumer *consumer, const struct wire_job *job)
{
    if (consumer->frame.data != NULL &&
        (consumer->jobs.count == LIMIT_FRAME_NOTIFICATIONS ||
         !wire_out_has_room(&consumer->frame, job->item.notification.size))) {
        flush(self, consumer);
    }
    if (consumer->frame.data == NULL) {
        const struct catalog_group *group = catalog_group_at(self->catalog, consumer->group);
        const struct wire_jobs head = {
            .run = log_run(self->own),
            .group = {.data = group->name, .size = group->name_size},
        };
        wire_out_init(&consumer->frame, 4096);
        consumer->jobs = wire_jobs_begin(&consumer->frame, &head);
    }
    consumer->jobs.out = &consumer->frame;
    wire_jobs_add(&consumer->jobs, job);
}

static void
hand_out(compensator_t *self, struct compensator_entry *entry,
         struct compensator_consumer *consumer, const struct record_notification *notification)
{
    const struct catalog_subscription *subscription = compensator_subscription(self, entry->key);
    struct wire_job job = {.action = choose_action(self, entry)};
    bool limited = job.action != WIRE_ACTION_FENCE;
    uint32_t number = limited ? entry->tries + 1U : entry->waits + 1U;
    entry->first_sent_unix_ms =
        entry->first_sent_unix_ms == 0 ? self->now_unix_ms : entry->first_sent_unix_ms;
    entry->sent = true;
    entry->token = new_token(self, entry->key);
    entry->action = job.action;
    entry->consumer = (uint32_t)(consumer - self->consumers);
    entry->consumer_id = consumer->id;
    consumer->jobs_out++;
    job.token = entry->token;
    job.item = (struct wire_item){
        .position = entry->key.position,
        .subscription = entry->key.subscription,
        .turn = entry->turn,
        .attempt = (uint16_t)(number < UINT16_MAX ? number : UINT16_MAX),
        .attempts_limit = limited ? self->settings.tries : 0,
        .first_sent_unix_ms = entry->first_sent_unix_ms,
        .lease_ms = lease_ms(subscription),
        .alone = entry->alone,
        .hash = notification->hash,
        .notification = {.data = notification->encoded, .size = notification->encoded_size},
    };
    add_to_frame(self, consumer, &job);
    uint32_t most = subscription->lease_limit_ms;
    entry->limit_ms = self->now_ms + (most > job.item.lease_ms ? most : job.item.lease_ms);
    deadline_heap_set(&self->heap, entry->slot, self->now_ms + job.item.lease_ms);
    absence_waits(&self->groups[subscription->group].absence, self->now_ms,
                  self->now_ms + job.item.lease_ms);
    self->counts[COUNT_JOBS]++;
}

static void
send_group(compensator_t *self, uint32_t index)
{
    struct compensator_group *group = &self->groups[index];
    struct compensator_consumer *consumer = NULL;
    while (group->first != COMPENSATOR_NOWHERE && self->failure == ERR_OK &&
           (consumer = compensator_consumers_pick(self, index)) != NULL) {
        struct compensator_entry *entry = compensator_table_at(self->table, group->first);
        unlink_ready(self, entry);
        struct compensator_notification found;
        if (!compensator_notification_get(self, entry, &found)) {
            compensator_cases_missing(self, entry, found.lost);
            continue;
        }
        hand_out(self, entry, consumer, &found.record);
        compensator_notification_release(&found);
    }
}

void
compensator_jobs_send(compensator_t *self)
{
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        send_group(self, i);
    }
    for (uint32_t i = 0; i < self->consumers_used; i++) {
        flush(self, &self->consumers[i]);
    }
}

/* What keeps its place while the ring turns may have left long ago. */
static void
leave(compensator_t *self, const struct compensator_token *token, int64_t now_ms)
{
    struct compensator_entry *entry = compensator_table_find(self->table, token->key);
    bool left_before = COUNTER(token->token) <= self->token_left;
    if (left_before || entry == NULL || entry->token != token->token) {
        return;
    }
    entry->limit_ms += now_ms - self->token_after_ms;
    deadline_heap_set(&self->heap, entry->slot,
                      now_ms + lease_ms(compensator_subscription(self, entry->key)));
}

void
compensator_jobs_left(compensator_t *self, int64_t now_ms)
{
    uint64_t added = outbox_added(self->outbox, OUTBOX_FRONT);
    uint64_t gone = outbox_left(self->outbox, OUTBOX_FRONT);
    if (gone < self->token_next_after) {
        return; /* their sync is still to come */
    }
    uint64_t left = gone == added ? self->token_counter : self->token_next;
    if (self->token_left < left && now_ms - self->token_after_ms >= LATE_MS) {
        uint64_t most = self->token_capacity;
        uint64_t oldest = self->token_counter > most ? self->token_counter - most : 0;
        uint64_t from = self->token_left > oldest ? self->token_left : oldest;
        for (uint64_t i = from + 1; i <= left; i++) {
            leave(self, token_slot(self, i), now_ms);
        }
    }
    self->token_left = left;
    if (self->token_after_ms < self->token_next_ms) {
        self->token_after_ms = self->token_next_ms;
    }
    self->token_next = self->token_counter;
    self->token_next_ms = now_ms;
    self->token_next_after = added;
}

static void
due(compensator_t *self, struct compensator_entry *entry)
{
    bool waits = COUNTER(entry->token) > self->token_left;
    if (entry->token != 0 && waits) { /* as long as the disk takes nothing, nobody has it */
        deadline_heap_set(&self->heap, entry->slot, self->now_ms + WAITS_MS);
        return;
    }
    if (entry->token != 0) {
        self->counts[COUNT_LEASES]++;
        const struct wire_outcome lease = {.outcome = OUTCOME_LEASE, .count = 1};
        compensator_results_of(self, entry, &lease);
        return;
    }
    deadline_heap_remove(&self->heap, entry->slot);
    if (compensator_plan_used_up(self, entry)) { /* its case could not be opened before */
        compensator_cases_open(self, entry, entry->cause, "the last try failed");
        return;
    }
    const struct catalog_subscription *subscription = compensator_subscription(self, entry->key);
    if (subscription == NULL) {
        deadline_heap_set(&self->heap, entry->slot, self->now_ms + UNKNOWN_AGAIN_MS);
        return;
    }
    link_ready(self, entry, subscription->group);
}

void
compensator_jobs_expire(compensator_t *self)
{
    uint32_t slot = 0;
    while (self->failure == ERR_OK && deadline_heap_due(&self->heap, self->now_ms, &slot)) {
        due(self, compensator_table_at(self->table, slot));
    }
}

static void
watch_group(compensator_t *self, uint32_t index)
{
    struct compensator_group *group = &self->groups[index];
    if (group->ready > 0) {
        absence_waits(&group->absence, self->now_ms, self->now_ms);
    }
    if (!absence_due(&group->absence, self->now_ms, self->settings.absent_alarm_ms)) {
        return;
    }
    const struct alarm_facts facts = {
        .kind = "receiver_absent",
        .subject = catalog_group_at(self->catalog, index)->name,
        .text = group->consumers == 0 ? "compensations wait: no consumer is there"
                                      : "compensations wait: its consumers are down, hang or hand "
                                        "everything back",
    };
    compensator_alarm_of(self, 0, &facts);
}

void
compensator_jobs_watch(compensator_t *self)
{
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        watch_group(self, i);
    }
}
