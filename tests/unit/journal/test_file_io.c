#include "unit/journal/journal_fixture.h"

#include "journal/file_io.h"
#include "support/odd_call.h"

#include <errno.h>
#include <fcntl.h>

static sim_disk_t *disk;
static const struct file_ops *ops;
static int fd;

static void
setup(void)
{
    disk = fixture_disk();
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    ops = file_ops_current();
    fd = ops->open(AT_FDCWD, "f", O_RDWR | O_CREAT, 0600);
    cr_assert_eq(file_io_write(ops, fd, "0123456789", 10, 0), 0);
}

static void
teardown(void)
{
    sim_disk_destroy(&disk);
}

TestSuite(file_io, .init = setup, .fini = teardown);

Test(file_io, short_reads_go_on)
{
    char text[10];
    struct sim_disk_fault fault = {SIM_DISK_SHORT, 1, 0, true};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(file_io_read(ops, fd, text, 10, 0), 10);
    cr_assert_eq(memcmp(text, "0123456789", 10), 0);
    cr_assert_gt(sim_disk_operations(disk), 3);
}

Test(file_io, short_writes_go_on)
{
    char text[10];
    struct sim_disk_fault fault = {SIM_DISK_SHORT, 1, 0, true};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(file_io_write(ops, fd, "abcdefghij", 10, 0), 0);
    cr_assert_eq(file_io_read(ops, fd, text, 10, 0), 10);
    cr_assert_eq(memcmp(text, "abcdefghij", 10), 0);
}

Test(file_io, interrupted_calls_go_on)
{
    char text[10];
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EINTR, false};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(file_io_read(ops, fd, text, 10, 0), 10);
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(file_io_write(ops, fd, "abcdefghij", 10, 0), 0);
    sim_disk_set_fault(disk, &fault);
    cr_assert_geq(file_io_open(ops, AT_FDCWD, "f", O_RDONLY, 0), 0);
    fault.error = EAGAIN;
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(file_io_read(ops, fd, text, 10, 0), 10);
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(file_io_write(ops, fd, "abcdefghij", 10, 0), 0);
}

Test(file_io, a_write_that_makes_no_progress_is_an_error)
{
    odd_call_set(&(struct odd_call){.operation = ODD_PWRITE, .answer = 0});
    cr_assert_eq(file_io_write(ops, fd, "abcdefghij", 10, 0), -EIO);
}

Test(file_io, the_end_of_the_file_is_a_smaller_count_and_an_error_is_an_error)
{
    char text[20];
    cr_assert_eq(file_io_read(ops, fd, text, 20, 0), 10);
    cr_assert_eq(file_io_read(ops, fd, text, 20, 10), 0);
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 1, EIO, false};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(file_io_read(ops, fd, text, 20, 0), -EIO);
}

Test(file_io, an_errno_says_what_to_do)
{
    cr_assert_eq(file_io_err(-ENOSPC), ERR_FULL);
    cr_assert_eq(file_io_err(-EDQUOT), ERR_FULL);
    cr_assert_eq(file_io_err(-EFBIG), ERR_FULL);
    cr_assert_eq(file_io_err(-EMFILE), ERR_FULL);
    cr_assert_eq(file_io_err(-EACCES), ERR_DENIED);
    cr_assert_eq(file_io_err(-EROFS), ERR_DENIED);
    cr_assert_eq(file_io_err(-ELOOP), ERR_DENIED);
    cr_assert_eq(file_io_err(-EIO), ERR_IO);
}

Test(file_io, the_sentence_names_the_file)
{
    struct why why = {{0}};
    cr_assert_eq(file_io_failed(&why, -EIO, "cannot read", "/a/b", "c"), ERR_IO);
    cr_assert_str_eq(why.text, "cannot read /a/b/c: Input/output error");
    cr_assert_eq(file_io_failed(&why, -EACCES, "cannot open", "/a/b", NULL), ERR_DENIED);
    cr_assert_str_eq(why.text, "cannot open /a/b: Permission denied");
    cr_assert_eq(file_io_failed(&why, -9999, "cannot open", "/a/b", NULL), ERR_IO);
    cr_assert_str_eq(why.text, "cannot open /a/b: error 9999", "of a system that is newer");
}
