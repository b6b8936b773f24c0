#include "base/bytes.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <string.h>

Test(bytes, fixed_widths_are_little_endian)
{
    uint8_t at[8];
    bytes_put_u64(at, UINT64_C(0x0102030405060708));
    static const uint8_t want[8] = {8, 7, 6, 5, 4, 3, 2, 1};
    cr_assert_arr_eq(at, want, 8);
    cr_assert_eq(bytes_get_u64(at), UINT64_C(0x0102030405060708));
    cr_assert_eq(bytes_get_u32(at), 0x05060708U);
    cr_assert_eq(bytes_get_u16(at), 0x0708U);
}

struct varint_case {
    uint64_t value;
    size_t size;
};

ParameterizedTestParameters(bytes, every_varint_comes_back_in_its_shortest_form)
{
    static struct varint_case cases[] = {
        {0, 1},           {1, 1},           {127, 1},
        {128, 2},         {16383, 2},       {16384, 3},
        {UINT32_MAX, 5},  {1ULL << 35, 6},  {(1ULL << 63) - 1, 9},
        {1ULL << 63, 10}, {UINT64_MAX, 10},
    };
    return cr_make_param_array(struct varint_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct varint_case *param, bytes, every_varint_comes_back_in_its_shortest_form)
{
    uint8_t form[BYTES_VARINT_MAX];
    cr_assert_eq(bytes_put_varint(form, param->value), param->size);
    struct bytes_in in = bytes_in_over(form, param->size);
    cr_assert_eq(bytes_in_varint(&in), param->value);
    cr_assert(bytes_in_done(&in));
    for (size_t cut = 0; cut < param->size; cut++) {
        in = bytes_in_over(form, cut);
        (void)bytes_in_varint(&in); /* only whether it failed matters */
        cr_assert(in.failed, "a varint cut to %zu bytes was accepted", cut);
    }
}

/* Far from the end several bytes are looked at at once, near it one after the other. */
static void
read_before(const uint8_t *form, size_t size, uint8_t behind, uint64_t value, bool good)
{
    uint8_t room[2 * BYTES_VARINT_MAX + 2];
    for (size_t left = 0; left <= BYTES_VARINT_MAX; left++) {
        memset(room, behind, sizeof room);
        memcpy(room, form, size);
        struct bytes_in in = bytes_in_over(room, size + left);
        cr_assert_eq(bytes_in_varint(&in), good ? value : 0);
        cr_assert_eq(in.failed, !good, "%zu bytes before %zu more", size, left);
        cr_assert_eq(bytes_in_left(&in), good ? left : 0);
    }
}

/* And so it is written. */
static void
written_as(const uint8_t *form, size_t size, uint64_t value)
{
    for (size_t left = 0; left <= BYTES_VARINT_MAX; left++) {
        uint8_t room[2 * BYTES_VARINT_MAX + 1];
        memset(room, 0xa5, sizeof room);
        struct bytes_out out = bytes_out_over(room, size + left);
        bytes_out_varint(&out, value);
        cr_assert_eq(bytes_out_used(&out), size);
        cr_assert_eq(memcmp(room, form, size), 0, "%zu bytes before %zu more", size, left);
        cr_assert_eq(room[size + left], 0xa5, "nothing behind the end");
    }
}

Test(bytes, a_varint_is_read_as_one_whatever_is_behind_it)
{
    static const uint8_t behind[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    uint64_t noise = 1;
    for (unsigned bit = 0; bit < 64; bit++) {
        noise = noise * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint64_t values[] = {UINT64_C(1) << bit, (UINT64_C(1) << bit) - 1, noise >> bit};
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            uint8_t form[BYTES_VARINT_MAX + 1];
            size_t size = bytes_put_varint(form, values[i]);
            cr_assert_eq(bytes_varint_size(values[i]), size);
            written_as(form, size, values[i]);
            for (size_t k = 0; k < sizeof behind; k++) {
                read_before(form, size, behind[k], values[i], true);
            }
            form[size - 1] |= 0x80U; /* and the same number in a byte more */
            form[size] = 0;
            for (size_t k = 0; k < sizeof behind; k++) {
                read_before(form, size + 1, behind[k], 0, false);
            }
        }
    }
}

Test(bytes, longer_forms_than_needed_and_more_than_64_bits_are_refused)
{
    static const uint8_t padded[] = {0x80, 0x00};
    struct bytes_in in = bytes_in_over(padded, sizeof padded);
    cr_assert_eq(bytes_in_varint(&in), 0);
    cr_assert(in.failed);
    static const uint8_t wide[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    in = bytes_in_over(wide, sizeof wide);
    cr_assert_eq(bytes_in_varint(&in), 0);
    cr_assert(in.failed);
    static const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0x01};
    in = bytes_in_over(endless, sizeof endless);
    cr_assert_eq(bytes_in_varint(&in), 0);
    cr_assert(in.failed);
}

Test(bytes, a_failed_reader_stays_failed_and_gives_zeros)
{
    static const uint8_t data[] = {1, 2, 3};
    struct bytes_in in = bytes_in_over(data, sizeof data);
    cr_assert_eq(bytes_in_u32(&in), 0);
    cr_assert(in.failed);
    cr_assert_eq(bytes_in_u8(&in), 0, "a byte that is there is not given after a failure");
    cr_assert_eq(bytes_in_left(&in), 0);
    cr_assert_not(bytes_in_done(&in));
}

Test(bytes, a_length_is_compared_before_it_is_believed)
{
    static const uint8_t data[4] = {0};
    struct bytes_in in = bytes_in_over(data, sizeof data);
    cr_assert_null(bytes_in_span(&in, UINT64_MAX));
    cr_assert(in.failed);
}

Test(bytes, what_is_written_is_read_back)
{
    uint8_t room[64];
    struct bytes_out out = bytes_out_over(room, sizeof room);
    bytes_out_u8(&out, 7);
    bytes_out_u16(&out, 300);
    bytes_out_u32(&out, 70000);
    bytes_out_u64(&out, 1ULL << 40);
    bytes_out_varint(&out, 300);
    bytes_out_varint(&out, 0x7f);
    bytes_out_span(&out, "abc", 3);
    struct bytes_in in = bytes_in_over(room, bytes_out_used(&out));
    cr_assert_eq(bytes_in_u8(&in), 7);
    cr_assert_eq(bytes_in_u16(&in), 300);
    cr_assert_eq(bytes_in_u32(&in), 70000);
    cr_assert_eq(bytes_in_u64(&in), 1ULL << 40);
    cr_assert_eq(bytes_in_varint(&in), 300);
    cr_assert_eq(bytes_in_varint(&in), 0x7f);
    cr_assert_eq(memcmp(bytes_in_span(&in, 3), "abc", 3), 0);
    cr_assert(bytes_in_done(&in));
}

Test(bytes, writing_past_the_end_is_a_bug, .signal = SIGABRT)
{
    uint8_t room[3];
    struct bytes_out out = bytes_out_over(room, sizeof room);
    bytes_out_u32(&out, 1);
}

Test(bytes, and_so_is_a_varint_past_the_end, .signal = SIGABRT)
{
    uint8_t room[3];
    struct bytes_out out = bytes_out_over(room, sizeof room);
    bytes_out_varint(&out, 300);
    bytes_out_varint(&out, 1);
    bytes_out_varint(&out, 1);
}
