/* Any notification: the quick look agrees with the whole decoder, and encoding keeps every field.
 */
#include "fuzz.h"

#include "base/check.h"
#include "wire/wire_submit.h"

#include <string.h>

static void
check_same(size_t a_size, const void *a, size_t b_size, const void *b)
{
    CHECK(a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0));
}

static void
check_encoding(const struct wire_notification *first)
{
    struct wire_out out;
    struct wire_notification second;
    struct why why = {{0}};
    wire_out_init(&out, 64);
    wire_notification_encode(&out, first);
    CHECK(wire_notification_decode(out.data, out.size, &second, &why) == ERR_OK);
    check_same(first->topic.size, first->topic.data, second.topic.size, second.topic.data);
    check_same(first->biz_id.size, first->biz_id.data, second.biz_id.size, second.biz_id.data);
    check_same(first->payload.size, first->payload.data, second.payload.size, second.payload.data);
    check_same(first->policy.size, first->policy.data, second.policy.size, second.policy.data);
    CHECK(first->version == second.version);
    CHECK(first->deadline_unix_ms == second.deadline_unix_ms);
    wire_out_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_notification notification;
    struct why why = {{0}};
    struct wire_peek peek = wire_notification_peek(data, size);
    if (wire_notification_decode(data, size, &notification, &why) == ERR_OK) {
        check_same(peek.biz_id.size, peek.biz_id.data, notification.biz_id.size,
                   notification.biz_id.data);
        CHECK(peek.has_policy == (notification.policy.size > 0));
        CHECK(peek.has_deadline == (notification.deadline_unix_ms != 0));
        check_encoding(&notification);
    } else {
        CHECK(why.text[0] != '\0');
    }
    if (peek.biz_id.size > 0) { /* in any case it lies inside */
        const uint8_t *start = (const uint8_t *)peek.biz_id.data;
        CHECK(start >= data && peek.biz_id.size <= (size_t)(data + size - start));
    }
    return 0;
}
