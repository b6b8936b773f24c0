#include "wire/wire_in.h"

#include "base/limits.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

static struct wire_in
in_over(const void *bytes, size_t size)
{
    struct wire_in in;
    wire_in_init(&in, bytes, size);
    return in;
}

struct integer_case {
    uint8_t bytes[9];
    size_t size;
    uint64_t max;
    uint64_t value;
    const char *fault; /* NULL: it is read */
};

Test(wire_in, integers_are_read_in_every_form_that_is_not_negative)
{
    static const struct integer_case cases[] = {
        {{0x7f}, 1, 127, 127, NULL},
        {{0xcc, 0xff}, 2, 255, 255, NULL},
        {{0xcc, 0x01}, 2, 255, 1, NULL}, /* a longer form than needed means the same */
        {{0xcd, 0x01, 0x00}, 3, 256, 256, NULL},
        {{0xce, 0xff, 0xff, 0xff, 0xff}, 5, UINT64_MAX, UINT32_MAX, NULL},
        {{0xcf, 255, 255, 255, 255, 255, 255, 255, 255}, 9, UINT64_MAX, UINT64_MAX, NULL},
        {{0xd0, 0x7f}, 2, 255, 127, NULL},
        {{0xd3, 0x7f, 255, 255, 255, 255, 255, 255, 255}, 9, INT64_MAX, INT64_MAX, NULL},
        {{0xd0, 0x80}, 2, 255, 0, "n: must not be negative"},
        {{0xd1, 0xff, 0xff}, 3, 255, 0, "n: must not be negative"},
        {{0xff}, 1, 255, 0, "n: must not be negative"},
        {{0xcd, 0x01, 0x00}, 3, 255, 0, "n: 256 is over 255"},
        {{0xca, 0, 0, 0, 0}, 5, 255, 0, "n: must be an integer"},
        {{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, 9, 255, 0, "n: must be an integer"}, /* NaN */
        {{0xa1, '1'}, 2, 255, 0, "n: must be an integer"},
        {{0xc0}, 1, 255, 0, "n: must be an integer"},
        {{0xcd, 0x01}, 2, 999, 0, "n: the message ends in the middle"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_in in = in_over(cases[i].bytes, cases[i].size);
        cr_assert_eq(wire_in_uint(&in, "n", cases[i].max), cases[i].value, "case %zu", i);
        struct why why = {.text = ""};
        cr_assert_eq(wire_in_end(&in, &why), cases[i].fault == NULL ? ERR_OK : ERR_INVALID);
        cr_assert_str_eq(why.text, cases[i].fault == NULL ? "" : cases[i].fault, "case %zu", i);
    }
}

/* Eight bytes are read at once where there are so many: what is behind the integer must not count,
 * however much of it there is. */
Test(wire_in, an_integer_is_the_same_whatever_is_behind_it)
{
    static const struct integer_case cases[] = {
        {{0x00}, 1, 0, 0, NULL},
        {{0x7f}, 1, 127, 127, NULL},
        {{0x7f}, 1, 126, 0, "n: 127 is over 126"},
        {{0xcc, 0xff}, 2, 255, 255, NULL},
        {{0xcc, 0x01}, 2, 255, 1, NULL},
        {{0xcd, 0x01, 0x02}, 3, 65535, 0x102, NULL},
        {{0xcd, 0x01, 0x00}, 3, 255, 0, "n: 256 is over 255"},
        {{0xce, 1, 2, 3, 4}, 5, UINT32_MAX, 0x1020304, NULL},
        {{0xcf, 1, 2, 3, 4, 5, 6, 7, 8}, 9, UINT64_MAX, 0x102030405060708, NULL},
        {{0xcf, 255, 255, 255, 255, 255, 255, 255, 255}, 9, UINT64_MAX, UINT64_MAX, NULL},
        {{0xcf, 255, 255, 255, 255, 255, 255, 255, 255},
         9,
         UINT64_MAX - 1,
         0,
         "n: 18446744073709551615 is over 18446744073709551614"},
        {{0xd0, 0x7f}, 2, 255, 127, NULL},
        {{0xd1, 0x7f, 0x01}, 3, 65535, 0x7f01, NULL},
        {{0xd2, 0x7f, 0, 0, 1}, 5, UINT32_MAX, 0x7f000001, NULL},
        {{0xd0, 0x80}, 2, 255, 0, "n: must not be negative"},
        {{0xd3, 255, 255, 255, 255, 255, 255, 255, 255}, 9, 255, 0, "n: must not be negative"},
        {{0x80}, 1, 255, 0, "n: must be an integer"},
        {{0x9a}, 1, 255, 0, "n: must be an integer"},
        {{0xcb, 0, 0, 0, 0, 0, 0, 0, 1}, 9, 255, 0, "n: must be an integer"},
        {{0xe0}, 1, 255, 0, "n: must not be negative"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t behind = 0; behind < 12; behind++) {
            uint8_t longer[32];
            memset(longer, 0xa5, sizeof longer);
            memcpy(longer, cases[i].bytes, cases[i].size);
            size_t size = cases[i].size + behind;
            uint8_t *bytes = mem_copy(longer, size); /* so that a sanitizer sees a byte more */
            struct wire_in in = in_over(bytes, size);
            cr_assert_eq(wire_in_uint(&in, "n", cases[i].max), cases[i].value, "case %zu", i);
            cr_assert_eq(in.failed, cases[i].fault != NULL, "case %zu", i);
            if (in.failed) {
                cr_assert_str_eq(in.why.text, cases[i].fault, "case %zu", i);
            } else {
                cr_assert_eq(in.next, bytes + cases[i].size, "case %zu", i);
            }
            mem_free(bytes);
        }
    }
}

Test(wire_in, text_is_utf8_without_control_characters)
{
    static const struct {
        const char *text;
        size_t prefix;
    } cases[] = {
        {"", 0},
        {"order-1001", 10},
        {"\xe6\x94\xaf\xe4\xbb\x98", 6}, /* two Chinese characters */
        {"\xf0\x9f\x93\xaf", 4},         /* beyond the basic plane */
        {"\xf4\x8f\xbf\xbf", 4},         /* the last code point */
        {"a\nb", 1},                     /* control characters */
        {"a\x7f", 1},
        {"a\x1b[2J", 1},
        {"a\xc2\x9b"
         "2J",
         1}, /* C1: an escape sequence of one character */
        {"\xc2\xa0", 2},
        {"a\x80", 1},    /* a continuation by itself */
        {"\xc0\xaf", 0}, /* longer forms than needed */
        {"\xe0\x80\xaf", 0},
        {"\xf0\x80\x80\xaf", 0},
        {"\xed\xa0\x80", 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0}, /* beyond Unicode */
        {"\xe6\x94", 0},         /* cut */
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = strlen(cases[i].text);
        cr_assert_eq(wire_in_utf8_prefix(cases[i].text, size), cases[i].prefix, "case %zu", i);
        cr_assert_eq(wire_in_utf8(cases[i].text, size), cases[i].prefix == size, "case %zu", i);
    }
    cr_assert_not(wire_in_utf8("a\0b", 3));
}

/* Eight bytes are looked at at once, the last ones together with some before them. */
Test(wire_in, a_text_is_good_up_to_its_first_bad_byte_wherever_that_stands)
{
    static const unsigned char bad[] = {0x00, 0x1f, 0x7f, 0x80, 0xff};
    for (size_t size = 1; size <= 40; size++) {
        char text[40];
        memset(text, 'x', sizeof text);
        cr_assert_eq(wire_in_utf8_prefix(text, size), size);
        for (size_t at = 0; at < size; at++) {
            for (size_t i = 0; i < sizeof bad; i++) {
                text[at] = (char)bad[i];
                cr_assert_eq(wire_in_utf8_prefix(text, size), at, "%u of %zu", bad[i], size);
            }
            text[at] = 'x';
        }
        for (size_t at = 0; at + 1 < size; at++) { /* a character of two bytes */
            memcpy(text + at, "\xc3\xa9", 2);
            cr_assert_eq(wire_in_utf8_prefix(text, size), size, "at %zu of %zu", at, size);
            memcpy(text + at, "xx", 2);
        }
    }
}

Test(wire_in, a_text_out_of_its_bounds_is_refused_with_field_and_limit)
{
    static const uint8_t bytes[] = {0xa5, 'a', 'b', 'c', 'd', 'e'};
    struct wire_in in = in_over(bytes, sizeof bytes);
    struct wire_text text = wire_in_text(&in, "biz_id", 1, 4);
    cr_assert_eq(text.size, 0);
    cr_assert_str_eq(in.why.text, "biz_id: 5 bytes, must be 1 to 4");
    static const uint8_t empty[] = {0xa0};
    in = in_over(empty, sizeof empty);
    (void)wire_in_text(&in, "biz_id", 1, 4);
    cr_assert_str_eq(in.why.text, "biz_id: 0 bytes, must be 1 to 4");
}

Test(wire_in, text_and_binary_are_not_taken_for_each_other)
{
    static const uint8_t text[] = {0xa1, 'x'};
    static const uint8_t binary[] = {0xc4, 1, 'x'};
    struct wire_in in = in_over(text, sizeof text);
    (void)wire_in_bin(&in, "payload", 0, 9);
    cr_assert_str_eq(in.why.text, "payload: must be binary");
    in = in_over(binary, sizeof binary);
    (void)wire_in_text(&in, "topic", 0, 9);
    cr_assert_str_eq(in.why.text, "topic: must be a text");
}

Test(wire_in, only_the_first_fault_is_told_and_the_rest_reads_as_nothing)
{
    static const uint8_t bytes[] = {0xc0, 0x05, 0xa1, 'x', 0xc3};
    struct wire_in in = in_over(bytes, sizeof bytes);
    (void)wire_in_uint(&in, "first", 9);
    cr_assert_eq(wire_in_uint(&in, "second", 9), 0);
    cr_assert_eq(wire_in_text(&in, "third", 0, 9).size, 0);
    cr_assert_not(wire_in_bool(&in, "fourth"));
    cr_assert_eq(wire_in_array(&in, "fifth", 0, 9), 0);
    cr_assert_not(wire_in_nil(&in));
    cr_assert_null(wire_in_skip(&in, "sixth").data);
    cr_assert_str_eq(in.why.text, "first: must be an integer");
}

Test(wire_in, an_optional_field_is_nil_or_what_it_should_be)
{
    static const uint8_t bytes[] = {0xc0, 0xa1, 'x', 0xc0, 0xc4, 2, 8, 9};
    struct wire_in in = in_over(bytes, sizeof bytes);
    cr_assert_eq(wire_in_optional(&in, "text", 9).size, 0);
    cr_assert_eq(wire_in_optional(&in, "text", 9).size, 1);
    cr_assert_eq(wire_in_optional_bin(&in, "identity", 2).size, 0);
    cr_assert_eq(wire_in_optional_bin(&in, "identity", 2).data[1], 9);
    cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
    in = in_over(bytes + 4, 4);
    (void)wire_in_optional_bin(&in, "identity", 16);
    cr_assert_str_eq(in.why.text, "identity: 2 bytes, must be 16 to 16");
}

Test(wire_in, newer_fields_are_passed_over_up_to_a_bound)
{
    uint8_t bytes[LIMIT_NOTIFICATION_ITEMS + 1] = {0};
    struct wire_in in = in_over(bytes, LIMIT_NOTIFICATION_ITEMS);
    wire_in_rest(&in, LIMIT_NOTIFICATION_ITEMS, 0);
    cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
    in = in_over(bytes, LIMIT_NOTIFICATION_ITEMS + 1);
    wire_in_rest(&in, LIMIT_NOTIFICATION_ITEMS + 1, 0);
    cr_assert_str_eq(in.why.text, "a field of a newer version: over 256 items");
}
