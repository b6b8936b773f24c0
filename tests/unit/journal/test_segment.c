#include "unit/journal/journal_fixture.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "journal/segment.h"

#include <xxhash.h>

static struct segment_head
example(void)
{
    struct segment_head head = {
        .name = "producer",
        .run = 3,
        .counter = 9,
        .first = 1001,
        .previous = 8,
        .previous_end = 4096 + 512,
        .bytes = 128 * 1024,
        .salt = 0x1122334455667788U,
    };
    for (unsigned i = 0; i < 16; i++) {
        head.identity[i] = (uint8_t)(0xa0 + i);
    }
    return head;
}

static void
hex(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
}

Test(segment, header_bytes_are_those_of_version_2)
{
    struct segment_head head = example();
    static uint8_t bytes[SEGMENT_HEAD_BYTES];
    char text[256];
    segment_head_encode(&head, bytes);
    hex(bytes, 100, text);
    cr_assert_str_eq(text, "484552414c445347"
                           "0200"
                           "0000"
                           "00020000"
                           "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
                           "0300000000000000"
                           "0900000000000000"
                           "e903000000000000"
                           "0800000000000000"
                           "0012000000000000"
                           "0000020000000000"
                           "8877665544332211"
                           "08"
                           "70726f6475636572"
                           "000000");
    hex(bytes + 504, 8, text);
    cr_assert_str_eq(text, "7b6b1da93d55ecc6");
    for (size_t i = 512; i < SEGMENT_HEAD_BYTES; i++) {
        cr_assert_eq(bytes[i], 0);
    }
}

Test(segment, header_survives_encoding_and_decoding)
{
    struct segment_head head = example();
    struct segment_head back;
    static uint8_t bytes[SEGMENT_HEAD_BYTES];
    segment_head_encode(&head, bytes);
    cr_assert_eq(segment_head_decode(bytes, &back, NULL), ERR_OK);
    cr_assert_str_eq(back.name, "producer");
    cr_assert_eq(memcmp(back.identity, head.identity, 16), 0);
    cr_assert_eq(back.run, 3);
    cr_assert_eq(back.counter, 9);
    cr_assert_eq(back.first, 1001);
    cr_assert_eq(back.previous, 8);
    cr_assert_eq(back.previous_end, 4608);
    cr_assert_eq(back.bytes, 128 * 1024);
    cr_assert_eq(back.salt, head.salt);
}

Test(segment, every_flipped_bit_of_the_header_is_noticed)
{
    struct segment_head head = example();
    static uint8_t bytes[SEGMENT_HEAD_BYTES];
    segment_head_encode(&head, bytes);
    for (size_t bit = 0; bit < 512 * 8; bit++) {
        struct segment_head back;
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        cr_assert_neq(segment_head_decode(bytes, &back, NULL), ERR_OK, "bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

Test(segment, a_newer_major_version_is_refused_as_such)
{
    struct segment_head head = example();
    static uint8_t bytes[SEGMENT_HEAD_BYTES];
    struct why why = {{0}};
    segment_head_encode(&head, bytes);
    bytes[8] = SEGMENT_MAJOR + 1;
    cr_assert_eq(segment_head_decode(bytes, &head, &why), ERR_UNSUPPORTED);
    cr_assert_str_eq(why.text, "has format version 3; this program reads up to 2");
}

Test(segment, a_header_with_a_right_checksum_and_wrong_fields_is_refused)
{
    static uint8_t bytes[SEGMENT_HEAD_BYTES];
    struct segment_head wrong[13];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wrong[i] = example();
    }
    wrong[0].run = 0;
    wrong[1].counter = 0;
    wrong[1].previous = 0;
    wrong[1].previous_end = 0;
    wrong[2].first = 0;
    wrong[3].previous = wrong[3].counter;
    wrong[4].previous = 0; /* and yet an end of it */
    wrong[5].previous_end = 100;
    wrong[6].previous_end = SEGMENT_BYTES_MAX + 512ULL;
    wrong[7].previous_end++;
    wrong[8].bytes = 4096;
    wrong[9].bytes = SEGMENT_BYTES_MAX + 4096ULL;
    wrong[10].bytes++;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct segment_head back;
        segment_head_encode(&wrong[i], bytes);
        if (i >= 11) { /* the size of the name */
            bytes[88] = i == 11 ? 0 : LIMIT_NAME_BYTES + 1;
            bytes_put_u64(bytes + 504, XXH3_64bits(bytes, 504));
        }
        cr_assert_eq(segment_head_decode(bytes, &back, NULL), ERR_CORRUPT, "case %zu", i);
    }
}

Test(segment, zeros_are_never_valid)
{
    static const uint8_t zeros[SEGMENT_HEAD_BYTES];
    struct segment_head head = example();
    struct segment_block block;
    cr_assert_eq(segment_head_decode(zeros, &head, NULL), ERR_CORRUPT);
    cr_assert_not(segment_block_decode(&head, 4096, zeros, &block));
}

Test(segment, block_bytes_are_those_of_both_versions)
{
    struct segment_head head = example();
    log_block_t *block = log_block_new(1001, 16);
    memcpy(log_block_add(block, 5, 3), "abc", 3);
    memcpy(log_block_add(block, 6, 1), "z", 1);
    segment_block_seal(&head, 4096, 1000, block);
    char text[256];
    hex(block->bytes, 80, text);
    cr_assert_str_eq(text, "0e5f4727f93d00f7a796539a"
                           "48424c4b"
                           "0300000000000000"
                           "e903000000000000"
                           "e803000000000000"
                           "02000000"
                           "60000000"
                           "08000000"
                           "000000000000000000000000"
                           "0503616263"
                           "06017a"
                           "0000000000000000");
    log_block_release(&block);
}

Test(segment, a_sealed_block_is_decoded_and_checked)
{
    struct segment_head head = example();
    log_block_t *block = fixture_block(1001, 4, 7, 200);
    segment_block_seal(&head, 8192, 900, block);
    struct segment_block back;
    cr_assert(segment_block_decode(&head, 8192, block->bytes, &back));
    cr_assert_eq(back.first, 1001);
    cr_assert_eq(back.count, 4);
    cr_assert_eq(back.kinds, 1U << 7);
    cr_assert_eq(back.size, log_block_size(block));
    cr_assert_eq(back.synced, 900);
    cr_assert(segment_block_check(&head, 8192, block->bytes, &back));
    cr_assert(segment_block_records_ok(&back, log_block_records(block)));
    log_block_release(&block);
}

Test(segment, every_flipped_bit_of_a_block_is_noticed)
{
    struct segment_head head = example();
    log_block_t *block = fixture_block(1001, 2, 7, 50);
    segment_block_seal(&head, 4096, 900, block);
    size_t size = LOG_BLOCK_HEAD_BYTES + log_block_size(block);
    for (size_t bit = 0; bit < size * 8; bit++) {
        struct segment_block back;
        block->bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        cr_assert_not(segment_block_decode(&head, 4096, block->bytes, &back) &&
                          segment_block_check(&head, 4096, block->bytes, &back),
                      "bit %zu", bit);
        block->bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    log_block_release(&block);
}

Test(segment, a_block_never_passes_at_another_place_or_in_another_run)
{
    struct segment_head head = example();
    struct segment_block back;
    log_block_t *block = fixture_block(1001, 2, 7, 50);
    segment_block_seal(&head, 4096, 900, block);
    cr_assert_not(segment_block_decode(&head, 4096 + 512, block->bytes, &back));
    for (int i = 0; i < 3; i++) {
        struct segment_head other = head;
        other.salt += i == 0;
        other.run += i == 1;
        other.counter += i == 2;
        cr_assert_not(segment_block_decode(&other, 4096, block->bytes, &back), "case %d", i);
    }
    log_block_release(&block);
}

/* The header's own checksum, as the format has it; the fields are at the offsets of JOURNAL.md. */
static void
seal_head(const struct segment_head *head, uint64_t offset, uint8_t *bytes)
{
    uint8_t place[32];
    bytes_put_u64(place, head->salt);
    bytes_put_u64(place + 8, head->run);
    bytes_put_u64(place + 16, head->counter);
    bytes_put_u64(place + 24, offset);
    uint64_t seed = XXH3_64bits(place, sizeof place);
    bytes_put_u32(bytes + 8,
                  (uint32_t)XXH3_64bits_withSeed(bytes + 12, LOG_BLOCK_HEAD_BYTES - 12, seed));
}

struct wrong_field {
    size_t offset;
    size_t width;
    uint64_t value;
};

Test(segment, a_block_header_with_a_right_checksum_and_wrong_fields_is_refused)
{
    static const struct wrong_field wrong[] = {
        {16, 8, 4},    /* run: another than the segment's */
        {24, 8, 1000}, /* first: before the segment's first */
        {32, 8, 1001}, /* synced: the block itself */
        {40, 4, 0},    /* count */
        {48, 4, LIMIT_BLOCK_BYTES + 1},
        {48, 4, LIMIT_BLOCK_BYTES - 10}, /* the largest, but no room for the header */
        {48, 4, 128 * 1024},             /* beyond the segment's end */
    };
    struct segment_head head = example();
    log_block_t *block = fixture_block(1001, 2, 7, 50);
    struct segment_block back;
    segment_block_seal(&head, 4096, 900, block);
    seal_head(&head, 4096, block->bytes);
    cr_assert(segment_block_decode(&head, 4096, block->bytes, &back), "as it was sealed");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t bytes[LOG_BLOCK_HEAD_BYTES];
        memcpy(bytes, block->bytes, sizeof bytes);
        if (wrong[i].width == 8) {
            bytes_put_u64(bytes + wrong[i].offset, wrong[i].value);
        } else {
            bytes_put_u32(bytes + wrong[i].offset, (uint32_t)wrong[i].value);
        }
        seal_head(&head, 4096, bytes);
        cr_assert_not(segment_block_decode(&head, 4096, bytes, &back), "case %zu", i);
    }
    log_block_release(&block);
}

Test(segment, records_that_do_not_fill_their_block_are_refused)
{
    log_block_t *block = fixture_block(1, 3, 7, 20);
    struct segment_block good = {.count = 3, .kinds = 1U << 7, .size = block->size};
    uint8_t *records = block->bytes + LOG_BLOCK_HEAD_BYTES;
    cr_assert(segment_block_records_ok(&good, records));
    struct segment_block bad = good;
    bad.count = 2;
    cr_assert_not(segment_block_records_ok(&bad, records));
    bad = good;
    bad.kinds |= 1U << 8;
    cr_assert_not(segment_block_records_ok(&bad, records));
    for (bad = good; bad.size > 0; bad.size--) {
        cr_assert_eq(segment_block_records_ok(&bad, records), bad.size == good.size);
    }
    static const uint8_t kinds[] = {0, LIMIT_KINDS, 255};
    for (size_t i = 0; i < sizeof kinds; i++) {
        records[0] = kinds[i];
        cr_assert_not(segment_block_records_ok(&good, records));
    }
    log_block_release(&block);
}

Test(segment, zeros_behind_the_records_are_theirs_up_to_a_page)
{
    static const uint32_t fills[] = {0, 1, 4095, 4096, 5000};
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        log_block_t *block = fixture_block(1, 200, 7, 200);
        struct segment_block said = {.count = 200, .kinds = 1U << 7};
        said.size = block->size + fills[i];
        uint8_t *records = mem_zeroed(said.size);
        memcpy(records, log_block_records(block), block->size);
        cr_assert_eq(segment_block_records_ok(&said, records), fills[i] < 4096);
        if (fills[i] > 0) {
            records[said.size - 1] = 1;
            cr_assert_not(segment_block_records_ok(&said, records));
        }
        mem_free(records);
        log_block_release(&block);
    }
}

Test(segment, file_names_are_sixteen_hexadecimal_digits)
{
    char name[SEGMENT_NAME_SIZE];
    segment_file_name(0x1a, name);
    cr_assert_str_eq(name, "000000000000001a.seg");
    cr_assert_eq(segment_file_counter(name), 0x1a);
    segment_file_name(UINT64_MAX, name);
    cr_assert_eq(segment_file_counter(name), UINT64_MAX);
    static const char *const others[] = {
        "",
        "lock",
        "position",
        "1.seg",
        "000000000000001A.seg",
        "000000000000001a.se",
        "000000000000001a.segx",
        "000000000000001a",
        "g00000000000001a.seg",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_assert_eq(segment_file_counter(others[i]), 0, "%s", others[i]);
    }
}

Test(segment, footer_survives_and_is_bound_to_its_place)
{
    struct segment_head head = example();
    struct segment_mark marks[2] = {{1001, 4096, 6}, {1050, 70000, 8}};
    uint8_t *foot = mem_alloc((size_t)segment_foot_bytes(head.bytes));
    segment_foot_encode(&head, 90112, marks, 2, foot);
    uint32_t count = 0;
    struct segment_mark *back = segment_foot_decode(&head, 90112, foot, &count);
    cr_assert_not_null(back);
    cr_assert_eq(count, 2);
    cr_assert_eq(back[1].first, 1050);
    cr_assert_eq(back[1].offset, 70000);
    cr_assert_eq(back[1].kinds, 8);
    mem_free(back);
    cr_assert_null(segment_foot_decode(&head, 90112 - 512, foot, &count), "another end");
    head.salt++;
    cr_assert_null(segment_foot_decode(&head, 90112, foot, &count), "another use of the file");
    head.salt--;
    for (size_t bit = 0; bit < (64 + 32) * 8; bit++) {
        bool counted = bit < 24 * 8 || bit >= 64 * 8; /* 24 to 63 are zeros that nobody reads */
        foot[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        back = segment_foot_decode(&head, 90112, foot, &count);
        cr_assert_eq(back == NULL, counted, "bit %zu", bit);
        mem_free(back);
        foot[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    mem_free(foot);
}

Test(segment, room_for_blocks_and_footer_adds_up)
{
    for (uint64_t bytes = SEGMENT_BYTES_MIN; bytes <= 8U * 1024 * 1024; bytes += 4096) {
        cr_assert_eq(segment_data_end(bytes) + segment_foot_bytes(bytes), bytes);
        cr_assert_geq(segment_foot_bytes(bytes), 64 + (bytes + 65535) / 65536 * 16);
    }
    for (uint64_t need = 0; need < 4U * 1024 * 1024; need += 99840) {
        uint64_t bytes = segment_bytes_for(need);
        cr_assert_geq(segment_data_end(bytes), SEGMENT_HEAD_BYTES + need);
        cr_assert_eq(bytes % 4096, 0);
    }
}
