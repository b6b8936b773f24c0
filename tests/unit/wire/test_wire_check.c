#include "wire/wire_check.h"

#include "base/limits.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *
check_text(const void *bytes, size_t size)
{
    static struct why why;
    why.text[0] = '\0';
    err_t rc = wire_check(bytes, size, &why);
    cr_assert_eq(rc == ERR_OK, why.text[0] == '\0');
    cr_assert(rc == ERR_OK || rc == ERR_INVALID);
    return why.text;
}

/* Every head byte with just enough zeros behind it, and with one byte less. */
Test(wire_check, every_head_byte_is_passed_over_by_its_own_length)
{
    for (unsigned head = 0; head < 256; head++) {
        uint8_t bytes[64] = {(uint8_t)head};
        size_t size = 1;
        if ((head & 0xf0U) == 0x80U) {
            size += 2 * (head & 0x0fU);
        } else if ((head & 0xf0U) == 0x90U) {
            size += head & 0x0fU;
        } else if ((head & 0xe0U) == 0xa0U) {
            size += head & 0x1fU;
        } else if (head >= 0xc0U && head < 0xe0U) {
            static const uint8_t tail[32] = {0, 0, 0, 0, 1, 2, 4, 0, 0, 0, 4, 8, 1, 2, 4, 8,
                                             1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
            size += tail[head - 0xc0U];
        }
        bool never =
            head == 0xc1U || (head >= 0xc7U && head <= 0xc9U) || (head >= 0xd4U && head <= 0xd8U);
        cr_assert_eq(wire_check(bytes, size, NULL), never ? ERR_INVALID : ERR_OK, "%#x", head);
        cr_assert_eq(wire_check(bytes, size - 1, NULL), ERR_INVALID, "%#x cut", head);
        cr_assert_eq(wire_check(bytes, size + 1, NULL), ERR_INVALID, "%#x extended", head);
    }
}

Test(wire_check, a_length_that_exceeds_the_message_is_refused_before_it_is_believed)
{
    static const uint8_t array[] = {0xdd, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t map[] = {0xdf, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t bin[] = {0xc6, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t text[] = {0xdb, 0x00, 0x00, 0x00, 0x02, 'a'};
    cr_assert_str_eq(check_text(array, sizeof array), "message: its length exceeds the message");
    cr_assert_str_eq(check_text(map, sizeof map), "message: its length exceeds the message");
    cr_assert_str_eq(check_text(bin, sizeof bin), "message: its length exceeds the message");
    cr_assert_str_eq(check_text(text, sizeof text), "message: its length exceeds the message");
}

Test(wire_check, nesting_is_allowed_up_to_the_limit_and_no_deeper)
{
    uint8_t nested[LIMIT_MSGPACK_DEPTH + 2];
    memset(nested, 0x91, sizeof nested);
    nested[LIMIT_MSGPACK_DEPTH] = 0xc0;
    cr_assert_eq(wire_check(nested, LIMIT_MSGPACK_DEPTH + 1, NULL), ERR_OK);
    nested[LIMIT_MSGPACK_DEPTH] = 0x91;
    nested[LIMIT_MSGPACK_DEPTH + 1] = 0xc0;
    cr_assert_str_eq(check_text(nested, sizeof nested), "message: nested deeper than 8");
}

Test(wire_check, a_hundred_thousand_nested_arrays_do_not_overflow_the_stack)
{
    uint8_t *nested = mem_alloc(100000);
    memset(nested, 0x91, 100000);
    cr_assert_eq(wire_check(nested, 100000, NULL), ERR_INVALID);
    mem_free(nested);
}

Test(wire_check, ext_types_and_the_unused_byte_are_refused)
{
    static const uint8_t ext[] = {0x91, 0xd4, 0x01, 0x00};
    static const uint8_t unused[] = {0x91, 0xc1};
    cr_assert_str_eq(check_text(ext, sizeof ext),
                     "message: ext types and the byte 0xc1 are not used here");
    cr_assert_str_eq(check_text(unused, sizeof unused),
                     "message: ext types and the byte 0xc1 are not used here");
}

Test(wire_check, an_empty_message_is_refused)
{
    cr_assert_str_eq(check_text("", 0), "message: empty");
}

Test(wire_check, a_message_over_the_limit_is_refused_unread)
{
    uint8_t *large = mem_zeroed(LIMIT_FRAME_BYTES + 1);
    cr_assert_str_eq(check_text(large, LIMIT_FRAME_BYTES + 1),
                     "message: 1048577 bytes, at most 1048576");
    large[0] = 0xc6;
    large[2] = 0x0f;
    large[3] = 0xff;
    large[4] = 0xfb;
    cr_assert_eq(wire_check(large, LIMIT_FRAME_BYTES, NULL), ERR_OK);
    mem_free(large);
}

/* Short and long payloads by turns, further than is asked for ahead; the message ends where its
 * memory ends. */
Test(wire_check, a_message_of_many_payloads_is_whole_or_refused)
{
    static const uint32_t sizes[] = {0, 63, 64, 65, 1, 2047, 2048, 2049, 3, 40000, 7, 100};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    uint8_t *made = mem_zeroed(50000);
    size_t heads[COUNT];
    size_t size = 0;
    made[size++] = 0x90 | COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        heads[i] = size;
        made[size++] = 0x92; /* a number, and a payload */
        made[size++] = (uint8_t)i;
        made[size++] = 0xc5;
        made[size++] = (uint8_t)(sizes[i] >> 8);
        made[size++] = (uint8_t)sizes[i];
        memset(made + size, 0xc1, sizes[i]); /* nowhere a value may begin so */
        size += sizes[i];
    }
    cr_assert_eq(wire_check(made, size, NULL), ERR_OK);
    for (size_t i = 0; i < COUNT; i++) {
        size_t end = i + 1 < COUNT ? heads[i + 1] : size;
        for (size_t cut = heads[i]; cut < end; cut += cut < heads[i] + 8 || cut + 9 > end ? 1 : 8) {
            uint8_t *exact = mem_copy(made, cut);
            cr_assert_eq(wire_check(exact, cut, NULL), ERR_INVALID, "%zu", cut);
            mem_free(exact);
        }
    }
    mem_free(made);
}

Test(wire_check, items_and_maps_are_counted)
{
    static const uint8_t bytes[] = {0x93, 0x01, 0x92, 0x02, 0x03, 0x81, 0x04, 0x05};
    struct wire_check_seen seen;
    cr_assert_eq(wire_check_value(bytes, bytes + sizeof bytes, &seen), bytes + sizeof bytes);
    cr_assert_eq(seen.item_count, 8);
    cr_assert(seen.map);
    cr_assert_eq(wire_check_value(bytes + 2, bytes + sizeof bytes, &seen), bytes + 5);
    cr_assert_eq(seen.item_count, 3);
    cr_assert_not(seen.map);
}
