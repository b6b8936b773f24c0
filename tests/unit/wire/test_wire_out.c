#include "wire/wire_out.h"

#include "base/limits.h"
#include "base/mem.h"
#include "wire/wire_in.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <string.h>

/* Both encoders write the shortest form. */
Test(wire_out, integers_have_the_form_that_msgpack_c_gives_them)
{
    for (unsigned shift = 0; shift < 64; shift++) {
        for (uint64_t near = 0; near < 3; near++) {
            uint64_t value = (UINT64_C(1) << shift) + near - 1;
            struct wire_out out;
            wire_out_init(&out, 1);
            wire_out_uint(&out, value);
            msgpack_sbuffer other;
            msgpack_sbuffer_init(&other);
            msgpack_packer packer;
            msgpack_packer_init(&packer, &other, msgpack_sbuffer_write);
            cr_assert_eq(msgpack_pack_uint64(&packer, value), 0);
            cr_assert_eq(out.size, other.size);
            cr_assert_eq(memcmp(out.data, other.data, other.size), 0);
            msgpack_sbuffer_destroy(&other);
            wire_out_fini(&out);
        }
    }
}

Test(wire_out, texts_and_binaries_of_every_width_come_back)
{
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535};
    char *data = mem_alloc(70000);
    memset(data, 'x', 70000);
    struct wire_out out;
    wire_out_init(&out, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        wire_out_text(&out, data, sizes[i]);
        wire_out_bin(&out, data, sizes[i]);
    }
    wire_out_bin(&out, data, 65536);
    struct wire_in in;
    wire_in_init(&in, out.data, out.size);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cr_assert_eq(wire_in_text(&in, "text", 0, 70000).size, sizes[i]);
        cr_assert_eq(wire_in_bin(&in, "bin", 0, 70000).size, sizes[i]);
    }
    cr_assert_eq(wire_in_bin(&in, "bin", 0, 70000).size, 65536);
    cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
    wire_out_fini(&out);
    mem_free(data);
}

static size_t
note_size(const char *text, size_t size, size_t max)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_out_note(&out, text, size, max);
    struct wire_in in;
    wire_in_init(&in, out.data, out.size);
    size_t read = wire_in_optional(&in, "note", max).size;
    cr_assert_eq(wire_in_end(&in, NULL), ERR_OK);
    wire_out_fini(&out);
    return read;
}

Test(wire_out, a_note_is_always_readable_for_the_peer)
{
    cr_assert_eq(note_size(NULL, 0, 9), 0);
    cr_assert_eq(note_size("fine", 4, 9), 4);
    cr_assert_eq(note_size("Traceback\n  File", 16, 99), 9);
    cr_assert_eq(note_size("\xff", 1, 9), 0);
    cr_assert_eq(note_size("ab\xe6\x94\xaf", 5, 4), 2); /* whole characters only */
    cr_assert_eq(note_size("abcdef", 6, 4), 4);
}

Test(wire_out, an_array_gets_its_count_when_it_is_closed)
{
    struct wire_out out;
    wire_out_init(&out, 1);
    size_t at = wire_out_open(&out);
    for (uint32_t i = 0; i < 70000; i++) {
        wire_out_nil(&out);
    }
    wire_out_close(&out, at, 70000);
    struct wire_in in;
    wire_in_init(&in, out.data, out.size);
    cr_assert_eq(wire_in_array(&in, "list", 0, UINT32_MAX), 70000);
    wire_out_fini(&out);
}

Test(wire_out, what_has_room_fits_the_frame_of_the_receiver)
{
    struct wire_out out;
    wire_out_init(&out, 1);
    cr_assert(wire_out_has_room(&out, LIMIT_NOTIFICATION_BYTES + LIMIT_REASON_BYTES));
    uint8_t *item = mem_zeroed(LIMIT_NOTIFICATION_BYTES);
    while (wire_out_has_room(&out, LIMIT_NOTIFICATION_BYTES)) {
        wire_out_raw(&out, item, LIMIT_NOTIFICATION_BYTES);
    }
    cr_assert_leq(wire_out_size(&out), LIMIT_FRAME_BYTES);
    cr_assert_gt(wire_out_size(&out) + LIMIT_NOTIFICATION_BYTES + 256, LIMIT_FRAME_BYTES);
    mem_free(item);
    wire_out_fini(&out);
}

Test(wire_out, the_finished_body_is_handed_over_and_the_next_begins_anew)
{
    struct wire_out out;
    wire_out_init(&out, 1);
    for (int i = 0; i < 2; i++) {
        wire_out_bool(&out, i == 0);
        size_t size = 0;
        uint8_t *body = wire_out_take(&out, &size);
        cr_assert_eq(size, 1);
        cr_assert_eq(body[0], i == 0 ? 0xc3 : 0xc2);
        cr_assert_null(out.data);
        mem_free(body);
    }
    wire_out_fini(&out);
}
