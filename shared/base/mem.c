#include "base/mem.h"

#include "base/check.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEEP_BYTES (32 * 1024 * 1024)
#define HEAP_BYTES (128 * 1024 * 1024)
#define HUGE_BYTES (2 * 1024 * 1024)
#define AHEAD_BYTES (4 * 1024 * 1024) /* fetched and not yet used: less, and more is fetched */
#define PIECE_BYTES (8 * 1024 * 1024)
#define STACK_BYTES (256 * 1024) /* much more than a fetch needs */

/* The part of the heap that mem_keep made of huge pages, and how far it has been fetched. */
static struct {
    atomic_uintptr_t mark; /* who gets memory beyond it asks for a piece; the greatest: nobody */
    sem_t asked;
    uint8_t *fetched; /* what comes before it; the thread's once there is one */
    uint8_t *end;     /* NULL: mem_keep has made none */
} heap = {.mark = UINTPTR_MAX};

/* Not of what lies outside of the heap. Of those who come at once one takes the mark away. */
static void
ask_for_piece(uintptr_t end)
{
    if (end <= (uintptr_t)heap.end && atomic_exchange(&heap.mark, UINTPTR_MAX) != UINTPTR_MAX) {
        CHECK(sem_post(&heap.asked) == 0);
    }
}

/* Each block that is given out comes by here: a load and a comparison. */
static void *
given(void *memory, size_t size)
{
    CHECK(memory != NULL);
    uintptr_t end = (uintptr_t)memory + size;
    if (end > atomic_load_explicit(&heap.mark, memory_order_relaxed)) {
        ask_for_piece(end);
    }
    return memory;
}

void *
mem_alloc(size_t size)
{
    return given(malloc(size == 0 ? 1 : size), size);
}

void *
mem_zeroed(size_t size)
{
    return mem_array(1, size);
}

void *
mem_array(size_t count, size_t size)
{
    /* The product does not overflow where there is memory. */
    return given(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size), count * size);
}

void *
mem_resize(void *old, size_t size)
{
    return given(realloc(old, size == 0 ? 1 : size), size);
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

/* Ends with the heap's last piece. */
static void *
fetch_ahead(void *arg)
{
    while (heap.fetched < heap.end) {
        atomic_store(&heap.mark, (uintptr_t)heap.fetched - AHEAD_BYTES);
        while (sem_wait(&heap.asked) != 0) {
            CHECK(errno == EINTR);
        }
        size_t left = (size_t)(heap.end - heap.fetched);
        size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;
        mem_fetch(heap.fetched, piece);
        heap.fetched += piece;
    }
    return arg;
}

/* Signals are for the program's own threads. */
static void
start_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    CHECK(sem_init(&heap.asked, 0, 0) == 0);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    CHECK(sigfillset(&all) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    (void)pthread_create(&thread, &attributes, fetch_ahead, NULL); /* slower without */
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
}

void
mem_keep(size_t fetch_bytes)
{
    if (heap.end != NULL) {
        return;
    }
    /* All of these are hints: without them it is slower. */
    (void)mallopt(M_ARENA_MAX, 1); /* frames come from another thread */
    (void)mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_BYTES);
    (void)mallopt(M_TOP_PAD, HEAP_BYTES);
    uint8_t *small = sbrk(0);
    void *volatile grown = malloc(HUGE_BYTES); /* does not fit: the heap grows by M_TOP_PAD too */
    free(grown);
    uint8_t *end = sbrk(0);
    uint8_t *huge = small + (HUGE_BYTES - (uintptr_t)small % HUGE_BYTES);
    if (huge >= end) {
        return; /* the allocator is another one, and has its memory elsewhere */
    }
    heap.end = end;
    (void)madvise(huge, (size_t)(end - huge), MADV_HUGEPAGE);
    if (fetch_bytes > 0) {
        heap.fetched = fetch_bytes < (size_t)(end - huge) ? huge + fetch_bytes : end;
        mem_fetch(small, (size_t)(huge - small)); /* is used first */
        mem_fetch(huge, (size_t)(heap.fetched - huge));
        start_thread();
    }
}
