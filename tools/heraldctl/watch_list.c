#include "watch_list.h"

#include "base/mem.h"
#include "wire/wire_query.h"

#include <stdlib.h>
#include <string.h>

struct watch_delivery {
    char subscription[LIMIT_NAME_BYTES + 1];
    uint8_t state;
};

struct watch_item {
    struct watch_delivery *deliveries; /* owned; NULL: not asked yet, or not known */
    size_t count;
    bool missing;
};

struct watch_list {
    char *const *ids; /* borrowed */
    size_t count;
    struct watch_item *items; /* owned */
    size_t missing;
    size_t states[WIRE_STATE_COUNT];
};

watch_list_t *
watch_list_new(char *const *ids, size_t count)
{
    watch_list_t *self = mem_zeroed(sizeof *self);
    self->ids = ids;
    self->count = count;
    self->items = mem_array(count, sizeof *self->items);
    return self;
}

void
watch_list_destroy(watch_list_t **self_p)
{
    watch_list_t *self = *self_p;
    if (self != NULL) {
        for (size_t i = 0; i < self->count; i++) {
            mem_free(self->items[i].deliveries);
        }
        mem_free(self->items);
        mem_free(self);
        *self_p = NULL;
    }
}

static int
watch_list_order(const void *key, const void *element)
{
    return strcmp(key, *(char *const *)element);
}

static struct watch_item *
watch_list_item(watch_list_t *self, const char *biz_id)
{
    if (self->count == 0) {
        return NULL;
    }
    char *const *at = bsearch(biz_id, self->ids, self->count, sizeof *self->ids, watch_list_order);
    return at == NULL ? NULL : &self->items[at - self->ids];
}

void
watch_list_found(watch_list_t *self, const struct herald_client_found *found)
{
    struct watch_item *item = watch_list_item(self, found->biz_id);
    if (item == NULL || item->deliveries != NULL || item->missing) {
        return;
    }
    if (!found->found) {
        item->missing = true;
        self->missing++;
        return;
    }
    item->count = found->delivery_count;
    item->deliveries = mem_array(found->delivery_count + 1, sizeof *item->deliveries);
    for (size_t i = 0; i < found->delivery_count; i++) {
        memcpy(item->deliveries[i].subscription, found->deliveries[i].subscription,
               sizeof item->deliveries[i].subscription);
    }
    self->states[WIRE_STATE_PENDING] += item->count;
}

bool
watch_list_state(watch_list_t *self, const char *biz_id, const char *subscription, uint8_t state)
{
    struct watch_item *item = watch_list_item(self, biz_id);
    for (size_t i = 0; item != NULL && i < item->count; i++) {
        struct watch_delivery *delivery = &item->deliveries[i];
        if (strcmp(delivery->subscription, subscription) != 0) {
            continue;
        }
        bool open = delivery->state == WIRE_STATE_PENDING || delivery->state == WIRE_STATE_CASE;
        bool news = open && state != delivery->state && state != WIRE_STATE_PENDING &&
                    state < WIRE_STATE_COUNT;
        if (news) {
            self->states[delivery->state]--;
            self->states[state]++;
            delivery->state = state;
        }
        return news;
    }
    return false;
}

size_t
watch_list_missing(const watch_list_t *self)
{
    return self->missing;
}

static bool
watch_list_waits(const struct watch_item *item)
{
    bool waits = item->deliveries == NULL && !item->missing;
    for (size_t i = 0; i < item->count; i++) {
        waits = waits || item->deliveries[i].state == WIRE_STATE_PENDING;
    }
    return waits;
}

size_t
watch_list_waiting(const watch_list_t *self, size_t from, size_t count, const char **ids)
{
    size_t waiting = 0;
    for (size_t i = from; i < self->count && i - from < count; i++) {
        if (watch_list_waits(&self->items[i])) {
            if (ids != NULL) {
                ids[waiting] = self->ids[i];
            }
            waiting++;
        }
    }
    return waiting;
}

size_t
watch_list_count(const watch_list_t *self, uint8_t state)
{
    return self->states[state];
}
