/*
 * A slot, 512 bytes, little-endian:
 *
 *   0   8  "HERALDPO"
 *   8   2  major version   10  2  minor version   12  4  zeros
 *   16 16  identity
 *   32  8  run             40  8  durable position
 *   48  8  counter of the segment in which it ends
 *   56  8  offset of the content's end there
 *   64  8  bytes that the owner wants kept free (minor version 0: zeros)
 *   72 256 for each kind the position behind which there is none (minor versions 0 and 1: zeros)
 *   ...    zeros
 *   504 8  XXH3-64 of bytes 0 to 503
 */
#include "journal/position_file.h"

#include "base/bytes.h"
#include "base/check.h"
#include "journal/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <xxhash.h>

#define SLOT_BYTES 512
#define SLOT_SUM_AT 504
#define MAJOR 1
#define MINOR 2
#define NEWEST_AT 72
#define NEWEST_MINOR 2 /* which says it */
#define READ_TRIES 8

void
position_claim_encode(const struct position_claim *claim, uint8_t *slot)
{
    memset(slot, 0, SLOT_BYTES);
    memcpy(slot, "HERALDPO", 8);
    bytes_put_u16(slot + 8, MAJOR);
    bytes_put_u16(slot + 10, MINOR);
    memcpy(slot + 16, claim->identity, 16);
    bytes_put_u64(slot + 32, claim->run);
    bytes_put_u64(slot + 40, claim->durable);
    bytes_put_u64(slot + 48, claim->counter);
    bytes_put_u64(slot + 56, claim->end);
    bytes_put_u64(slot + 64, claim->reserve);
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        bytes_put_u64(slot + NEWEST_AT + 8 * kind, claim->newest[kind]);
    }
    bytes_put_u64(slot + SLOT_SUM_AT, XXH3_64bits(slot, SLOT_SUM_AT));
}

err_t
position_claim_decode(const uint8_t *slot, struct position_claim *claim, struct why *why)
{
    if (memcmp(slot, "HERALDPO", 8) != 0 ||
        bytes_get_u64(slot + SLOT_SUM_AT) != XXH3_64bits(slot, SLOT_SUM_AT)) {
        return why_set(why, ERR_NOT_FOUND, "no valid claim");
    }
    unsigned major = bytes_get_u16(slot + 8);
    if (major > MAJOR) {
        return why_set(why, ERR_UNSUPPORTED,
                       "the position file has format version %u; this program reads up to %d",
                       major, MAJOR);
    }
    memcpy(claim->identity, slot + 16, 16);
    claim->run = bytes_get_u64(slot + 32);
    claim->durable = bytes_get_u64(slot + 40);
    claim->counter = bytes_get_u64(slot + 48);
    claim->end = bytes_get_u64(slot + 56);
    claim->reserve = bytes_get_u64(slot + 64);
    bool says = bytes_get_u16(slot + 10) >= NEWEST_MINOR;
    for (size_t kind = 0; kind < LIMIT_KINDS; kind++) {
        claim->newest[kind] = says ? bytes_get_u64(slot + NEWEST_AT + 8 * kind) : UINT64_MAX;
    }
    return ERR_OK;
}

void
position_file_init(struct position_file *self, const struct file_ops *ops)
{
    *self = (struct position_file){.ops = ops, .fd = -1};
}

/* Of two claims the later: a later run, or further in the same run. */
static bool
later(const struct position_claim *a, const struct position_claim *b)
{
    return a->run != b->run ? a->run > b->run : a->durable > b->durable;
}

static err_t
newest(const struct position_file *self, struct position_claim *claim, unsigned *slot,
       struct why *why)
{
    /* The writer may be at one slot while we look; the other is whole then, or the next look
     * finds one. */
    for (int i = 0; i < READ_TRIES; i++) {
        uint8_t bytes[POSITION_FILE_BYTES] = {0};
        int64_t count = file_io_read(self->ops, self->fd, bytes, sizeof bytes, 0);
        if (count < 0) {
            return why_set(why, ERR_IO, "cannot read the position file: %s", strerror((int)-count));
        }
        struct position_claim slots[2];
        err_t rc[2];
        for (int s = 0; s < 2; s++) {
            rc[s] = position_claim_decode(bytes + s * SLOT_BYTES, &slots[s], why);
        }
        if (rc[0] == ERR_UNSUPPORTED || rc[1] == ERR_UNSUPPORTED) {
            return ERR_UNSUPPORTED;
        }
        if (rc[0] == ERR_OK || rc[1] == ERR_OK) {
            *slot = rc[0] != ERR_OK || (rc[1] == ERR_OK && later(&slots[1], &slots[0]));
            *claim = slots[*slot];
            return ERR_OK;
        }
    }
    return why_set(why, ERR_NOT_FOUND, "the position file holds no valid claim");
}

int
position_file_open(struct position_file *self, int dir_fd, bool for_writing)
{
    CHECK(self->fd < 0);
    int flags = for_writing ? O_RDWR | O_CREAT : O_RDONLY;
    int fd = file_io_open(self->ops, dir_fd, POSITION_FILE_NAME, flags, 0600);
    if (fd < 0) {
        return fd;
    }
    self->fd = fd;
    struct position_claim claim;
    unsigned slot;
    if (for_writing && newest(self, &claim, &slot, NULL) == ERR_OK) {
        self->slot = slot ^ 1; /* a write that is torn must not take the newest claim with it */
    }
    return 0;
}

void
position_file_close(struct position_file *self)
{
    if (self->fd >= 0) {
        (void)self->ops->close(self->fd); /* what mattered was synced */
        self->fd = -1;
    }
}

err_t
position_file_read(const struct position_file *self, struct position_claim *claim, struct why *why)
{
    unsigned slot;
    return newest(self, claim, &slot, why);
}

int
position_file_publish(struct position_file *self, const struct position_claim *claim)
{
    uint8_t slot[SLOT_BYTES];
    position_claim_encode(claim, slot);
    int rc = file_io_write(self->ops, self->fd, slot, sizeof slot, self->slot * SLOT_BYTES);
    if (rc != 0) {
        return rc;
    }
    self->slot ^= 1;
    self->dirty = true;
    return 0;
}

int
position_file_sync(struct position_file *self)
{
    int rc = self->ops->sync_data(self->fd);
    if (rc == 0) {
        self->dirty = false;
    }
    return rc;
}
