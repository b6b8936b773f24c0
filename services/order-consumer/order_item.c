#include "order_item.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

#include <sodium.h>
#include <string.h>

static const char *
text_fault(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return "biz_id or topic holds a control character";
        }
    }
    return NULL;
}

const char *
order_item_fault(const struct order_item *item)
{
    if (item->biz_id_size == 0 || item->biz_id_size > LIMIT_BIZ_ID_BYTES) {
        return "biz_id must have 1 to 64 bytes";
    }
    if (item->topic_size == 0 || item->topic_size > LIMIT_TOPIC_BYTES) {
        return "topic must have 1 to 128 bytes";
    }
    if (item->payload_size > LIMIT_PAYLOAD_BYTES) {
        return "payload must have at most 65536 bytes";
    }
    if (item->version > INT64_MAX) {
        return "version must be below 2^63";
    }
    const char *fault = text_fault(item->biz_id, item->biz_id_size);
    return fault != NULL ? fault : text_fault(item->topic, item->topic_size);
}

void
order_item_hash(const struct order_item *item, uint8_t hash[ORDER_ITEM_HASH_BYTES])
{
    uint8_t head[LIMIT_TOPIC_BYTES + 1 + 8];
    CHECK(item->topic_size <= LIMIT_TOPIC_BYTES);
    memcpy(head, item->topic, item->topic_size);
    head[item->topic_size] = 0;
    bytes_put_u64(head + item->topic_size + 1, item->version);

    crypto_generichash_state state;
    CHECK(crypto_generichash_init(&state, NULL, 0, ORDER_ITEM_HASH_BYTES) == 0);
    CHECK(crypto_generichash_update(&state, head, item->topic_size + 9) == 0);
    CHECK(crypto_generichash_update(&state, item->payload, item->payload_size) == 0);
    CHECK(crypto_generichash_final(&state, hash, ORDER_ITEM_HASH_BYTES) == 0);
}
