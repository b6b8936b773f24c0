#include "base/mem.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t)1024 * 1024)
#define AHEAD_BYTES (4 * MIB)   /* as mem.h promises */
#define BLOCK_BYTES (64 * 1024) /* freed, it is the heap's end again, and given out once more */
#define PATIENCE_MS 60000

Test(mem, zeroed_memory_is_zero_and_size_zero_is_valid)
{
    unsigned char *memory = mem_zeroed(100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(memory[i], 0);
    }
    mem_free(memory);
    void *none = mem_alloc(0);
    cr_assert_not_null(none);
    mem_free(none);
    mem_free(NULL);
}

Test(mem, a_product_that_overflows_aborts, .signal = SIGABRT)
{
    volatile size_t half = SIZE_MAX / 2; /* the compiler would warn of a constant */
    mem_free(mem_array(half, 4));
}

Test(mem, running_out_aborts, .signal = SIGABRT)
{
    volatile size_t more_than_there_is = SIZE_MAX / 4;
    mem_free(mem_alloc(more_than_there_is));
}

Test(mem, copies_are_equal_and_of_their_own)
{
    char *copy = mem_text("herald");
    cr_assert_str_eq(copy, "herald");
    copy = mem_resize(copy, 100);
    cr_assert_str_eq(copy, "herald");
    mem_free(copy);
    cr_assert_null(mem_text(NULL));
}

static size_t
resident_pages(void *start, size_t bytes)
{
    static unsigned char pages[4096];
    cr_assert_leq(bytes / 4096, sizeof pages);
    cr_assert_eq(mincore(start, bytes, pages), 0);
    size_t count = 0;
    for (size_t i = 0; i < bytes / 4096; i++) {
        count += pages[i] & 1;
    }
    return count;
}

Test(mem, what_was_fetched_is_there_and_keeps_what_is_in_it)
{
    size_t bytes = 5 * 1024 * 1024; /* not a whole number of pieces */
    unsigned char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    memory[4096] = 7;
    if (madvise(memory, 4096, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        cr_skip_test("this kernel cannot fetch memory (Linux before 5.14)");
    }
    cr_assert_lt(resident_pages(memory, bytes), bytes / 4096);
    mem_fetch(memory, bytes);
    cr_assert_eq(resident_pages(memory, bytes), bytes / 4096);
    cr_assert_eq(memory[4096], 7);
    cr_assert_eq(memory[bytes - 1], 0);
    mem_fetch(memory, 0);
    cr_assert_eq(munmap(memory, bytes), 0);
    mem_fetch(memory, bytes); /* nothing is there: a hint only */
}

/* Keeps a heap; what follows it begins at *start_p and ends at the result. */
static uint8_t *
keep(size_t fetch_bytes, uint8_t **start_p)
{
    *start_p = sbrk(0);
    mem_keep(fetch_bytes);
    uint8_t *end = sbrk(0);
    if (end == *start_p) {
        cr_skip_test("the allocator is not the C library's (a sanitizer's, valgrind's)");
    }
    uint8_t *page = end - 4096;
    if (madvise(page, 4096, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
        cr_skip_test("this kernel cannot fetch memory (Linux before 5.14)");
    }
    return end;
}

/* Blocks that nobody writes to, until one ends beyond `until`: that one. */
static uint8_t *
use_until(const uint8_t *until)
{
    uint8_t *block = NULL;
    while (block == NULL || block + BLOCK_BYTES <= until) {
        block = mem_alloc(BLOCK_BYTES);
    }
    return block;
}

/* Whether what comes behind it is there before the test loses patience. Meanwhile it is given out
 * again and again, for only then somebody looks how far it is. */
static bool
is_fetched_behind(uint8_t *block, size_t bytes)
{
    uint8_t *page = block + BLOCK_BYTES + (4096 - (uintptr_t)(block + BLOCK_BYTES) % 4096);
    int64_t limit_ms = clock_mono_ms() + PATIENCE_MS;
    bool is = false;
    while (!is && clock_mono_ms() < limit_ms) {
        cr_assert_eq(mem_resize(block, BLOCK_BYTES), block);
        is = resident_pages(page, bytes - 4096) == (bytes - 4096) / 4096;
        (void)sched_yield();
    }
    return is;
}

static size_t
thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    cr_assert_not_null(tasks);
    size_t count = 0;
    for (const struct dirent *task; (task = readdir(tasks)) != NULL;) { // NOLINT(concurrency-*)
        count += task->d_name[0] != '.';
    }
    (void)closedir(tasks); /* was only read */
    return count;
}

Test(mem, the_heap_is_fetched_at_the_start_and_then_ahead_of_its_use)
{
    uint8_t *start = NULL;
    (void)keep(8 * MIB, &start);
    cr_assert_eq(resident_pages(start, 8 * MIB), 8 * MIB / 4096);
    cr_assert_lt(resident_pages(start + 16 * MIB, 16 * MIB), 16 * MIB / 4096);
    for (size_t used = 8 * MIB; used <= 32 * MIB; used += 3 * MIB) {
        cr_assert(is_fetched_behind(use_until(start + used), AHEAD_BYTES), "at %zu", used);
    }
}

Test(mem, the_thread_ends_with_the_last_piece_and_the_heap_goes_on)
{
    uint8_t *start = NULL;
    size_t before = thread_count();
    uint8_t *end = keep(100 * MIB, &start);
    cr_assert_eq(thread_count(), before + 1);
    uint8_t *block = NULL; /* at last within what is fetched ahead of its use */
    for (uint8_t *until = start + 100 * MIB; until < end - 2 * MIB; until += MIB) {
        block = use_until(until);
        cr_assert(is_fetched_behind(block, MIB), "at %zu", (size_t)(until - start));
    }
    int64_t limit_ms = clock_mono_ms() + PATIENCE_MS;
    while (thread_count() > before && clock_mono_ms() < limit_ms) {
        block = mem_resize(block, BLOCK_BYTES);
        (void)sched_yield();
    }
    cr_assert_eq(thread_count(), before);
    (void)use_until(end - MIB);
    mem_keep(MIB); /* would find no room and make another heap, but only the first call counts */
    cr_assert_eq(sbrk(0), end);
    cr_assert_eq(thread_count(), before);
    block = use_until(end + MIB);
    block[BLOCK_BYTES - 1] = 1;
}
