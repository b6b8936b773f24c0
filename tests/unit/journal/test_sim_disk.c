/* The simulated disk's own word: what a write that went astray took, and what puts it right. */
#include "support/sim_disk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static sim_disk_t *disk;

static void
setup(void)
{
    disk = sim_disk_new(1);
    sim_disk_use(disk);
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(sim_disk, .init = setup, .fini = teardown);

static void
write_synced(char letter)
{
    const struct file_ops *ops = sim_disk_table();
    uint8_t sector[SIM_DISK_SECTOR];
    memset(sector, letter, sizeof sector);
    int fd = ops->open(AT_FDCWD, "file", O_RDWR | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ops->pwrite(fd, sector, sizeof sector, 0), SIM_DISK_SECTOR);
    cr_assert_eq(ops->sync_data(fd), 0);
    cr_assert_eq(ops->close(fd), 0);
}

/* The first letter of the file. */
static char
letter(void)
{
    size_t size = 0;
    const uint8_t *bytes = sim_disk_bytes(disk, "file", &size);
    cr_assert(bytes != NULL && size == SIM_DISK_SECTOR);
    return (char)bytes[0];
}

/* A synced 'b' over 'a' that the disk has dropped, as a power cut shows. */
static void
lose_b(void)
{
    write_synced('a');
    sim_disk_settle(disk);
    sim_disk_stray(disk, "file", 0);
    write_synced('b');
    cr_assert_eq(letter(), 'b');
    sim_disk_crash(disk, 7);
    cr_assert_eq(letter(), 'a');
}

Test(sim_disk, what_a_write_lost_is_put_right)
{
    lose_b();
    sim_disk_crash(disk, 8); /* changes nothing of it */
    sim_disk_stray_mend(disk);
    cr_assert_eq(letter(), 'b');
}

Test(sim_disk, what_was_put_right_is_on_disk)
{
    lose_b();
    sim_disk_stray_mend(disk);
    sim_disk_crash(disk, 8);
    cr_assert_eq(letter(), 'b');
}

Test(sim_disk, with_its_file_a_loss_is_gone)
{
    lose_b();
    cr_assert(sim_disk_strayed(disk));
    cr_assert_eq(sim_disk_remove(disk, "file"), 0);
    sim_disk_crash(disk, 8);
    cr_assert_not(sim_disk_strayed(disk));
}

Test(sim_disk, what_was_written_since_stays_after_another_power_cut)
{
    lose_b();
    write_synced('c');
    sim_disk_crash(disk, 8);
    sim_disk_stray_mend(disk);
    cr_assert_eq(letter(), 'c');
}

/* Four sectors, of which the first is written again, and reaches the disk two behind its place. */
Test(sim_disk, a_write_to_another_place_is_put_right_at_both)
{
    const struct file_ops *ops = sim_disk_table();
    uint8_t sectors[4 * SIM_DISK_SECTOR];
    size_t size = 0;
    memset(sectors, 'a', sizeof sectors);
    int fd = ops->open(AT_FDCWD, "file", O_RDWR | O_CREAT, 0600);
    cr_assert_eq(ops->pwrite(fd, sectors, sizeof sectors, 0), (int64_t)sizeof sectors);
    cr_assert_eq(ops->close(fd), 0);
    sim_disk_settle(disk);
    sim_disk_stray(disk, "file", 2);
    write_synced('b');
    const uint8_t *bytes = sim_disk_bytes(disk, "file", &size);
    cr_assert(bytes[0] == 'b' && bytes[2 * SIM_DISK_SECTOR] == 'a', "nobody sees it yet");
    sim_disk_crash(disk, 7);
    bytes = sim_disk_bytes(disk, "file", &size);
    cr_assert_eq(size, sizeof sectors);
    cr_assert(bytes[0] == 'a' && bytes[2 * SIM_DISK_SECTOR] == 'b');
    cr_assert(bytes[SIM_DISK_SECTOR] == 'a' && bytes[3 * SIM_DISK_SECTOR] == 'a');
    sim_disk_stray_mend(disk);
    bytes = sim_disk_bytes(disk, "file", &size);
    cr_assert(bytes[0] == 'b' && bytes[2 * SIM_DISK_SECTOR] == 'a');
    cr_assert_not(sim_disk_strayed(disk));
}

Test(sim_disk, what_comes_out_short_has_not_failed)
{
    static const struct {
        struct sim_disk_fault fault;
        bool failed;
    } all[] = {
        {{.kind = SIM_DISK_SHORT, .at = 1}, false},
        {{.kind = SIM_DISK_ERROR, .at = 1, .error = EIO}, true},
        {{.kind = SIM_DISK_OFF, .at = 1}, true},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        sim_disk_set_fault(disk, &all[i].fault);
        cr_assert_not(sim_disk_fault_hit(disk));
        cr_assert_not(sim_disk_fault_failed(disk));
        struct file_stat stat;
        (void)sim_disk_table()->stat_at(AT_FDCWD, "none", &stat);
        cr_assert(sim_disk_fault_hit(disk));
        cr_assert_eq(sim_disk_fault_failed(disk), all[i].failed, "%zu", i);
    }
}
