#include "wire/wire_deliver.h"

#include "wire/wire_submit.h"
#include "wire_samples.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t hash[WIRE_HASH_BYTES] = {1, 2, 3};

static struct wire_bytes
bytes_of(const void *data, size_t size)
{
    return (struct wire_bytes){.data = data, .size = size};
}

/* A DELIVER with these as its notifications, opened up to its first item. */
static struct wire_in
deliver(struct wire_out *out, const struct wire_bytes *notifications, uint32_t count)
{
    const struct wire_deliver head = {.run = 3, .group = {.data = "order-system", .size = 12}};
    wire_out_init(out, 64);
    struct wire_deliver_out list = wire_deliver_begin(out, &head);
    for (uint32_t i = 0; i < count; i++) {
        const struct wire_item item = {
            .position = UINT64_C(1) << 33,
            .subscription = 2,
            .turn = 70000,
            .attempt = 300,
            .attempts_limit = 301,
            .first_sent_unix_ms = 1795420800123,
            .lease_ms = 10000 + i,
            .alone = i % 2 == 1,
            .hash = hash,
            .notification = notifications[i],
        };
        wire_deliver_add(&list, &item);
    }
    wire_deliver_end(&list);
    struct wire_in in;
    struct wire_head message;
    struct wire_deliver read;
    struct why why;
    cr_assert_eq(wire_message_open(&in, out->data, out->size, &message, &why), ERR_OK, "%s",
                 why.text);
    cr_assert(wire_deliver_open(&in, &read));
    cr_assert_eq(read.count, count);
    return in;
}

static void
assert_item(const struct wire_item *item, uint32_t i)
{
    cr_assert_eq(item->position, UINT64_C(1) << 33);
    cr_assert_eq(item->subscription, 2);
    cr_assert_eq(item->turn, 70000);
    cr_assert_eq(item->attempt, 300);
    cr_assert_eq(item->attempts_limit, 301);
    cr_assert_eq(item->first_sent_unix_ms, 1795420800123);
    cr_assert_eq(item->lease_ms, 10000 + i);
    cr_assert_eq(item->alone, i % 2 == 1);
    cr_assert_eq(memcmp(item->hash, hash, sizeof hash), 0);
}

Test(wire_deliver, an_opened_item_has_its_notification_taken_apart)
{
    struct wire_notification paid = wire_samples_paid();
    struct wire_out encoded;
    wire_out_init(&encoded, 64);
    wire_notification_encode(&encoded, &paid);
    const struct wire_bytes twice[] = {bytes_of(encoded.data, encoded.size),
                                       bytes_of(encoded.data, encoded.size)};
    struct wire_out out;
    struct wire_in in = deliver(&out, twice, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct wire_item item;
        struct wire_notification read;
        bool sound = false;
        cr_assert(wire_item_open(&in, &item, &read, &sound));
        cr_assert(sound);
        assert_item(&item, i);
        cr_assert_eq(item.notification.size, encoded.size);
        cr_assert_eq(memcmp(item.notification.data, encoded.data, encoded.size), 0);
        cr_assert_eq(read.biz_id.size, paid.biz_id.size);
        cr_assert_eq(memcmp(read.biz_id.data, paid.biz_id.data, paid.biz_id.size), 0);
        cr_assert_eq(read.payload.size, paid.payload.size);
        cr_assert_eq(read.deadline_unix_ms, paid.deadline_unix_ms);
    }
    cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
    wire_out_fini(&out);
    wire_out_fini(&encoded);
}

Test(wire_deliver, what_is_no_notification_spoils_no_other_item)
{
    struct wire_notification paid = wire_samples_paid();
    struct wire_out encoded;
    wire_out_init(&encoded, 64);
    wire_notification_encode(&encoded, &paid);
    static const uint8_t number[] = {0x07};
    static const uint8_t no_topic[] = {0x96, 0xa0, 0xa1, 'b', 0xc4, 0, 1, 0xc0, 0};
    static const uint8_t short_one[] = {0x91, 0xa1, 't'};
    const struct wire_bytes all[] = {
        bytes_of(number, sizeof number), bytes_of(no_topic, sizeof no_topic),
        bytes_of(encoded.data, encoded.size), bytes_of(short_one, sizeof short_one),
        bytes_of(encoded.data, encoded.size)};
    struct wire_out out;
    struct wire_in in = deliver(&out, all, 5);
    for (uint32_t i = 0; i < 5; i++) {
        struct wire_item item;
        struct wire_notification read;
        bool sound = false;
        cr_assert(wire_item_open(&in, &item, &read, &sound), "item %u", i);
        cr_assert_eq(sound, i == 2 || i == 4, "item %u", i);
        assert_item(&item, i);
        cr_assert_eq(item.notification.size, all[i].size);
        cr_assert_eq(memcmp(item.notification.data, all[i].data, all[i].size), 0);
    }
    cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
    wire_out_fini(&out);
    wire_out_fini(&encoded);
}

/* A field of a newer version counts towards the limit. */
Test(wire_deliver, a_notification_over_its_limit_is_none)
{
    struct wire_notification paid = wire_samples_paid();
    for (size_t over = 0; over < 2; over++) {
        struct wire_out encoded;
        wire_out_init(&encoded, 64);
        wire_notification_encode(&encoded, &paid);
        size_t left = LIMIT_NOTIFICATION_BYTES - encoded.size - 5 + over;
        uint8_t *zeros = calloc(1, left);
        cr_assert_not_null(zeros);
        encoded.data[0]++; /* a field more */
        const uint8_t head[] = {0xc6, (uint8_t)(left >> 24), (uint8_t)(left >> 16),
                                (uint8_t)(left >> 8), (uint8_t)left};
        wire_out_raw(&encoded, head, sizeof head);
        wire_out_raw(&encoded, zeros, left);
        free(zeros);
        const struct wire_bytes one[] = {bytes_of(encoded.data, encoded.size)};
        struct wire_out out;
        struct wire_in in = deliver(&out, one, 1);
        struct wire_item item;
        struct wire_notification read;
        bool sound = false;
        cr_assert(wire_item_open(&in, &item, &read, &sound));
        cr_assert_eq(sound, over == 0);
        cr_assert_eq(item.notification.size, LIMIT_NOTIFICATION_BYTES + over);
        cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
        wire_out_fini(&out);
        wire_out_fini(&encoded);
    }
}

Test(wire_deliver, an_item_that_ends_early_is_a_fault_with_its_field)
{
    static const uint8_t item_bytes[] = {0x9a, 1, 1, 1, 1, 1, 1, 1, 0xc2, 0xc4, 15};
    struct wire_in in;
    wire_in_init(&in, item_bytes, sizeof item_bytes);
    struct wire_item item;
    struct wire_notification read;
    bool sound = true;
    struct why why;
    cr_assert_not(wire_item_open(&in, &item, &read, &sound));
    cr_assert_not(sound);
    cr_assert_eq(wire_in_end(&in, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "hash: its length exceeds the message");
}
