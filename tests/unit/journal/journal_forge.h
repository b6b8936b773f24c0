/*
 * What a program with a fault might have written: wrong content under right checksums.
 */
#ifndef HERALD_TESTS_UNIT_JOURNAL_FORGE_H
#define HERALD_TESTS_UNIT_JOURNAL_FORGE_H

#include "journal/position_file.h"
#include "journal/segment.h"
#include "unit/journal/journal_fixture.h"

/* Seal the block for this place of the segment at `path`, and put it there. */
static inline void
forge_block(sim_disk_t *disk, const char *path, uint64_t offset, log_block_t *block)
{
    size_t size = 0;
    uint8_t *bytes = sim_disk_bytes(disk, path, &size);
    struct segment_head head;
    cr_assert_not_null(bytes);
    cr_assert_eq(segment_head_decode(bytes, &head, NULL), ERR_OK);
    cr_assert_leq(offset + log_block_span(block), size);
    segment_block_seal(&head, offset, 0, block);
    memcpy(bytes + offset, block->bytes, log_block_span(block));
    sim_disk_settle(disk);
    log_block_release(&block);
}

/* What the newest slot of a position file claims; nothing else than that is in the file. */
static inline struct position_claim
forge_last_claim(sim_disk_t *disk, const char *path)
{
    size_t size = 0;
    uint8_t *bytes = sim_disk_bytes(disk, path, &size);
    struct position_claim claims[2];
    cr_assert_eq(size, 1024);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(position_claim_decode(bytes + i * 512, &claims[i], NULL), ERR_OK);
    }
    return claims[claims[1].durable > claims[0].durable];
}

/* Both slots claim this. */
static inline void
forge_claim(sim_disk_t *disk, const char *path, const struct position_claim *claim)
{
    size_t size = 0;
    uint8_t *bytes = sim_disk_bytes(disk, path, &size);
    cr_assert_eq(size, 1024);
    position_claim_encode(claim, bytes);
    position_claim_encode(claim, bytes + 512);
    sim_disk_settle(disk);
}

#endif
