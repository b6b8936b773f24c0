#include "base/mem.h"

#include "base/check.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEEP_BYTES (32 * 1024 * 1024)
#define HEAP_BYTES (128 * 1024 * 1024)
#define HUGE_BYTES (2 * 1024 * 1024)

void *
mem_alloc(size_t size)
{
    void *memory = malloc(size == 0 ? 1 : size);
    CHECK(memory != NULL);
    return memory;
}

void *
mem_zeroed(size_t size)
{
    return mem_array(1, size);
}

void *
mem_array(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    CHECK(memory != NULL);
    return memory;
}

void *
mem_resize(void *old, size_t size)
{
    void *memory = realloc(old, size == 0 ? 1 : size);
    CHECK(memory != NULL);
    return memory;
}

char *
mem_text(const char *text)
{
    return text == NULL ? NULL : mem_copy(text, strlen(text) + 1);
}

void *
mem_copy(const void *from, size_t size)
{
    void *memory = mem_alloc(size);
    if (size > 0) {
        memcpy(memory, from, size);
    }
    return memory;
}

void
mem_free(void *memory)
{
    free(memory);
}

/* Piece by piece: meanwhile no other thread can reserve any. */
void
mem_fetch(void *start, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += HUGE_BYTES) {
        size_t left = bytes - at;
        size_t piece = left < HUGE_BYTES ? left : HUGE_BYTES;
        (void)madvise((uint8_t *)start + at, piece, MADV_POPULATE_WRITE); /* slower without */
    }
}

void
mem_keep(size_t fetch_bytes)
{
    /* All of these are hints: without them it is slower. */
    (void)mallopt(M_ARENA_MAX, 1); /* frames come from another thread */
    (void)mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_BYTES);
    (void)mallopt(M_TOP_PAD, HEAP_BYTES);
    uintptr_t begin = (uintptr_t)sbrk(0);
    void *volatile grown = malloc(HUGE_BYTES); /* does not fit: the heap grows by M_TOP_PAD too */
    free(grown);
    uintptr_t end = (uintptr_t)sbrk(0);
    begin += HUGE_BYTES - begin % HUGE_BYTES;
    if (begin < end) {
        void *from = (void *)begin; /* NOLINT(performance-no-int-to-ptr) */
        (void)madvise(from, end - begin, MADV_HUGEPAGE);
        mem_fetch(from, fetch_bytes < end - begin ? fetch_bytes : end - begin);
    }
}
