/*
 * The configured subscriptions against those that the log knows: names are found again by their
 * stable ids, so that deliveries in flight keep their meaning across any change of configuration.
 */
#include "producer_private.h"

#include "delivery/topic_pattern.h"

#include <string.h>

static struct record_text
text_of(const char *text)
{
    return (struct record_text){.data = text, .size = strlen(text)};
}

static bool
same(const struct catalog_subscription *known, const struct producer_subscription_settings *wanted)
{
    return known->active && known->compensation == wanted->compensation &&
           known->lease_ms == wanted->lease_ms && known->lease_limit_ms == wanted->lease_limit_ms &&
           strcmp(known->pattern, wanted->pattern) == 0 &&
           strcmp(known->policy_text, wanted->policy) == 0;
}

static err_t
append(producer_core_t *self, const struct record_subscription *record, struct why *why)
{
    uint8_t body[RECORD_SUBSCRIPTION_MAX];
    size_t size = record_subscription_encode(record, body);
    err_t rc = catalog_take(self->catalog, RECORD_SUBSCRIPTION, body, size, why);
    if (rc == ERR_OK) {
        (void)log_append(self->log, RECORD_SUBSCRIPTION, body, size); /* place does not matter */
        (void)producer_queue_of(self, record->id);                    /* there from now on */
    }
    return rc;
}

err_t
producer_core_check(const struct producer_subscription_settings *wanted, struct why *why)
{
    struct policy policy;
    struct why inner;
    size_t name_size = strlen(wanted->name);
    size_t group_size = strlen(wanted->group);
    if (name_size == 0 || name_size > LIMIT_NAME_BYTES || group_size == 0 ||
        group_size > LIMIT_NAME_BYTES) {
        return why_set(why, ERR_INVALID, "subscriptions/%s: a name and a group have 1 to %d bytes",
                       wanted->name, LIMIT_NAME_BYTES);
    }
    if (strlen(wanted->pattern) > CATALOG_PATTERN_BYTES ||
        strlen(wanted->policy) > CATALOG_POLICY_BYTES) {
        return why_set(why, ERR_INVALID, "subscriptions/%s: topic and policy have at most %d bytes",
                       wanted->name, CATALOG_PATTERN_BYTES);
    }
    if (topic_pattern_check(wanted->pattern, &inner) != ERR_OK ||
        policy_parse(&policy, wanted->policy, strlen(wanted->policy), &inner) != ERR_OK) {
        return why_set(why, ERR_INVALID, "subscriptions/%s: %s", wanted->name, inner.text);
    }
    return ERR_OK;
}

/* As above, and against what the log knows. */
static err_t
check(const producer_core_t *self, const struct producer_subscription_settings *wanted,
      struct why *why)
{
    err_t rc = producer_core_check(wanted, why);
    if (rc != ERR_OK) {
        return rc;
    }
    const struct catalog_subscription *known =
        catalog_subscription_named(self->catalog, wanted->name, strlen(wanted->name));
    if (known != NULL &&
        strcmp(catalog_group_at(self->catalog, known->group)->name, wanted->group) != 0) {
        return why_set(why, ERR_INVALID,
                       "subscriptions/%s: was for group %s before and cannot become %s's, since "
                       "deliveries in flight name it; use another name",
                       wanted->name, catalog_group_at(self->catalog, known->group)->name,
                       wanted->group);
    }
    return ERR_OK;
}

/* Also none whose record a salvage lost, while deliveries name it. */
static uint16_t
free_id(const producer_core_t *self)
{
    uint16_t id = 1;
    while (id <= LIMIT_SUBSCRIPTIONS && (catalog_subscription(self->catalog, id) != NULL ||
                                         (id <= self->queue_count && self->queues[id] != NULL))) {
        id++;
    }
    return id;
}

static err_t
configure_one(producer_core_t *self, const struct producer_subscription_settings *wanted,
              struct why *why)
{
    const struct catalog_subscription *known =
        catalog_subscription_named(self->catalog, wanted->name, strlen(wanted->name));
    if (known != NULL && same(known, wanted)) {
        (void)producer_queue_of(self, known->id);
        return ERR_OK;
    }
    struct record_subscription record = {
        .id = known != NULL ? known->id : free_id(self),
        .active = true,
        .compensation = wanted->compensation,
        .lease_ms = wanted->lease_ms,
        .lease_limit_ms = wanted->lease_limit_ms,
        .name = text_of(wanted->name),
        .pattern = text_of(wanted->pattern),
        .group = text_of(wanted->group),
        .policy = text_of(wanted->policy),
    };
    if (record.id > LIMIT_SUBSCRIPTIONS) {
        return why_set(why, ERR_INVALID,
                       "subscriptions/%s: at most %d subscriptions over a journal's life, those "
                       "of earlier included",
                       wanted->name, LIMIT_SUBSCRIPTIONS);
    }
    return append(self, &record, why);
}

static bool
is_wanted(const struct catalog_subscription *known,
          const struct producer_subscription_settings *subscriptions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(known->name, subscriptions[i].name) == 0) {
            return true;
        }
    }
    return false;
}

static err_t
retire(producer_core_t *self, const struct catalog_subscription *known, struct why *why)
{
    struct catalog_subscription old = *known; /* the record's texts must not be the slot's */
    struct record_subscription record = {
        .id = old.id,
        .active = false,
        .compensation = old.compensation,
        .lease_ms = old.lease_ms,
        .lease_limit_ms = old.lease_limit_ms,
        .name = text_of(old.name),
        .pattern = text_of(old.pattern),
        .group = text_of(catalog_group_at(self->catalog, old.group)->name),
        .policy = text_of(old.policy_text),
    };
    return append(self, &record, why);
}

/* Deliveries name their subscription: one of which no record is left could not be sent. */
static err_t
check_queues(const producer_core_t *self, struct why *why)
{
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        if (self->queues[id] != NULL && catalog_subscription(self->catalog, id) == NULL) {
            return why_set(why, ERR_CORRUPT,
                           "the producer's log has deliveries of subscription %u, and no record "
                           "that says what it is",
                           id);
        }
    }
    return ERR_OK;
}

err_t
producer_core_configure(producer_core_t *self,
                        const struct producer_subscription_settings *subscriptions, size_t count,
                        struct why *why)
{
    err_t rc = ERR_OK;
    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        rc = check(self, &subscriptions[i], why);
    }
    for (uint16_t id = 1; id <= LIMIT_SUBSCRIPTIONS && rc == ERR_OK; id++) {
        const struct catalog_subscription *known = catalog_subscription(self->catalog, id);
        if (known != NULL && known->active && !is_wanted(known, subscriptions, count)) {
            rc = retire(self, known, why);
        }
    }
    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        rc = configure_one(self, &subscriptions[i], why);
    }
    memset(self->topics, 0, sizeof self->topics);
    producer_load_recount(self);
    return rc == ERR_OK ? check_queues(self, why) : rc;
}
