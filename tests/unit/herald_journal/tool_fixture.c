#define _XOPEN_SOURCE 700 /* nftw */
#include "tool_fixture.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16

char tool_directory[TOOL_PATH_SIZE];

void
tool_setup(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(tool_directory, sizeof tool_directory, "%s/herald-journal-XXXXXX",
                   base == NULL ? "/tmp" : base);
    cr_assert_not_null(mkdtemp(tool_directory));
}

static int
remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat;
    (void)type;
    (void)walk;
    return remove(path);
}

void
tool_teardown(void)
{
    cr_assert_eq(nftw(tool_directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

char *
tool_path(const char *name, char path[TOOL_PATH_SIZE])
{
    int size = snprintf(path, TOOL_PATH_SIZE, "%s/%s", tool_directory, name);
    cr_assert(size > 0 && size < TOOL_PATH_SIZE);
    return path;
}

log_t *
tool_own(const char *directory)
{
    struct log_settings settings = {
        .directory = directory, .segment_bytes = SEGMENT_BYTES_MIN, .no_write_ahead = true};
    struct why why = {{0}};
    log_t *log = NULL;
    cr_assert_eq(log_own(&log, &settings, "producer", 0, &why), ERR_OK, "%s", why.text);
    return log;
}

static uint8_t
body_byte(uint64_t position, size_t at)
{
    return (uint8_t)(position * 31 + at * 7 + position / 256);
}

void
tool_write(log_t *log, unsigned count)
{
    struct why why = {{0}};
    for (unsigned i = 0; i < count; i++) {
        uint64_t position;
        uint8_t *body = log_append_space(log, 20, TOOL_BODY_BYTES, &position);
        for (size_t at = 0; at < TOOL_BODY_BYTES; at++) {
            body[at] = body_byte(position, at);
        }
        cr_assert_eq(log_commit(log, 0, &why), ERR_OK, "%s", why.text);
        cr_assert_eq(log_reap(log, &why), ERR_OK, "%s", why.text);
    }
}

bool
tool_body_is_of(const struct log_record *record)
{
    bool same = record->kind == 20 && record->size == TOOL_BODY_BYTES;
    for (size_t at = 0; same && at < record->size; at++) {
        same = record->body[at] == body_byte(record->position, at);
    }
    return same;
}

void
tool_flip(uint64_t counter, uint64_t offset)
{
    char name[SEGMENT_NAME_SIZE];
    char path[TOOL_PATH_SIZE];
    segment_file_name(counter, name);
    int size = snprintf(path, sizeof path, "%s/producer/%s", tool_directory, name);
    cr_assert(size > 0 && (size_t)size < sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", path);
    uint8_t byte;
    cr_assert_eq(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= 4;
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)offset), 1);
    (void)close(fd);
}

static char *
whole(FILE *file)
{
    long size = 0;
    cr_assert(fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0);
    rewind(file);
    char *text = mem_zeroed((size_t)size + 1);
    cr_assert_eq(fread(text, 1, (size_t)size, file), (size_t)size);
    (void)fclose(file);
    return text;
}

struct tool_result
tool_run(const char *const *arguments)
{
    /* exec's pointers are not const and nothing is written through them: copies all the same. */
    char *argv[ARGUMENTS_MAX + 2] = {mem_text("herald-journal")};
    size_t count = 1;
    for (; arguments[count - 1] != NULL; count++) {
        cr_assert_leq(count, ARGUMENTS_MAX);
        argv[count] = mem_text(arguments[count - 1]);
    }
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    cr_assert(out != NULL && err != NULL);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        (void)dup2(fileno(out), STDOUT_FILENO);
        (void)dup2(fileno(err), STDERR_FILENO);
        (void)execv(HERALD_JOURNAL, argv);
        _exit(127);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    for (size_t i = 0; i < count; i++) {
        mem_free(argv[i]);
    }
    cr_assert(WIFEXITED(status), "herald-journal was killed by signal %d", WTERMSIG(status));
    return (struct tool_result){.code = WEXITSTATUS(status), .out = whole(out), .err = whole(err)};
}

void
tool_result_fini(struct tool_result *result)
{
    mem_free(result->out);
    mem_free(result->err);
}
