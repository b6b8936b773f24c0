#include "order_work.h"

#include "base/check.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define TABLE_SLOTS 4096 /* a power of 2, at most a quarter full */
static_assert(TABLE_SLOTS >= 4 * ORDER_WORK_ITEMS_MAX && ORDER_WORK_ITEMS_MAX < ORDER_WORK_NONE,
              "indices fit their tables");

static const char *const words[ORDER_WORK_STATUS_COUNT] = {
    [ORDER_WORK_NO_ROW] = "",
    [ORDER_WORK_SUCCESS] = "SUCCESS",
    [ORDER_WORK_FAILURE] = "FAILURE",
    [ORDER_WORK_FENCED] = "FENCED",
};

order_work_t *
order_work_new(void)
{
    order_work_t *self = mem_zeroed(sizeof *self);
    self->items = mem_array(ORDER_WORK_ITEMS_MAX, sizeof *self->items);
    self->keys = mem_array(ORDER_WORK_ITEMS_MAX, sizeof *self->keys);
    self->orders = mem_array(ORDER_WORK_ITEMS_MAX, sizeof *self->orders);
    self->key_table = mem_array(TABLE_SLOTS, sizeof *self->key_table);
    self->order_table = mem_array(TABLE_SLOTS, sizeof *self->order_table);
    return self;
}

void
order_work_destroy(order_work_t **self_p)
{
    order_work_t *self = *self_p;
    if (self != NULL) {
        mem_free(self->items);
        mem_free(self->keys);
        mem_free(self->orders);
        mem_free(self->key_table);
        mem_free(self->order_table);
        mem_free(self);
        *self_p = NULL;
    }
}

/* FNV-1a: the texts are short, and a bad one costs a batch some comparisons. */
static size_t
first_slot(const char *text, size_t size)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 1099511628211U;
    }
    return (size_t)(hash ^ hash >> 32) % TABLE_SLOTS;
}

/* The slot of the key, or the free one where it belongs. */
static size_t
key_slot(const order_work_t *self, const char *biz_id, size_t size)
{
    size_t slot = first_slot(biz_id, size);
    while (self->key_table[slot] != ORDER_WORK_NONE) {
        const struct order_work_key *key = &self->keys[self->key_table[slot]];
        if (key->biz_id_size == size && memcmp(key->biz_id, biz_id, size) == 0) {
            break;
        }
        slot = (slot + 1) % TABLE_SLOTS;
    }
    return slot;
}

static size_t
order_slot(const order_work_t *self, const char *order_id)
{
    size_t slot = first_slot(order_id, strlen(order_id));
    while (self->order_table[slot] != ORDER_WORK_NONE &&
           strcmp(self->orders[self->order_table[slot]].order_id, order_id) != 0) {
        slot = (slot + 1) % TABLE_SLOTS;
    }
    return slot;
}

static uint16_t
key_index(order_work_t *self, const struct order_item *item)
{
    size_t slot = key_slot(self, item->biz_id, item->biz_id_size);
    if (self->key_table[slot] == ORDER_WORK_NONE) {
        struct order_work_key *key = &self->keys[self->key_count];
        key->biz_id = item->biz_id;
        key->biz_id_size = item->biz_id_size;
        key->status = ORDER_WORK_NO_ROW;
        key->undo_result[0] = '\0';
        key->waves = 0;
        self->key_table[slot] = (uint16_t)self->key_count++;
    }
    return self->key_table[slot];
}

static uint16_t
order_index(order_work_t *self, const char *order_id)
{
    if (order_id[0] == '\0') {
        return ORDER_WORK_NONE;
    }
    size_t slot = order_slot(self, order_id);
    if (self->order_table[slot] == ORDER_WORK_NONE) {
        self->orders[self->order_count] = (struct order_work_order){.order_id = order_id};
        self->order_table[slot] = (uint16_t)self->order_count++;
    }
    return self->order_table[slot];
}

struct order_work_key *
order_work_find_key(order_work_t *self, const char *biz_id, size_t size)
{
    uint16_t index = self->key_table[key_slot(self, biz_id, size)];
    return index == ORDER_WORK_NONE ? NULL : &self->keys[index];
}

struct order_work_order *
order_work_find_order(order_work_t *self, const char *order_id)
{
    uint16_t index = self->order_table[order_slot(self, order_id)];
    return index == ORDER_WORK_NONE ? NULL : &self->orders[index];
}

void
order_work_load(order_work_t *self, const struct order_item *items, struct order_answer *answers,
                size_t count)
{
    CHECK(count <= ORDER_WORK_ITEMS_MAX);
    self->item_count = self->key_count = self->order_count = 0;
    self->wave_count = 0;
    memset(self->key_table, 0xff, TABLE_SLOTS * sizeof *self->key_table);
    memset(self->order_table, 0xff, TABLE_SLOTS * sizeof *self->order_table);
    for (size_t i = 0; i < count; i++) {
        const char *fault = order_item_fault(&items[i]);
        if (fault != NULL) {
            order_answer_set(&answers[i], ORDER_ANSWER_REJECT, "%s", fault);
            continue;
        }
        struct order_work_item *item = &self->items[self->item_count++];
        item->item = &items[i];
        item->answer = &answers[i];
        item->understood = order_event_parse(item->item, &item->event, item->answer);
        order_item_hash(item->item, item->hash);
        item->key = key_index(self, item->item);
        item->order = order_index(self, item->event.order_id);
        item->write = (struct order_work_write){.row = ORDER_WORK_NO_ROW};
    }
}

void
order_work_place(order_work_t *self, struct order_work_item *item)
{
    struct order_work_key *key = &self->keys[item->key];
    struct order_work_order *order =
        item->write.change == ORDER_WORK_KEEP ? NULL : &self->orders[item->order];
    uint16_t wave = key->waves;
    if (order != NULL && order->waves > wave) {
        wave = order->waves;
    }
    item->write.wave = wave;
    key->waves = (uint16_t)(wave + 1);
    if (order != NULL) {
        order->waves = (uint16_t)(wave + 1);
    }
    if (self->wave_count < wave + 1) {
        self->wave_count = (uint16_t)(wave + 1);
    }
}

const char *
order_work_word(enum order_work_status status)
{
    CHECK((unsigned)status < ORDER_WORK_STATUS_COUNT);
    return words[status];
}

enum order_work_status
order_work_of_word(const char *word, size_t size)
{
    for (int status = ORDER_WORK_SUCCESS; status < ORDER_WORK_STATUS_COUNT; status++) {
        if (strlen(words[status]) == size && memcmp(word, words[status], size) == 0) {
            return (enum order_work_status)status;
        }
    }
    return ORDER_WORK_NO_ROW;
}
