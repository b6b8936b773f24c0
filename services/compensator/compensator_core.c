#include "compensator_core.h"

#include "base/check.h"
#include "base/mem.h"
#include "compensator_answer.h"
#include "compensator_cases.h"
#include "compensator_checkpoint.h"
#include "compensator_consumers.h"
#include "compensator_intake.h"
#include "compensator_jobs.h"
#include "compensator_people.h"
#include "compensator_results.h"
#include "compensator_state.h"
#include "runtime/retained.h"

#include <string.h>

#define TRIM_EVERY_MS 60000

static uint32_t *
heap_place(void *owner, uint32_t item)
{
    compensator_t *self = owner;
    return &compensator_table_at(self->table, item)->heap_place;
}

compensator_t *
compensator_new(const struct compensator_settings *settings, peers_t *peers, outbox_t *outbox)
{
    CHECK(settings->tries > 0 && settings->delay_count > 0 && settings->window > 0);
    CHECK(settings->checkpoint_every > 0);
    static_assert(DEADLINE_HEAP_NOWHERE == COMPENSATOR_NOWHERE, "the heap marks places so too");
    compensator_t *self = mem_zeroed(sizeof *self);
    self->settings = *settings;
    self->peers = peers;
    self->own = peers_own(peers);
    self->outbox = outbox;
    self->front = (struct front){
        .service = "compensator",
        .takes = COMPENSATOR_TAKES,
        .log = self->own,
        .outbox = outbox,
    };
    self->catalog = catalog_new();
    self->table = compensator_table_new();
    self->consumers = mem_array(COMPENSATOR_CONSUMERS_MAX, sizeof *self->consumers);
    deadline_heap_init(&self->heap, heap_place, self);
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        self->groups[i].first = COMPENSATOR_NOWHERE;
        self->groups[i].last = COMPENSATOR_NOWHERE;
    }
    return self;
}

void
compensator_destroy(compensator_t **self_p)
{
    compensator_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (uint32_t i = 0; i < self->consumers_used; i++) {
        wire_out_fini(&self->consumers[i].frame);
    }
    for (uint32_t i = 0; i < COMPENSATOR_CLOSED_MAX; i++) {
        mem_free(self->infos[i]);
    }
    for (uint32_t i = 0; i < self->later_count; i++) {
        mem_free(self->later[i].body);
    }
    deadline_heap_fini(&self->heap);
    compensator_table_destroy(&self->table);
    catalog_destroy(&self->catalog);
    mem_free(self->consumers);
    mem_free(self->tokens);
    mem_free(self);
    *self_p = NULL;
}

void
compensator_fail(compensator_t *self, err_t rc, const struct why *why)
{
    if (self->failure == ERR_OK) {
        self->failure = rc;
        self->failure_why = *why;
    }
}

const struct catalog_subscription *
compensator_subscription(const compensator_t *self, struct delivery_key key)
{
    return catalog_subscription(self->catalog, key.subscription);
}

const struct catalog_group *
compensator_group_of(const compensator_t *self, struct delivery_key key)
{
    const struct catalog_subscription *subscription = compensator_subscription(self, key);
    return subscription == NULL ? NULL : catalog_group_at(self->catalog, subscription->group);
}

void
compensator_alarm(compensator_t *self, const char *kind, const struct compensator_entry *entry,
                  const char *text)
{
    const struct catalog_group *group = compensator_group_of(self, entry->key);
    const struct alarm_facts facts = {
        .kind = kind,
        .subject = group == NULL ? "unknown group" : group->name,
        .text = text,
        .case_id = entry->case_id,
    };
    compensator_alarm_of(self, log_next(self->own) - 1, &facts);
}

void
compensator_alarm_of(compensator_t *self, uint64_t after, const struct alarm_facts *facts)
{
    self->counts[COUNT_ALARMS]++;
    outbox_alarm(self->outbox, after, facts);
}

void
compensator_now(void *self_, int64_t now_ms, int64_t now_unix_ms)
{
    compensator_t *self = self_;
    self->now_ms = now_ms;
    self->now_unix_ms = now_unix_ms;
}

void
compensator_left(void *self, int64_t now_ms)
{
    compensator_jobs_left(self, now_ms);
}

/* SHOW of what is not synced yet is asked again by ourselves once it is. */
static bool
put_off(compensator_t *self, const struct outbox_route *route, const struct wire_case_order *order,
        const uint8_t *body, size_t size)
{
    uint64_t after = 0;
    if (self->later_count == COMPENSATOR_LATER_MAX ||
        !compensator_people_must_wait(self, order, &after)) {
        return false;
    }
    uint8_t *copy = mem_alloc(size);
    memcpy(copy, body, size);
    self->later[self->later_count++] =
        (struct compensator_later){.route = *route, .body = copy, .size = size, .after = after};
    return true;
}

/* What one frame asks; the union of what it may hold. */
union asked {
    struct wire_hello hello;
    struct wire_ping ping;
    struct wire_cases_ask cases;
    struct wire_case_order order;
};

static err_t
take_front(compensator_t *self, const struct outbox_route *route, struct wire_in *in,
           const struct wire_head *head, struct why *why)
{
    union asked asked;
    err_t rc = ERR_OK;
    switch (head->type) {
    case WIRE_HELLO:
        rc = wire_hello_decode(in, head, &asked.hello, why);
        if (rc == ERR_OK) {
            compensator_consumers_hello(self, route, head->request, &asked.hello);
        }
        break;
    case WIRE_PING:
        rc = wire_ping_decode(in, head, &asked.ping, why);
        if (rc == ERR_OK) {
            compensator_consumers_ping(self, route, head->request, &asked.ping);
        }
        break;
    case WIRE_LEAVE:
        rc = wire_leave_decode(in, head, &asked.ping, why);
        if (rc == ERR_OK) {
            compensator_consumers_leave(self, &asked.ping);
        }
        break;
    case WIRE_RESULT:
        if (!compensator_results_take(self, in)) {
            rc = why_set(why, ERR_INVALID, "%s", in->why.text);
        }
        break;
    case WIRE_CASES:
        rc = wire_cases_decode(in, head, &asked.cases, why);
        if (rc == ERR_OK) {
            compensator_people_list(self, route, head->request, &asked.cases);
        }
        break;
    default:
        rc = front_unsupported(self->front.service, self->front.takes, head->type, why);
        break;
    }
    return rc;
}

void
compensator_front(void *self_, const struct outbox_route *route, const uint8_t *body, size_t size)
{
    compensator_t *self = self_;
    struct wire_in in;
    struct wire_head head;
    struct why why = {0};
    err_t rc;
    wire_message_reopen(&in, body, size, &head);
    if (head.type == WIRE_CASE) {
        struct wire_case_order order;
        rc = wire_case_order_decode(&in, &head, &order, &why);
        if (rc == ERR_OK && !put_off(self, route, &order, body, size)) {
            compensator_people_order(self, route, head.request, &order);
        }
    } else {
        rc = take_front(self, route, &in, &head, &why);
    }
    if (rc != ERR_OK) {
        front_fault(&self->front, route, head.request, rc, &why);
    }
}

static void
answer_later(compensator_t *self)
{
    uint32_t waiting = self->later_count;
    struct compensator_later later[COMPENSATOR_LATER_MAX];
    memcpy(later, self->later, waiting * sizeof later[0]);
    self->later_count = 0;
    for (uint32_t i = 0; i < waiting; i++) {
        if (later[i].after > log_durable(self->own)) {
            self->later[self->later_count++] = later[i];
        } else {
            compensator_front(self, &later[i].route, later[i].body, later[i].size);
            mem_free(later[i].body);
        }
    }
}

/* Everything from here on is still needed for an open delivery, or unread by a peer. */
static uint64_t
keep_from(const compensator_t *self)
{
    uint64_t keep = peers_readers(self->peers);
    keep = keep == UINT64_MAX ? keep : keep + 1;
    for (uint32_t i = 0; i < compensator_table_slots(self->table); i++) {
        const struct compensator_entry *entry = compensator_table_at(self->table, i);
        if (entry == NULL) {
            continue;
        }
        keep = entry->taken < keep ? entry->taken : keep;
        keep = entry->case_id != 0 && entry->case_id < keep ? entry->case_id : keep;
    }
    return keep;
}

/* What may go is found now and goes later, when the ends that allow it are durable. */
static err_t
trim(compensator_t *self, struct why *why)
{
    err_t rc = ERR_OK;
    if (self->trim_keep != 0 && self->trim_after <= log_durable(self->own)) {
        uint64_t keep = self->trim_keep;
        self->trim_keep = 0;
        return log_trim(self->own, keep, why);
    }
    if (self->trim_keep == 0 && self->now_ms - self->trim_ms >= TRIM_EVERY_MS) {
        self->trim_ms = self->now_ms;
        uint64_t keep = keep_from(self);
        uint64_t next = log_next(self->own); /* what comes later is not judged yet */
        keep = keep < next ? keep : next;
        if (self->settings.retention_ms > 0) {
            rc = retained_from(self->own, self->now_unix_ms - self->settings.retention_ms, &keep,
                               why);
        }
        self->trim_keep = keep;
        self->trim_after = next - 1;
    }
    return rc;
}

err_t
compensator_step(void *self_, int64_t now_ms, int64_t now_unix_ms, struct why *why)
{
    compensator_t *self = self_;
    compensator_now(self, now_ms, now_unix_ms);
    err_t rc = peers_refresh(self->peers, why);
    if (rc == ERR_OK) {
        rc = compensator_intake_read(self, COMPENSATOR_READ_MAX, &self->more, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    peers_note(self->peers);
    compensator_consumers_expire(self);
    compensator_jobs_expire(self);
    compensator_jobs_send(self);
    compensator_jobs_watch(self);
    answer_later(self);
    compensator_checkpoint_write(self);
    if (self->failure != ERR_OK) {
        return why_set(why, self->failure, "%s", self->failure_why.text);
    }
    return trim(self, why);
}

int64_t
compensator_next_ms(void *self_)
{
    compensator_t *self = self_;
    return self->more ? 0 : deadline_heap_next_ms(&self->heap);
}

uint32_t
compensator_counters(void *self_, struct wire_counter *counters, uint32_t max)
{
    const compensator_t *self = self_;
    static const char *const names[COUNT_COUNT] = {
        [COUNT_TAKEN] = "taken",         [COUNT_DONE] = "done",
        [COUNT_UNDONE] = "undone",       [COUNT_CANCELLED] = "cancelled",
        [COUNT_RESOLVED] = "resolved",   [COUNT_CASES] = "cases_opened",
        [COUNT_REPLAYED] = "replayed",   [COUNT_JOBS] = "jobs_sent",
        [COUNT_RESULTS] = "job_results", [COUNT_LEASES] = "leases_expired",
        [COUNT_ALARMS] = "alarms",       [COUNT_LATE] = "results_late",
    };
    uint32_t count = 0;
    for (; count < COUNT_COUNT && count < max; count++) {
        counters[count].name =
            (struct wire_text){.data = names[count], .size = strlen(names[count])};
        counters[count].value = self->counts[count];
    }
    const struct {
        const char *name;
        uint64_t value;
    } gauges[] = {
        {"held", compensator_table_count(self->table)},
        {"cases_open", compensator_cases_count(self)},
        {"consumers", compensator_consumers_count(self)},
        {"jobs_out", self->jobs_out},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0] && count < max; i++) {
        counters[count].name =
            (struct wire_text){.data = gauges[i].name, .size = strlen(gauges[i].name)};
        counters[count++].value = gauges[i].value;
    }
    return count;
}
