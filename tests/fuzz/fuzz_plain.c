/*
 * TARGET [-n MUTATIONS] [-s SEED] [-m MAX_BYTES] FILE_OR_DIRECTORY...
 *
 * Runs a fuzz target without libFuzzer: every file of the corpus as it is, then mutations of them.
 * Everything follows from the seed. Prints how many inputs were run; a broken promise aborts, and
 * the input that broke it is left in the working directory as found-TARGET.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUTS_MAX 512
#define INPUT_BYTES_MAX (256U * 1024)

struct input {
    uint8_t *bytes; /* owned */
    size_t size;
};

static struct input corpus[INPUTS_MAX];
static size_t corpus_count;
static uint64_t random_state;
static const uint8_t *running; /* for the signal handler */
static size_t running_size;
static char found_name[256];

static uint64_t
draw(uint64_t below)
{
    random_state += 0x9e3779b97f4a7c15U;
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % below;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void
add_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || corpus_count == INPUTS_MAX) {
        fprintf(stderr, "%s: not read\n", path);
        exit(EXIT_FAILURE);
    }
    uint8_t *bytes = mem_alloc(INPUT_BYTES_MAX);
    size_t size = fread(bytes, 1, INPUT_BYTES_MAX, file);
    (void)fclose(file);
    corpus[corpus_count++] = (struct input){.bytes = bytes, .size = size};
}

/* The order of the names, not of the directory: the mutations follow from it. */
static void
add(const char *path)
{
    struct stat stat_of;
    if (stat(path, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode)) {
        add_file(path);
        return;
    }
    struct dirent **names = NULL;
    int count = scandir(path, &names, NULL, by_name);
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            char full[PATH_MAX];
            (void)snprintf(full, sizeof full, "%s/%s", path, names[i]->d_name);
            add_file(full);
        }
        free(names[i]);
    }
    free(names);
}

static void
on_abort(int signal_number)
{
    int fd = open(found_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0) {
        (void)!write(fd, running, running_size);
        (void)close(fd);
    }
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static void
run(const uint8_t *bytes, size_t size)
{
    /* A copy of exactly this size: a sanitizer sees the first byte read behind it. */
    uint8_t *exact = mem_alloc(size);
    if (size > 0) {
        memcpy(exact, bytes, size);
    }
    running = exact;
    running_size = size;
    (void)LLVMFuzzerTestOneInput(exact, size);
    mem_free(exact);
}

static void
set_number(uint8_t *bytes, size_t size, size_t at)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xc0, 0x90, 0xa0, 0xdf, '"', '{'};
    if (draw(2) == 0 || size - at < 8) {
        bytes[at] = edges[draw(sizeof edges)];
    } else {
        bytes_put_u64(bytes + at, draw(2) == 0 ? draw(UINT64_MAX) : UINT64_MAX >> draw(64));
    }
}

/* One change in place; the new size. */
static size_t
mutate_once(uint8_t *bytes, size_t size, size_t max)
{
    size_t at = size == 0 ? 0 : (size_t)draw(size);
    size_t span = 1 + (size_t)draw(16);
    const struct input *other = &corpus[draw(corpus_count)];
    size_t from = other->size == 0 ? 0 : (size_t)draw(other->size);
    switch (size == 0 ? 3 : draw(6)) {
    case 0:
        bytes[at] ^= (uint8_t)(1U << draw(8));
        return size;
    case 1:
        set_number(bytes, size, at);
        return size;
    case 2: /* cut out */
        span = span < size - at ? span : size - at;
        memmove(bytes + at, bytes + at + span, size - at - span);
        return size - span;
    case 3: /* put in, from another input */
        span = span < other->size - from ? span : other->size - from;
        span = span < max - size ? span : max - size;
        memmove(bytes + at + span, bytes + at, size - at);
        memcpy(bytes + at, other->bytes + from, span);
        return size + span;
    case 4: /* go on as another input does */
        span = other->size - from < max - at ? other->size - from : max - at;
        memcpy(bytes + at, other->bytes + from, span);
        return at + span;
    default:
        return at;
    }
}

static void
run_mutation(size_t max)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    const struct input *start = &corpus[draw(corpus_count)];
    size_t size = start->size < max ? start->size : max;
    memcpy(bytes, start->bytes, size);
    for (uint64_t changes = 1 + draw(6); changes > 0; changes--) {
        size = mutate_once(bytes, size, max);
    }
    run(bytes, size);
}

int
main(int argc, char **argv)
{
    uint64_t mutations = 1000;
    size_t max = 4096;
    int option;
    while ((option = getopt(argc, argv, "n:s:m:")) != -1) {
        uint64_t value = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);
        if (option == 'n') {
            mutations = value;
        } else if (option == 's') {
            random_state = value;
        } else if (option == 'm' && value >= 1 && value <= INPUT_BYTES_MAX) {
            max = value;
        } else {
            fprintf(stderr, "usage: %s [-n MUTATIONS] [-s SEED] [-m MAX_BYTES] PATH...\n", argv[0]);
            return EXIT_FAILURE;
        }
    }
    const char *name = strrchr(argv[0], '/');
    (void)snprintf(found_name, sizeof found_name, "found-%s", name == NULL ? argv[0] : name + 1);
    (void)signal(SIGABRT, on_abort);
    (void)signal(SIGSEGV, on_abort);
    for (; optind < argc; optind++) {
        add(argv[optind]);
    }
    if (corpus_count == 0) {
        fprintf(stderr, "no corpus\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < corpus_count; i++) {
        run(corpus[i].bytes, corpus[i].size);
    }
    for (uint64_t i = 0; i < mutations; i++) {
        run_mutation(max);
    }
    printf("%zu files, %llu mutations\n", corpus_count, (unsigned long long)mutations);
    for (size_t i = 0; i < corpus_count; i++) {
        mem_free(corpus[i].bytes);
    }
    return EXIT_SUCCESS;
}
