/*
 * What the producer's log says of subscriptions and receiver groups: every service keeps one, fed
 * with the SUBSCRIPTION and GROUP records. A later record of the same id or name replaces an
 * earlier one. Pure; entries stay where they are for the catalog's life.
 */
#ifndef HERALD_DELIVERY_CATALOG_H
#define HERALD_DELIVERY_CATALOG_H

#include "delivery/policy.h"
#include "delivery/record.h"

#define CATALOG_PATTERN_BYTES 512
#define CATALOG_POLICY_BYTES 512

struct catalog_subscription {
    uint16_t id;          /* 0: the slot is empty */
    bool active;          /* matches new notifications */
    uint8_t compensation; /* enum compensation */
    uint32_t lease_ms;
    uint32_t lease_limit_ms;
    struct policy policy;
    uint32_t group; /* index for catalog_group_at */
    char name[LIMIT_NAME_BYTES + 1];
    char pattern[CATALOG_PATTERN_BYTES + 1];
    char policy_text[CATALOG_POLICY_BYTES + 1];
};

struct catalog_group {
    char name[LIMIT_NAME_BYTES + 1]; /* empty: the slot is */
    size_t name_size;
    uint8_t identity[16]; /* of its database; all zero: none said yet */
    bool can_fence;
    bool can_undo;
};

typedef struct catalog catalog_t;

catalog_t *catalog_new(void);
void catalog_destroy(catalog_t **self_p);

/* A record of kind SUBSCRIPTION or GROUP; others are ignored. ERR_CORRUPT; ERR_FULL: more than
 * LIMIT_SUBSCRIPTIONS or LIMIT_GROUPS; why. */
err_t catalog_take(catalog_t *self, uint8_t kind, const uint8_t *body, size_t size,
                   struct why *why);

/* NULL: unknown id. */
const struct catalog_subscription *catalog_subscription(const catalog_t *self, uint16_t id);
const struct catalog_subscription *catalog_subscription_named(const catalog_t *self,
                                                              const char *name, size_t size);
/* The slot at 0 to LIMIT_GROUPS - 1, also an empty one. */
const struct catalog_group *catalog_group_at(const catalog_t *self, uint32_t index);
/* Index of the group, added with no identity when it is new. ERR_FULL as UINT32_MAX. */
uint32_t catalog_group(catalog_t *self, const char *name, size_t size);

/* The policy of a delivery: the notification's own text when it has one that parses, else the
 * subscription's. `own` is the caller's memory for the former. */
const struct policy *catalog_policy(const struct catalog_subscription *subscription,
                                    const char *own_text, size_t own_size, struct policy *own);

#endif
