/* What only the system's own files can show: cuts at every byte, and processes that race. */
#include "unit/journal/journal_fixture.h"

#include "journal/segment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];

static void
setup(void)
{
    const char *base = getenv("TMPDIR");
    file_ops_install(NULL);
    (void)snprintf(root, sizeof root, "%s/herald-files-XXXXXX", base == NULL ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(root));
}

static void
shell(const char *form)
{
    char command[512];
    int size = snprintf(command, sizeof command, "cd '%s' && %s", root, form);
    cr_assert(size > 0 && (size_t)size < sizeof command);
    cr_assert_eq(system(command), 0, "%s", command);
}

static void
teardown(void)
{
    shell("chmod -R u+rwX . && rm -rf ./*");
    cr_assert_eq(rmdir(root), 0);
}

TestSuite(real_files, .init = setup, .fini = teardown);

static err_t
own(log_t **log, const char *journal, struct why *why)
{
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/%s", root, journal);
    struct log_settings settings = fixture_settings();
    settings.directory = directory;
    return log_own(log, &settings, "producer", 0, why);
}

/* Two durable batches, and a third that was written and never synced; "j" is as a kill leaves it.
 * Returns the offset at which the third begins. */
static uint64_t
write_torn(uint64_t *end)
{
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(own(&log, "live", &why), ERR_OK, "%s", why.text);
    fixture_write(log, 5, 2, 700);
    fixture_write(log, 6, 1, 100);
    fixture_append(log, 7, 2, 300);
    cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
    shell("cp -a live j");
    log_close(&log);
    uint64_t from = SEGMENT_HEAD_BYTES + log_block_span_of(2 * log_block_record_bytes(700)) +
                    log_block_span_of(log_block_record_bytes(100));
    *end = from + log_block_span_of(2 * log_block_record_bytes(300));
    return from;
}

static void
truncate_copy(uint64_t bytes)
{
    char path[160];
    shell("rm -rf cut && cp -a j cut");
    (void)snprintf(path, sizeof path, "%s/cut/producer/0000000000000001.seg", root);
    cr_assert_eq(truncate(path, (off_t)bytes), 0);
}

/* Where the third batch begins to differ from zeros, which are no record of anything: its first
 * bytes are a checksum. */
static uint64_t
first_written(uint64_t from)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/j/producer/0000000000000001.seg", root);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, (long)from, SEEK_SET), 0);
    while (getc(file) == 0) {
        from++;
    }
    cr_assert_eq(fclose(file), 0);
    return from;
}

/* RELIABILITY P3 */
Test(real_files, a_tail_that_is_torn_at_any_byte_is_cut_and_all_before_it_is_kept, .timeout = 300)
{
    uint64_t end;
    uint64_t from = write_torn(&end);
    uint64_t whole = from + LOG_BLOCK_HEAD_BYTES + 2 * log_block_record_bytes(300);
    uint64_t written = first_written(from);
    for (uint64_t bytes = from; bytes <= end; bytes += bytes < whole ? 1 : 37) {
        truncate_copy(bytes);
        struct why why = {{0}};
        log_t *log = NULL;
        cr_assert_eq(own(&log, "cut", &why), ERR_OK, "cut at %llu: %s", (unsigned long long)bytes,
                     why.text);
        /* Never acknowledged, so it may be there or not; but as a whole. */
        uint64_t expected = bytes >= whole ? 5 : 3;
        cr_assert_eq(log_durable(log), expected, "cut at %llu", (unsigned long long)bytes);
        cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), expected);
        struct log_store_state state;
        cr_assert_eq(log_inspect(log, &state, NULL), ERR_OK);
        bool torn = bytes > written && bytes < whole;
        cr_assert(!torn || strstr(state.notice, "never acknowledged") != NULL, "says it: %s",
                  state.notice);
        fixture_write(log, 5, 1, 10);
        log_close(&log);
    }
}

/* RELIABILITY P4 */
Test(real_files, what_was_acknowledged_and_is_cut_at_any_byte_is_damage_and_is_not_touched,
     .timeout = 300)
{
    uint64_t end;
    uint64_t from = write_torn(&end);
    uint64_t last = from - log_block_span_of(log_block_record_bytes(100));
    uint64_t whole = last + LOG_BLOCK_HEAD_BYTES + log_block_record_bytes(100);
    for (uint64_t bytes = last; bytes < whole; bytes++) {
        truncate_copy(bytes);
        shell("rm -rf before && cp -a cut before");
        struct why why = {{0}};
        log_t *log = NULL;
        cr_assert_eq(own(&log, "cut", &why), ERR_CORRUPT, "cut at %llu", (unsigned long long)bytes);
        cr_assert_not_null(strstr(why.text, "0000000000000001.seg"), "%s", why.text);
        shell("rm -f cut/producer/lock before/producer/lock && diff -r before cut");
    }
}

/* RELIABILITY P15 */
Test(real_files, a_directory_that_is_a_symbolic_link_or_cannot_be_made_is_refused)
{
    struct why why = {{0}};
    log_t *log = NULL;
    shell("mkdir -m 700 elsewhere linked && ln -s ../elsewhere linked/producer");
    cr_assert_neq(own(&log, "linked", &why), ERR_OK);
    cr_assert_not_null(strstr(why.text, "linked/producer"), "%s", why.text);
    shell("test -z \"$(ls elsewhere)\"");
    cr_assert_neq(own(&log, "not/there", &why), ERR_OK);
    cr_assert_not_null(strstr(why.text, "not/there"), "%s", why.text);
    shell("touch file");
    cr_assert_neq(own(&log, "file", &why), ERR_OK);
    cr_assert_not_null(strstr(why.text, "file"), "%s", why.text);
    shell("mkdir -m 700 j j/producer && ln -s /etc/hostname j/producer/lock");
    cr_assert_neq(own(&log, "j", &why), ERR_OK);
    cr_assert_not_null(strstr(why.text, "lock"), "%s", why.text);
}

/* The directory's own name counts, not what is found behind it. */
Test(real_files, an_owner_whose_log_is_moved_says_nothing_more_whatever_stands_in_its_place)
{
    static const char *const ways[] = {"mv j/producer kept && ln -s ../kept j/producer",
                                       "mv j/producer kept && cp -al kept j/producer"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct why why = {{0}};
        log_t *log = NULL;
        shell("rm -rf j kept && mkdir -m 700 j");
        cr_assert_eq(own(&log, "j", &why), ERR_OK, "%s", why.text);
        fixture_write(log, 5, 10, 100);
        shell(ways[i]);
        (void)log_append(log, 5, "x", 1); /* its place does not matter */
        cr_assert_eq(log_commit(log, 0, NULL), ERR_OK);
        cr_assert_eq(log_reap(log, &why), ERR_CORRUPT, "%s", ways[i]);
        cr_assert_eq(log_durable(log), 10);
        log_close(&log);
    }
}

/* As a first start leaves it that was killed behind its spare. The spare is the first segment, and
 * the start does not wait for another one. */
Test(real_files, a_spare_beside_no_segment_becomes_the_first_segment)
{
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/j", root);
    struct log_settings settings = {.directory = directory, .segment_bytes = FIXTURE_SEGMENT};
    struct why why = {{0}};
    log_t *log = NULL;
    shell("mkdir -m 700 j j/producer && head -c 65536 /dev/zero >j/producer/7.spare && "
          "ln j/producer/7.spare kept");
    cr_assert_eq(log_own(&log, &settings, "producer", 0, &why), ERR_OK, "%s", why.text);
    shell("test j/producer/0000000000000001.seg -ef kept");
    fixture_write(log, 5, 10, 100);
    cr_assert_eq(fixture_count(log, 1, LOG_ALL_KINDS), 10);
    log_close(&log);
}

#define RACED 3000U

/* Read all of them as they come. In a child: no assertion of its own would end the test. */
static bool
follow(void)
{
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s/j", root);
    struct log_settings settings = fixture_settings();
    settings.directory = directory;
    struct log_cursor cursor;
    struct log_record record;
    log_t *log = NULL;
    uint64_t next = 1;
    err_t rc = log_follow(&log, &settings, "producer", NULL);
    if (rc != ERR_OK) {
        return false;
    }
    log_cursor_init(&cursor, log, next, LOG_ALL_KINDS);
    while ((rc == ERR_OK || rc == ERR_AGAIN) && next <= RACED) {
        rc = log_cursor_next(&cursor, &record, NULL);
        if (rc == ERR_AGAIN) {
            rc = log_refresh(log, NULL);
        } else if (rc == ERR_OK) {
            bool same = record.position == next && memcmp(record.body, &next, sizeof next) == 0;
            rc = same ? ERR_OK : ERR_CORRUPT;
            next++;
        }
    }
    log_cursor_fini(&cursor);
    log_close(&log);
    return rc == ERR_OK;
}

/* The owner writes past the page cache, where the file system can, and through it, into the same
 * pages again and again; the follower reads through it. That it sees the rest of a page that it has
 * read is the system's doing. */
Test(real_files, a_follower_sees_what_goes_past_the_page_cache_beside_it, .timeout = 300)
{
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(own(&log, "j", &why), ERR_OK, "%s", why.text);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        (void)alarm(240); /* should the parent end first */
        _exit(follow() ? 0 : 1);
    }
    for (unsigned i = 0; i < RACED; i++) {
        fixture_append(log, 5, 1, 8 + i * 37 % 1900);
        cr_assert_eq(log_commit(log, i % 7 == 0 ? LOG_STORE_FOLLOWED : 0, NULL), ERR_OK);
        cr_assert_eq(log_reap(log, &why), ERR_OK, "%s", why.text);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "the follower ended with %d", status);
    log_close(&log);
}

enum { READY = 'r', WON = 'w', LOCKED = 'l', WRONG = '?' };

/* One writer: try once told to, say what came of it, and hold what was won until told to go. */
static void
race(int go, int say, int end)
{
    char byte;
    log_t *log = NULL;
    struct why why = {{0}};
    (void)!write(say, &(char){READY}, 1);
    (void)!read(go, &byte, 1);
    err_t rc = own(&log, "j", &why);
    bool told = strstr(why.text, "locked by ") != NULL;
    char said = rc == ERR_OK ? WON : rc == ERR_LOCKED && told ? LOCKED : WRONG;
    if (said == WON) {
        fixture_write(log, 5, 1, 10);
    }
    (void)!write(say, &said, 1);
    (void)!read(end, &byte, 1); /* until the parent closes it */
    log_close(&log);
    _exit(0);
}

static void
one_round(unsigned writers)
{
    int go[2];
    int say[2];
    int end[2];
    pid_t children[50];
    cr_assert(pipe(go) == 0 && pipe(say) == 0 && pipe(end) == 0);
    for (unsigned i = 0; i < writers; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) {
            (void)close(go[1]);
            (void)close(end[1]);
            race(go[0], say[1], end[0]);
        }
    }
    unsigned counts[256] = {0};
    for (unsigned i = 0; i < 2 * writers; i++) {
        unsigned char said = 0;
        cr_assert_eq(read(say[0], &said, 1), 1);
        counts[said]++;
        if (counts[READY] == writers && i + 1 == writers) {
            (void)close(go[1]);
        }
    }
    cr_assert_eq(counts[WON], 1, "%u of %u writers won", counts[WON], writers);
    cr_assert_eq(counts[LOCKED], writers - 1);
    (void)close(end[1]);
    for (unsigned i = 0; i < writers; i++) {
        int status = 0;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert_eq(status, 0);
    }
    (void)close(go[0]);
    (void)close(say[0]);
    (void)close(say[1]);
    (void)close(end[0]);
}

/* RELIABILITY P16 */
Test(real_files, of_many_writers_at_once_exactly_one_gets_the_log, .timeout = 300)
{
    const unsigned writers[] = {2, 3, 5, 8, 13, 21, 34, 50};
    uint64_t rounds = 0;
    for (unsigned again = 0; again < 3; again++) {
        for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++) {
            one_round(writers[i]);
            rounds++;
        }
    }
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(own(&log, "j", &why), ERR_OK, "%s", why.text);
    cr_assert_eq(log_durable(log), rounds, "each round's winner has written its record");
    cr_assert_eq(log_run(log), rounds + 1);
    log_close(&log);
}
