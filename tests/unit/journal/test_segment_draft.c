#include "unit/journal/journal_fixture.h"

#include "journal/segment_draft.h"
#include "support/odd_call.h"

#include <errno.h>
#include <fcntl.h>

static sim_disk_t *disk;
static struct segment_place place;

static void
setup(void)
{
    disk = fixture_disk();
    odd_call_set(&(struct odd_call){.operation = ODD_NONE});
    place = (struct segment_place){
        .ops = file_ops_current(),
        .dir_fd = file_ops_current()->open(AT_FDCWD, "/", O_RDONLY, 0),
        .path = "d",
        .pool_bytes = FIXTURE_SEGMENT,
    };
}

static void
teardown(void)
{
    spare_pool_destroy(&place.pool);
    sim_disk_destroy(&disk);
}

TestSuite(segment_draft, .init = setup, .fini = teardown);

static struct segment_head
head_of(uint64_t counter)
{
    return (struct segment_head){
        .name = "producer",
        .run = 1,
        .counter = counter,
        .first = 1,
        .bytes = FIXTURE_SEGMENT,
    };
}

static bool
there(const char *path)
{
    size_t size;
    return sim_disk_bytes(disk, path, &size) != NULL;
}

Test(segment_draft, a_new_file_gets_its_name_last)
{
    struct segment_draft draft;
    struct segment_head head = head_of(1);
    int fd = -1;
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, NULL), ERR_OK);
    cr_assert(draft.reserved);
    cr_assert(there("new.tmp"));
    cr_assert_eq(segment_draft_finish(&draft, &head, &fd, NULL), ERR_OK);
    cr_assert_geq(fd, 0);
    cr_assert(there("0000000000000001.seg"));
    cr_assert_not(there("new.tmp"));
    segment_draft_drop(&draft);
    cr_assert(there("0000000000000001.seg"));
    sim_disk_crash(disk, 3);
    cr_assert(there("0000000000000001.seg"), "its name is durable");
}

Test(segment_draft, a_spare_is_taken_first_and_given_back_when_dropped)
{
    place.pool = spare_pool_new(place.ops, place.dir_fd, FIXTURE_SEGMENT, 0);
    cr_assert_eq(spare_pool_fill(place.pool), 0);
    struct segment_draft draft;
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, NULL), ERR_OK);
    cr_assert(draft.pooled);
    cr_assert_eq(spare_pool_bytes(place.pool), 0);
    segment_draft_drop(&draft);
    cr_assert_eq(spare_pool_bytes(place.pool), FIXTURE_SEGMENT);
    cr_assert_eq(segment_draft_open(&draft, &place, 2 * FIXTURE_SEGMENT, false, NULL), ERR_OK);
    cr_assert_not(draft.pooled, "another size");
    segment_draft_drop(&draft);
    cr_assert_not(there("new.tmp"));
}

Test(segment_draft, without_room_it_is_full_or_grows_when_that_may_be)
{
    sim_disk_set_capacity(disk, FIXTURE_SEGMENT / 2);
    struct segment_draft draft;
    struct why why = {{0}};
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, &why), ERR_FULL);
    cr_assert_not_null(strstr(why.text, "cannot set room aside for d/new.tmp"));
    cr_assert_not(there("new.tmp"));
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, true, NULL), ERR_OK);
    cr_assert_not(draft.reserved);
    segment_draft_drop(&draft);
}

Test(segment_draft, a_failure_before_the_name_leaves_nothing)
{
    for (uint64_t at = 1; at <= 3; at++) {
        struct segment_draft draft;
        struct segment_head head = head_of(1);
        int fd = -1;
        cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, NULL), ERR_OK);
        struct sim_disk_fault fault = {SIM_DISK_ERROR, at, EIO, false};
        sim_disk_set_fault(disk, &fault); /* header, sync, rename */
        cr_assert_eq(segment_draft_finish(&draft, &head, &fd, NULL), ERR_IO);
        segment_draft_drop(&draft);
        cr_assert_not(there("new.tmp"));
        cr_assert_not(there("0000000000000001.seg"));
    }
}

Test(segment_draft, a_spare_whose_sync_failed_is_never_used_again)
{
    place.pool = spare_pool_new(place.ops, place.dir_fd, FIXTURE_SEGMENT, 0);
    cr_assert_eq(spare_pool_fill(place.pool), 0);
    struct segment_draft draft;
    struct segment_head head = head_of(1);
    int fd = -1;
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, NULL), ERR_OK);
    odd_call_set(&(struct odd_call){.operation = ODD_SYNC_DATA, .answer = -EIO});
    cr_assert_eq(segment_draft_finish(&draft, &head, &fd, NULL), ERR_IO);
    segment_draft_drop(&draft);
    cr_assert_eq(spare_pool_bytes(place.pool), 0);
    cr_assert_not(there("2.spare"));
}

Test(segment_draft, a_failure_after_the_name_is_a_loss)
{
    struct segment_draft draft;
    struct segment_head head = head_of(1);
    int fd = -1;
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, NULL), ERR_OK);
    struct sim_disk_fault fault = {SIM_DISK_ERROR, 4, EIO, false};
    sim_disk_set_fault(disk, &fault);
    cr_assert_eq(segment_draft_finish(&draft, &head, &fd, NULL), ERR_LOST);
    cr_assert_eq(fd, -1);
    segment_draft_drop(&draft);
}

Test(segment_draft, a_file_left_over_is_replaced)
{
    (void)place.ops->close(place.ops->open(place.dir_fd, "new.tmp", O_RDWR | O_CREAT, 0600));
    struct segment_draft draft;
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, NULL), ERR_OK);
    segment_draft_drop(&draft);
}

Test(segment_draft, a_file_left_over_that_cannot_be_removed_is_told)
{
    (void)place.ops->close(place.ops->open(place.dir_fd, "new.tmp", O_RDWR | O_CREAT, 0600));
    struct segment_draft draft;
    struct why why = {{0}};
    odd_call_set(&(struct odd_call){.operation = ODD_UNLINK, .name = "new.tmp", .answer = -EROFS});
    cr_assert_eq(segment_draft_open(&draft, &place, FIXTURE_SEGMENT, false, &why), ERR_DENIED);
    cr_assert_str_eq(why.text, "cannot make d/new.tmp: Read-only file system");
}

struct allocation {
    int error;
    bool may_lack_room;
    err_t rc;
    bool reserved;
};

/* Some file systems cannot set room aside: then the file grows as it is written. */
Test(segment_draft, room_is_set_aside_where_the_file_system_can)
{
    static const struct allocation cases[] = {
        {EINTR, false, ERR_OK, true},     {EOPNOTSUPP, false, ERR_OK, false},
        {ENOSYS, false, ERR_OK, false},   {EINVAL, false, ERR_OK, false},
        {EIO, false, ERR_IO, false},      {EIO, true, ERR_IO, false},
        {ENOSPC, false, ERR_FULL, false}, {ENOSPC, true, ERR_OK, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct segment_draft draft;
        odd_call_set(&(struct odd_call){.operation = ODD_ALLOCATE, .answer = -cases[i].error});
        err_t rc =
            segment_draft_open(&draft, &place, FIXTURE_SEGMENT, cases[i].may_lack_room, NULL);
        cr_assert_eq(rc, cases[i].rc, "case %zu", i);
        cr_assert_eq(draft.reserved, cases[i].reserved, "case %zu", i);
        segment_draft_drop(&draft);
        cr_assert_not(there("new.tmp"));
    }
}
