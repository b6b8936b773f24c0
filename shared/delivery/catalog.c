#include "delivery/catalog.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/record_codec.h"

#include <string.h>

struct catalog {
    struct catalog_subscription subscriptions[LIMIT_SUBSCRIPTIONS + 1]; /* by id */
    struct catalog_group groups[LIMIT_GROUPS];
};

catalog_t *
catalog_new(void)
{
    return mem_zeroed(sizeof(catalog_t));
}

void
catalog_destroy(catalog_t **self_p)
{
    mem_free(*self_p);
    *self_p = NULL;
}

static void
copy_text(char *to, size_t max, struct record_text text)
{
    CHECK(text.size <= max);
    if (text.size > 0) {
        memcpy(to, text.data, text.size);
    }
    to[text.size] = '\0';
}

static err_t
take_subscription(catalog_t *self, const uint8_t *body, size_t size, struct why *why)
{
    struct record_subscription record;
    err_t rc = record_subscription_decode(body, size, &record, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (record.name.size == 0 || record.group.size == 0) {
        return why_set(why, ERR_CORRUPT, "a SUBSCRIPTION record without a name or group");
    }
    struct policy policy;
    if (policy_parse(&policy, record.policy.data, record.policy.size, why) != ERR_OK) {
        return ERR_CORRUPT;
    }
    uint32_t group = catalog_group(self, record.group.data, record.group.size);
    if (group == UINT32_MAX) {
        return why_set(why, ERR_FULL, "more than %d receiver groups", LIMIT_GROUPS);
    }
    struct catalog_subscription *slot = &self->subscriptions[record.id];
    slot->id = record.id;
    slot->active = record.active;
    slot->compensation = record.compensation;
    slot->lease_ms = record.lease_ms;
    slot->lease_limit_ms = record.lease_limit_ms;
    slot->policy = policy;
    slot->group = group;
    copy_text(slot->name, LIMIT_NAME_BYTES, record.name);
    copy_text(slot->pattern, CATALOG_PATTERN_BYTES, record.pattern);
    copy_text(slot->policy_text, CATALOG_POLICY_BYTES, record.policy);
    return ERR_OK;
}

static err_t
take_group(catalog_t *self, const uint8_t *body, size_t size, struct why *why)
{
    struct record_group record;
    err_t rc = record_group_decode(body, size, &record, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (record.name.size == 0) {
        return why_set(why, ERR_CORRUPT, "a GROUP record without a name");
    }
    uint32_t index = catalog_group(self, record.name.data, record.name.size);
    if (index == UINT32_MAX) {
        return why_set(why, ERR_FULL, "more than %d receiver groups", LIMIT_GROUPS);
    }
    struct catalog_group *slot = &self->groups[index];
    memcpy(slot->identity, record.identity, sizeof slot->identity);
    slot->can_fence = record.can_fence;
    slot->can_undo = record.can_undo;
    return ERR_OK;
}

err_t
catalog_take(catalog_t *self, uint8_t kind, const uint8_t *body, size_t size, struct why *why)
{
    if (kind == RECORD_SUBSCRIPTION) {
        return take_subscription(self, body, size, why);
    }
    return kind == RECORD_GROUP ? take_group(self, body, size, why) : ERR_OK;
}

const struct catalog_subscription *
catalog_subscription(const catalog_t *self, uint16_t id)
{
    return id == 0 || id > LIMIT_SUBSCRIPTIONS || self->subscriptions[id].id == 0
               ? NULL
               : &self->subscriptions[id];
}

const struct catalog_subscription *
catalog_subscription_named(const catalog_t *self, const char *name, size_t size)
{
    for (uint16_t id = 1; id <= LIMIT_SUBSCRIPTIONS; id++) {
        const struct catalog_subscription *slot = &self->subscriptions[id];
        if (slot->id != 0 && strlen(slot->name) == size && memcmp(slot->name, name, size) == 0) {
            return slot;
        }
    }
    return NULL;
}

const struct catalog_group *
catalog_group_at(const catalog_t *self, uint32_t index)
{
    CHECK(index < LIMIT_GROUPS);
    return &self->groups[index];
}

uint32_t
catalog_group(catalog_t *self, const char *name, size_t size)
{
    CHECK(size > 0 && size <= LIMIT_NAME_BYTES);
    for (uint32_t i = 0; i < LIMIT_GROUPS; i++) {
        struct catalog_group *slot = &self->groups[i];
        if (slot->name_size == 0) {
            memcpy(slot->name, name, size);
            slot->name_size = size;
            return i;
        }
        if (slot->name_size == size && memcmp(slot->name, name, size) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

const struct policy *
catalog_policy(const struct catalog_subscription *subscription, const char *own_text,
               size_t own_size, struct policy *own)
{
    if (own_size > 0 && policy_parse(own, own_text, own_size, NULL) == ERR_OK) {
        return own;
    }
    return &subscription->policy;
}
