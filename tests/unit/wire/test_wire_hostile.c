/*
 * What a hostile or broken peer may send. Every example of a message is cut, flipped and extended.
 */
#include "support/wire_echo.h"
#include "wire_samples.h"

#include "base/mem.h"
#include "wire/wire_check.h"
#include "wire/wire_deliver.h"
#include "wire/wire_message.h"
#include "wire/wire_submit.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <string.h>

void *__real_mem_alloc(size_t size);               // NOLINT
void *__wrap_mem_alloc(size_t size);               // NOLINT
void *__real_mem_resize(void *old, size_t size);   // NOLINT
void *__wrap_mem_resize(void *old, size_t size);   // NOLINT
void *__real_mem_array(size_t count, size_t size); // NOLINT
void *__wrap_mem_array(size_t count, size_t size); // NOLINT

static unsigned allocation_count;

void *
__wrap_mem_alloc(size_t size) // NOLINT
{
    allocation_count++;
    return __real_mem_alloc(size);
}

void *
__wrap_mem_resize(void *old, size_t size) // NOLINT
{
    allocation_count++;
    return __real_mem_resize(old, size);
}

void *
__wrap_mem_array(size_t count, size_t size) // NOLINT
{
    allocation_count++;
    return __real_mem_array(count, size);
}

/* An echo of bytes that lie at the end of their own memory, so that a sanitizer sees each read
 * beyond them. */
static err_t
echo_exact(const uint8_t *bytes, size_t size, struct wire_out *out, struct why *why)
{
    uint8_t *exact = mem_copy(bytes, size);
    out->size = 0;
    err_t rc = wire_echo(exact, size, out, why);
    mem_free(exact);
    return rc;
}

Test(wire_hostile, a_message_cut_anywhere_is_refused)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        for (size_t cut = 0; cut < size; cut++) {
            struct why why = {.text = ""};
            cr_assert_eq(echo_exact(frame, cut, &out, &why), ERR_INVALID, "%s at %zu",
                         wire_samples[i].name, cut);
            cr_assert_neq(why.text[0], '\0');
        }
        mem_free(frame);
    }
    wire_out_fini(&out);
}

Test(wire_hostile, bytes_behind_a_message_are_refused)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        frame = mem_resize(frame, size + 1);
        frame[size] = 0xc0;
        struct why why;
        cr_assert_eq(wire_echo(frame, size + 1, &out, &why), ERR_INVALID);
        cr_assert_str_eq(why.text, "message: 1 bytes follow its end");
        mem_free(frame);
    }
    wire_out_fini(&out);
}

/* Any flipped bit is refused or gives another readable message, whose own echo is itself. */
Test(wire_hostile, a_flipped_bit_never_gives_a_message_that_cannot_be_passed_on)
{
    struct wire_out out;
    struct wire_out again;
    wire_out_init(&out, 64);
    wire_out_init(&again, 64);
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            struct why why;
            frame[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            if (echo_exact(frame, size, &out, &why) == ERR_OK) {
                cr_assert_eq(echo_exact(out.data, out.size, &again, &why), ERR_OK, "%s bit %zu: %s",
                             wire_samples[i].name, bit, why.text);
                cr_assert_eq(out.size, again.size);
                cr_assert_eq(memcmp(out.data, again.data, out.size), 0);
            }
            frame[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        mem_free(frame);
    }
    wire_out_fini(&out);
    wire_out_fini(&again);
}

/* A message with one more field, [0, nil, "a map is none"], at its end. */
static uint8_t *
with_newer_field(const uint8_t *frame, size_t size, const void *field, size_t field_size)
{
    cr_assert_eq(frame[0] & 0xf0, 0x90);
    cr_assert_lt(frame[0] & 0x0f, 15);
    uint8_t *longer = mem_alloc(size + field_size);
    memcpy(longer, frame, size);
    memcpy(longer + size, field, field_size);
    longer[0]++;
    return longer;
}

Test(wire_hostile, fields_of_a_newer_minor_version_are_passed_over)
{
    static const uint8_t field[] = {0x93, 0x00, 0xc0, 0xa3, 'n', 'e', 'w'};
    struct wire_out out;
    wire_out_init(&out, 64);
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        uint8_t *longer = with_newer_field(frame, size, field, sizeof field);
        struct why why;
        cr_assert_eq(echo_exact(longer, size + sizeof field, &out, &why), ERR_OK, "%s: %s",
                     wire_samples[i].name, why.text);
        cr_assert_eq(out.size, size);
        cr_assert_eq(memcmp(out.data, frame, size), 0);
        mem_free(longer);
        mem_free(frame);
    }
    wire_out_fini(&out);
}

Test(wire_hostile, a_map_is_refused_even_where_a_newer_field_may_stand)
{
    static const uint8_t twice_the_same_key[] = {0x82, 0x01, 0x02, 0x01, 0x03};
    size_t size = 0;
    uint8_t *frame = wire_samples_bytes(&wire_samples[0], &size);
    uint8_t *longer = with_newer_field(frame, size, twice_the_same_key, sizeof twice_the_same_key);
    struct wire_out out;
    wire_out_init(&out, 64);
    struct why why;
    cr_assert_eq(wire_echo(longer, size + sizeof twice_the_same_key, &out, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "a field of a newer version: maps are not used here");
    wire_out_fini(&out);
    mem_free(longer);
    mem_free(frame);
}

Test(wire_hostile, reading_allocates_nothing)
{
    for (size_t i = 0; i < wire_samples_count; i++) {
        size_t size = 0;
        uint8_t *frame = wire_samples_bytes(&wire_samples[i], &size);
        struct wire_out out;
        wire_out_init(&out, 2 * size + 64); /* the echo's writer has its memory beforehand */
        struct why why;
        unsigned before = allocation_count;
        cr_assert_eq(wire_echo(frame, size, &out, &why), ERR_OK);
        cr_assert_eq(allocation_count, before, "%s", wire_samples[i].name);
        wire_out_fini(&out);
        mem_free(frame);
    }
}

/* What wire_check admits, msgpack-c reads too, to the same end: seeded, so that it repeats. */
Test(wire_hostile, the_check_admits_nothing_that_msgpack_c_refuses)
{
    uint64_t state = 20261123;
    unsigned admitted = 0;
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[24];
        size_t size = 1 + (size_t)(round % (int)sizeof bytes);
        for (size_t i = 0; i < size; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            uint8_t byte = (uint8_t)(state >> 56);
            /* mostly heads of small values, so that many of them are well formed */
            bytes[i] = byte < 200 ? (uint8_t)(byte & 0x7fU) : (uint8_t)(0x80U | (byte & 0x7fU));
            if (i == 0) {
                bytes[i] = (uint8_t)(0x90U | (byte & 0x0fU));
            }
        }
        if (wire_check(bytes, size, NULL) != ERR_OK) {
            continue;
        }
        admitted++;
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t offset = 0;
        cr_assert_eq(msgpack_unpack_next(&unpacked, (const char *)bytes, size, &offset),
                     MSGPACK_UNPACK_SUCCESS);
        cr_assert_eq(offset, size);
        msgpack_unpacked_destroy(&unpacked);
    }
    cr_assert_gt(admitted, 500);
}
