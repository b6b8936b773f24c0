/* A record of any kind (the first byte): decoded, encoded and decoded again it encodes the same. */
#include "fuzz.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/record_codec.h"

#include <string.h>

union any_record {
    struct record_notification notification;
    struct record_event event;
    struct record_custody custody;
    struct record_case incident;
    struct record_subscription subscription;
    struct record_group group;
    struct record_position position;
};

static err_t
decode(uint8_t kind, const uint8_t *body, size_t size, union any_record *record, struct why *why)
{
    switch (kind) {
    case RECORD_NOTIFICATION:
        return record_notification_decode(body, size, &record->notification, why);
    case RECORD_MOVED:
    case RECORD_TAKEN:
        return record_custody_decode(body, size, &record->custody, why);
    case RECORD_CASE:
        return record_case_decode(body, size, &record->incident, why);
    case RECORD_SUBSCRIPTION:
        return record_subscription_decode(body, size, &record->subscription, why);
    case RECORD_GROUP:
        return record_group_decode(body, size, &record->group, why);
    case RECORD_POSITION:
        return record_position_decode(body, size, &record->position, why);
    default:
        return record_event_decode(kind, body, size, &record->event, why);
    }
}

/* As large as the codec promises, so that a sanitizer sees a byte more. */
static uint8_t *
encode(uint8_t kind, const union any_record *record, size_t *size)
{
    uint8_t *to = NULL;
    switch (kind) {
    case RECORD_NOTIFICATION:
        to = mem_alloc(record_notification_size(&record->notification));
        *size = record_notification_encode(&record->notification, to);
        CHECK(*size == record_notification_size(&record->notification));
        break;
    case RECORD_MOVED:
    case RECORD_TAKEN:
        to = mem_alloc(RECORD_CUSTODY_MAX);
        *size = record_custody_encode(&record->custody, to);
        break;
    case RECORD_CASE:
        to = mem_alloc(RECORD_CASE_MAX);
        *size = record_case_encode(&record->incident, to);
        break;
    case RECORD_SUBSCRIPTION:
        to = mem_alloc(RECORD_SUBSCRIPTION_MAX);
        *size = record_subscription_encode(&record->subscription, to);
        break;
    case RECORD_GROUP:
        to = mem_alloc(RECORD_GROUP_MAX);
        *size = record_group_encode(&record->group, to);
        break;
    case RECORD_POSITION:
        to = mem_alloc(RECORD_POSITION_MAX);
        *size = record_position_encode(&record->position, to);
        break;
    default:
        to = mem_alloc(RECORD_EVENT_MAX);
        *size = record_event_encode(&record->event, to);
        break;
    }
    return to;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    uint8_t kind = data[0];
    union any_record record;
    struct delivery_key key;
    struct why why = {{0}};
    (void)record_key(kind, data + 1, size - 1, &key);
    if (decode(kind, data + 1, size - 1, &record, &why) != ERR_OK) {
        CHECK(why.text[0] != '\0');
        return 0;
    }
    size_t once_size = 0;
    uint8_t *once = encode(kind, &record, &once_size);
    struct delivery_key again;
    bool has_key = record_key(kind, data + 1, size - 1, &key);
    CHECK(has_key == record_key(kind, once, once_size, &again));
    if (has_key) { /* services index tables by it */
        CHECK(key.position == again.position && key.subscription == again.subscription);
        CHECK(key.position >= 1 && key.subscription >= 1);
        CHECK(key.subscription <= LIMIT_SUBSCRIPTIONS);
    }
    CHECK(decode(kind, once, once_size, &record, &why) == ERR_OK);
    size_t twice_size = 0;
    uint8_t *twice = encode(kind, &record, &twice_size);
    CHECK(once_size == twice_size && memcmp(once, twice, once_size) == 0);
    mem_free(once);
    mem_free(twice);
    return 0;
}
