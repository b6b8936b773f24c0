/*
 * Segment file, all integers little-endian; columns are offset and bytes:
 *
 *   header, 4096 bytes, at 0
 *        0   8  "HERALDSG"
 *        8   2  major version
 *       10   2  minor version
 *       12   4  512: bytes checksummed
 *       16  16  identity of the log
 *       32   8  run
 *       40   8  counter
 *       48   8  first position
 *       56   8  predecessor's counter, 0: none
 *       64   8  offset of the predecessor's end
 *       72   8  bytes of this file
 *       80   8  salt
 *       88   1  bytes of the name
 *       89  64  name of the log, then zeros
 *      504   8  XXH3-64 of bytes 0 to 503, then zeros
 *
 *   blocks, from 4096, each at a multiple of 512
 *        0   8  XXH3-64 of bytes 8 to the end of the records and their zeros, seeded by place
 *        8   4  XXH3-64 of bytes 12 to 63, seeded by place, lower half
 *       12   4  "HBLK"
 *       16   8  run
 *       24   8  first position
 *       32   8  synced
 *       40   4  count
 *       44   4  kinds
 *       48   4  bytes of records, and of zeros behind them, fewer than 4096
 *       52  12  zeros
 *       64      records: kind u8, length LEB128, body; then zeros up to a multiple of 512
 *
 *   footer, at a place that follows from the file's size (sealed segments only)
 *        0   8  "HERALDIX"
 *        8   4  number of marks
 *       12   4  offset at which the content ends
 *       16   8  XXH3-64 of the marks, seeded by place and by the XXH3-64 of bytes 0 to 15
 *       24  40  zeros
 *       64      marks: first position u64, offset u32, kinds u32
 *
 * "Seeded by place": by salt, run, counter and offset. So neither a stale nor a misplaced block
 * passes, and all-zero bytes are never valid, since "HBLK" is not zero.
 */
#include "journal/segment.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"

#include <string.h>
#include <xxhash.h>

#define HEAD_SUM_AT 504
#define HEAD_NAME_AT 89
#define BLOCK_MAGIC 0x4b4c4248U /* "HBLK" */
#define FOOT_HEAD_BYTES 64
#define FOOT_MARK_BYTES 16
#define PAGE_BYTES 4096

static_assert(SEGMENT_HEAD_BYTES % LOG_BLOCK_ALIGN == 0, "blocks start aligned");
static_assert(HEAD_NAME_AT + LIMIT_NAME_BYTES <= HEAD_SUM_AT, "the name fits the header");

void
segment_file_name(uint64_t counter, char name[SEGMENT_NAME_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--, counter >>= 4) {
        name[i] = digits[counter & 15];
    }
    memcpy(name + 16, ".seg", 5);
}

uint64_t
segment_file_counter(const char *name)
{
    uint64_t counter = 0;
    for (int i = 0; i < 16; i++) {
        char c = name[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 16;
        if (digit > 15) {
            return 0;
        }
        counter = counter << 4 | digit;
    }
    return strcmp(name + 16, ".seg") == 0 ? counter : 0;
}

uint64_t
segment_foot_bytes(uint64_t segment_bytes)
{
    uint64_t marks = (segment_bytes + SEGMENT_CHUNK_BYTES - 1) / SEGMENT_CHUNK_BYTES;
    uint64_t need = FOOT_HEAD_BYTES + marks * FOOT_MARK_BYTES;
    return (need + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

uint64_t
segment_data_end(uint64_t segment_bytes)
{
    return segment_bytes - segment_foot_bytes(segment_bytes);
}

uint64_t
segment_bytes_for(uint64_t block_bytes)
{
    uint64_t bytes = SEGMENT_BYTES_MIN;
    while (segment_data_end(bytes) < SEGMENT_HEAD_BYTES + block_bytes) {
        bytes += SEGMENT_CHUNK_BYTES;
    }
    return bytes;
}

void
segment_head_encode(const struct segment_head *head, uint8_t *to)
{
    size_t name_bytes = strlen(head->name);
    CHECK(name_bytes > 0 && name_bytes <= LIMIT_NAME_BYTES);
    memset(to, 0, SEGMENT_HEAD_BYTES);
    memcpy(to, "HERALDSG", 8);
    bytes_put_u16(to + 8, SEGMENT_MAJOR);
    bytes_put_u16(to + 10, SEGMENT_MINOR);
    bytes_put_u32(to + 12, HEAD_SUM_AT + 8);
    memcpy(to + 16, head->identity, 16);
    bytes_put_u64(to + 32, head->run);
    bytes_put_u64(to + 40, head->counter);
    bytes_put_u64(to + 48, head->first);
    bytes_put_u64(to + 56, head->previous);
    bytes_put_u64(to + 64, head->previous_end);
    bytes_put_u64(to + 72, head->bytes);
    bytes_put_u64(to + 80, head->salt);
    to[88] = (uint8_t)name_bytes;
    memcpy(to + HEAD_NAME_AT, head->name, name_bytes);
    bytes_put_u64(to + HEAD_SUM_AT, XXH3_64bits(to, HEAD_SUM_AT));
}

/* The fields agree with each other. A checksum that passes says that they are what was written,
 * not that whoever wrote them was sane. */
static bool
head_plausible(const struct segment_head *head)
{
    bool linked = head->previous == 0 ? head->previous_end == 0
                                      : head->previous < head->counter &&
                                            head->previous_end >= SEGMENT_HEAD_BYTES &&
                                            head->previous_end <= SEGMENT_BYTES_MAX &&
                                            head->previous_end % LOG_BLOCK_ALIGN == 0;
    return linked && head->run >= 1 && head->counter >= 1 && head->first >= 1 &&
           head->bytes >= SEGMENT_BYTES_MIN && head->bytes <= SEGMENT_BYTES_MAX &&
           head->bytes % PAGE_BYTES == 0;
}

err_t
segment_head_decode(const uint8_t *from, struct segment_head *head, struct why *why)
{
    if (memcmp(from, "HERALDSG", 8) != 0) {
        return why_set(why, ERR_CORRUPT, "does not start with a segment header");
    }
    /* The version comes before the checksum: a newer one may well compute it otherwise. */
    unsigned major = bytes_get_u16(from + 8);
    if (major > SEGMENT_MAJOR) {
        return why_set(why, ERR_UNSUPPORTED, "has format version %u; this program reads up to %u",
                       major, SEGMENT_MAJOR);
    }
    if (bytes_get_u64(from + HEAD_SUM_AT) != XXH3_64bits(from, HEAD_SUM_AT)) {
        return why_set(why, ERR_CORRUPT, "has a header whose checksum is wrong");
    }
    *head = (struct segment_head){
        .run = bytes_get_u64(from + 32),
        .counter = bytes_get_u64(from + 40),
        .first = bytes_get_u64(from + 48),
        .previous = bytes_get_u64(from + 56),
        .previous_end = bytes_get_u64(from + 64),
        .bytes = bytes_get_u64(from + 72),
        .salt = bytes_get_u64(from + 80),
    };
    memcpy(head->identity, from + 16, 16);
    size_t name_bytes = from[88];
    if (name_bytes == 0 || name_bytes > LIMIT_NAME_BYTES || !head_plausible(head)) {
        return why_set(why, ERR_CORRUPT, "has a header that makes no sense");
    }
    memcpy(head->name, from + HEAD_NAME_AT, name_bytes);
    return ERR_OK;
}

static XXH64_hash_t
place_seed(const struct segment_head *head, uint64_t offset)
{
    uint8_t place[32];
    bytes_put_u64(place, head->salt);
    bytes_put_u64(place + 8, head->run);
    bytes_put_u64(place + 16, head->counter);
    bytes_put_u64(place + 24, offset);
    return XXH3_64bits(place, sizeof place);
}

void
segment_block_seal(const struct segment_head *head, uint64_t offset, uint64_t synced,
                   log_block_t *block)
{
    XXH64_hash_t seed = place_seed(head, offset);
    uint8_t *to = block->bytes;
    uint32_t size = block->size + block->fill;
    log_block_pad(block, 0);
    memset(to, 0, LOG_BLOCK_HEAD_BYTES);
    bytes_put_u32(to + 12, BLOCK_MAGIC);
    bytes_put_u64(to + 16, head->run);
    bytes_put_u64(to + 24, block->first);
    bytes_put_u64(to + 32, synced);
    bytes_put_u32(to + 40, block->count);
    bytes_put_u32(to + 44, block->kinds);
    bytes_put_u32(to + 48, size);
    bytes_put_u32(to + 8, (uint32_t)XXH3_64bits_withSeed(to + 12, LOG_BLOCK_HEAD_BYTES - 12, seed));
    bytes_put_u64(to, XXH3_64bits_withSeed(to + 8, LOG_BLOCK_HEAD_BYTES - 8 + size, seed));
}

bool
segment_block_decode(const struct segment_head *head, uint64_t offset, const uint8_t *from,
                     struct segment_block *block)
{
    if (bytes_get_u32(from + 12) != BLOCK_MAGIC) {
        return false;
    }
    uint32_t sum = (uint32_t)XXH3_64bits_withSeed(from + 12, LOG_BLOCK_HEAD_BYTES - 12,
                                                  place_seed(head, offset));
    if (bytes_get_u32(from + 8) != sum) {
        return false;
    }
    *block = (struct segment_block){
        .run = bytes_get_u64(from + 16),
        .first = bytes_get_u64(from + 24),
        .synced = bytes_get_u64(from + 32),
        .count = bytes_get_u32(from + 40),
        .kinds = bytes_get_u32(from + 44),
        .size = bytes_get_u32(from + 48),
    };
    return block->run == head->run && block->first >= head->first && block->count >= 1 &&
           block->synced < block->first && block->size <= LIMIT_BLOCK_BYTES &&
           log_block_span_of(block->size) <= LIMIT_BLOCK_BYTES &&
           offset + log_block_span_of(block->size) <= segment_data_end(head->bytes);
}

bool
segment_block_check(const struct segment_head *head, uint64_t offset, const uint8_t *from,
                    const struct segment_block *block)
{
    return bytes_get_u64(from) == XXH3_64bits_withSeed(from + 8,
                                                       LOG_BLOCK_HEAD_BYTES - 8 + block->size,
                                                       place_seed(head, offset));
}

/* What may stand behind the last record: zeros, up to the end of a page. */
static bool
is_fill(const uint8_t *bytes, size_t size)
{
    static const uint8_t zeros[LOG_BLOCK_PAGE_BYTES];
    return size < sizeof zeros && memcmp(bytes, zeros, size) == 0;
}

bool
segment_block_records_ok(const struct segment_block *block, const uint8_t *records)
{
    struct bytes_in in = bytes_in_over(records, block->size);
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        uint8_t kind = bytes_in_u8(&in);
        uint64_t size = bytes_in_varint(&in);
        if (kind == 0 || kind >= LIMIT_KINDS || bytes_in_span(&in, size) == NULL) {
            return false;
        }
        kinds |= UINT32_C(1) << kind;
    }
    return is_fill(in.next, bytes_in_left(&in)) && kinds == block->kinds;
}

static uint64_t
foot_sum(const struct segment_head *head, const uint8_t *foot, uint32_t count)
{
    uint64_t at = segment_data_end(head->bytes);
    uint64_t seed = place_seed(head, at) ^ XXH3_64bits(foot, 16);
    return XXH3_64bits_withSeed(foot + FOOT_HEAD_BYTES, (size_t)count * FOOT_MARK_BYTES, seed);
}

void
segment_foot_encode(const struct segment_head *head, uint64_t end, const struct segment_mark *marks,
                    uint32_t count, uint8_t *to)
{
    CHECK(FOOT_HEAD_BYTES + (uint64_t)count * FOOT_MARK_BYTES <= segment_foot_bytes(head->bytes));
    memset(to, 0, (size_t)segment_foot_bytes(head->bytes));
    memcpy(to, "HERALDIX", 8);
    bytes_put_u32(to + 8, count);
    bytes_put_u32(to + 12, (uint32_t)end);
    uint8_t *next = to + FOOT_HEAD_BYTES;
    for (uint32_t i = 0; i < count; i++, next += FOOT_MARK_BYTES) {
        bytes_put_u64(next, marks[i].first);
        bytes_put_u32(next + 8, marks[i].offset);
        bytes_put_u32(next + 12, marks[i].kinds);
    }
    bytes_put_u64(to + 16, foot_sum(head, to, count));
}

struct segment_mark *
segment_foot_decode(const struct segment_head *head, uint64_t end, const uint8_t *from,
                    uint32_t *count)
{
    *count = bytes_get_u32(from + 8);
    if (memcmp(from, "HERALDIX", 8) != 0 || bytes_get_u32(from + 12) != end ||
        *count > (segment_foot_bytes(head->bytes) - FOOT_HEAD_BYTES) / FOOT_MARK_BYTES ||
        bytes_get_u64(from + 16) != foot_sum(head, from, *count)) {
        return NULL;
    }
    struct segment_mark *marks = mem_array(*count, sizeof *marks);
    const uint8_t *next = from + FOOT_HEAD_BYTES;
    for (uint32_t i = 0; i < *count; i++, next += FOOT_MARK_BYTES) {
        marks[i] = (struct segment_mark){
            .first = bytes_get_u64(next),
            .offset = bytes_get_u32(next + 8),
            .kinds = bytes_get_u32(next + 12),
        };
    }
    return marks;
}
