/*
 * One notification as it is handed to the order database. All of it is borrowed from the caller,
 * and none of it is trusted.
 */
#ifndef HERALD_ORDER_ITEM_H
#define HERALD_ORDER_ITEM_H

#include <stddef.h>
#include <stdint.h>

#define ORDER_ITEM_HASH_BYTES 32

struct order_item {
    const char *biz_id; /* names the event; not terminated */
    size_t biz_id_size;
    const char *topic; /* not terminated */
    size_t topic_size;
    const uint8_t *payload;
    size_t payload_size;
    uint64_t version; /* of the order, as its source counts; 0: it does not count */
};

/*
 * What is wrong with the key or the sizes, as one sentence in static storage, or NULL. An item
 * with a fault here cannot even be recorded.
 */
const char *order_item_fault(const struct order_item *item);

/*
 * BLAKE2b-256 over topic, one zero byte, version (8 bytes, little-endian), payload. It tells a
 * repeat from another event under the same key, and proves later which bytes were applied.
 */
void order_item_hash(const struct order_item *item, uint8_t hash[ORDER_ITEM_HASH_BYTES]);

#endif
