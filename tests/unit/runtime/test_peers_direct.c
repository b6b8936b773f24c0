#define _GNU_SOURCE /* O_DIRECT */
#include "delivery/record_codec.h"
#include "runtime/peers.h"
#include "support/sim_disk.h"

#include <criterion/criterion.h>
#include <fcntl.h>

static struct file_ops watching;
static int direct_fd;
static unsigned direct_writes;

static int
watched_open(int dir_fd, const char *name, int flags, unsigned mode)
{
    int fd = sim_disk_table()->open(dir_fd, name, flags, mode);
    direct_fd = (flags & O_DIRECT) != 0 ? fd : direct_fd;
    return fd;
}

static int64_t
watched_pwrite(int fd, const void *from, size_t size, uint64_t offset)
{
    direct_writes += fd == direct_fd;
    return sim_disk_table()->pwrite(fd, from, size, offset);
}

/* How often one of the kind, and one of a notification behind it, went past the page cache. */
static unsigned
direct_writes_of(peers_t *peers, uint8_t kind)
{
    unsigned before = direct_writes;
    const uint8_t kinds[] = {kind, RECORD_NOTIFICATION};
    for (size_t i = 0; i < 2; i++) {
        (void)log_append(peers_own(peers), kinds[i], "any", 3);
        cr_assert_eq(peers_commit(peers, true, 5000, NULL), ERR_OK);
    }
    return direct_writes - before;
}

Test(peers_direct, what_the_others_read_is_left_in_the_page_cache_for_them)
{
    const struct log_settings journal = {
        .directory = "j", .segment_bytes = 64U * 1024, .no_write_ahead = true};
    struct why why = {{0}};
    peers_t *peers = NULL;
    sim_disk_t *disk = sim_disk_new(1);
    sim_disk_use(disk);
    watching = *sim_disk_table();
    watching.open = watched_open;
    watching.pwrite = watched_pwrite;
    file_ops_install(&watching);
    cr_assert_eq(peers_open(&peers, &journal, LOG_PRODUCER, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(direct_writes_of(peers, RECORD_NOTIFICATION), 2U);
    cr_assert_eq(direct_writes_of(peers, RECORD_DONE), 2U);
    cr_assert_eq(direct_writes_of(peers, RECORD_INDEX), 2U);
    cr_assert_eq(direct_writes_of(peers, RECORD_NOTIFICATION), 2U); /* eight are a page */
    cr_assert_eq(direct_writes_of(peers, RECORD_MOVED), 0U);
    cr_assert_eq(direct_writes_of(peers, RECORD_DONE), 0U, "the same page");
    peers_close(&peers);
    sim_disk_destroy(&disk);
}
