#include "unit/journal/journal_fixture.h"

#include "base/bytes.h"
#include "journal/position_file.h"

#include <errno.h>
#include <fcntl.h>
#include <xxhash.h>

static sim_disk_t *disk;
static int dir_fd;

static void
setup(void)
{
    disk = fixture_disk();
    dir_fd = file_ops_current()->open(AT_FDCWD, "/", O_RDONLY, 0);
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(position_file, .init = setup, .fini = teardown);

static struct position_claim
claim_of(uint64_t run, uint64_t durable)
{
    return (struct position_claim){
        .identity = {1, 2, 3},
        .run = run,
        .durable = durable,
        .counter = 4,
        .end = 8192,
        .reserve = 0x0102,
        .newest = {[5] = 0x0304, [31] = 77},
    };
}

static struct position_file
opened(bool for_writing)
{
    struct position_file file;
    position_file_init(&file, file_ops_current());
    cr_assert_eq(position_file_open(&file, dir_fd, for_writing), 0);
    return file;
}

Test(position_file, slot_bytes_are_those_of_version_1)
{
    struct position_claim claim = claim_of(2, 77);
    uint8_t slot[512];
    position_claim_encode(&claim, slot);
    cr_assert_eq(memcmp(slot, "HERALDPO\1\0\2\0\0\0\0\0\1\2\3", 19), 0);
    cr_assert_eq(slot[32], 2);
    cr_assert_eq(slot[40], 77);
    cr_assert_eq(slot[48], 4);
    cr_assert_eq(slot[57], 0x20);
    cr_assert_eq(slot[64], 2);
    cr_assert_eq(slot[65], 1);
    cr_assert_eq(slot[72 + 5 * 8], 4);
    cr_assert_eq(slot[73 + 5 * 8], 3);
    cr_assert_eq(slot[72 + 31 * 8], 77);
    cr_assert_eq(slot[328], 0);
    struct position_claim read;
    cr_assert_eq(position_claim_decode(slot, &read, NULL), ERR_OK);
    cr_assert_eq(read.reserve, 0x0102);
    cr_assert_eq(memcmp(read.newest, claim.newest, sizeof read.newest), 0);
}

/* Zeros are not "none of any kind" there. */
Test(position_file, what_an_older_writer_does_not_say_may_be_anywhere)
{
    struct position_claim claim = claim_of(2, 77);
    for (uint16_t minor = 0; minor <= 1; minor++) {
        uint8_t slot[512];
        position_claim_encode(&claim, slot);
        bytes_put_u16(slot + 10, minor);
        memset(slot + 72, 0, 256);
        bytes_put_u64(slot + 504, XXH3_64bits(slot, 504));
        struct position_claim read;
        cr_assert_eq(position_claim_decode(slot, &read, NULL), ERR_OK);
        cr_assert_eq(read.durable, 77);
        for (int kind = 0; kind < LIMIT_KINDS; kind++) {
            cr_assert_eq(read.newest[kind], UINT64_MAX);
        }
    }
}

Test(position_file, a_reader_of_a_log_without_one_is_told_so)
{
    struct position_file file;
    position_file_init(&file, file_ops_current());
    cr_assert_eq(position_file_open(&file, dir_fd, false), -ENOENT);
}

Test(position_file, an_empty_file_claims_nothing)
{
    struct position_file file = opened(true);
    struct position_claim claim;
    cr_assert_eq(position_file_read(&file, &claim, NULL), ERR_NOT_FOUND);
    position_file_close(&file);
}

Test(position_file, the_newest_claim_wins_and_a_later_run_is_newer)
{
    struct position_file file = opened(true);
    struct position_claim claim;
    for (uint64_t i = 1; i < 10; i++) {
        struct position_claim next = claim_of(1, i * 10);
        cr_assert_eq(position_file_publish(&file, &next), 0);
        cr_assert_eq(position_file_read(&file, &claim, NULL), ERR_OK);
        cr_assert_eq(claim.durable, i * 10);
        cr_assert_eq(claim.end, 8192);
    }
    struct position_claim later = claim_of(2, 5);
    cr_assert_eq(position_file_publish(&file, &later), 0);
    cr_assert_eq(position_file_read(&file, &claim, NULL), ERR_OK);
    cr_assert_eq(claim.run, 2);
    position_file_close(&file);
}

Test(position_file, a_torn_slot_leaves_the_claim_before)
{
    struct position_file file = opened(true);
    struct position_claim claim = claim_of(1, 10);
    cr_assert_eq(position_file_publish(&file, &claim), 0);
    claim.durable = 20;
    cr_assert_eq(position_file_publish(&file, &claim), 0);
    for (size_t bit = 0; bit < 512 * 8; bit++) {
        size_t size;
        uint8_t *bytes = sim_disk_bytes(disk, POSITION_FILE_NAME, &size);
        bytes[512 + bit / 8] ^= (uint8_t)(1U << (bit % 8));
        cr_assert_eq(position_file_read(&file, &claim, NULL), ERR_OK);
        cr_assert_eq(claim.durable, 10, "bit %zu", bit);
        bytes[512 + bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    position_file_close(&file);
}

Test(position_file, a_writer_that_comes_back_spares_the_newest_claim)
{
    struct position_claim claim = claim_of(1, 10);
    for (int i = 0; i < 4; i++) {
        struct position_file file = opened(true);
        struct position_claim before = claim;
        claim.durable++;
        cr_assert_eq(position_file_publish(&file, &claim), 0);
        size_t size;
        uint8_t *bytes = sim_disk_bytes(disk, POSITION_FILE_NAME, &size);
        bytes[(file.slot ^ 1) * 512] ^= 1; /* the write was torn */
        struct position_claim found;
        err_t rc = position_file_read(&file, &found, NULL);
        if (i == 0) {
            cr_assert_eq(rc, ERR_NOT_FOUND);
        } else {
            cr_assert_eq(found.durable, before.durable);
        }
        bytes[(file.slot ^ 1) * 512] ^= 1;
        position_file_close(&file);
    }
}

/* Whichever slot it stands in, and with a right checksum, as a newer program would write it. */
Test(position_file, a_newer_version_is_refused)
{
    struct position_file file = opened(true);
    struct position_claim claim = claim_of(1, 10);
    struct why why = {{0}};
    cr_assert_eq(position_file_publish(&file, &claim), 0);
    cr_assert_eq(position_file_publish(&file, &claim), 0);
    size_t size;
    uint8_t *bytes = sim_disk_bytes(disk, POSITION_FILE_NAME, &size);
    for (uint8_t *slot = bytes; slot < bytes + size; slot += 512) {
        uint8_t before[512];
        memcpy(before, slot, 512);
        slot[8] = 2;
        cr_assert_eq(position_file_read(&file, &claim, &why), ERR_OK, "a flipped bit is none");
        bytes_put_u64(slot + 504, XXH3_64bits(slot, 504));
        cr_assert_eq(position_file_read(&file, &claim, &why), ERR_UNSUPPORTED);
        cr_assert_not_null(strstr(why.text, "version 2; this program reads up to 1"), "%s",
                           why.text);
        memcpy(slot, before, 512);
    }
    position_file_close(&file);
}

Test(position_file, a_read_error_is_not_an_absent_claim)
{
    struct position_file file = opened(true);
    struct position_claim claim = claim_of(1, 10);
    cr_assert_eq(position_file_publish(&file, &claim), 0);
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EIO, false};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(position_file_read(&file, &claim, NULL), ERR_IO);
    position_file_close(&file);
}

Test(position_file, a_failed_publish_changes_nothing_for_readers)
{
    struct position_file file = opened(true);
    struct position_claim claim = claim_of(1, 10);
    cr_assert_eq(position_file_publish(&file, &claim), 0);
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EIO, false};
    sim_disk_set_fault(disk, &fault);
    claim.durable = 11;
    cr_assert_eq(position_file_publish(&file, &claim), -EIO);
    cr_assert_eq(position_file_read(&file, &claim, NULL), ERR_OK);
    cr_assert_eq(claim.durable, 10);
    claim.durable = 12;
    cr_assert_eq(position_file_publish(&file, &claim), 0);
    cr_assert_eq(position_file_sync(&file), 0);
    cr_assert_not(file.dirty);
    position_file_close(&file);
}
