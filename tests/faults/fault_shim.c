/*
 * LD_PRELOAD: faults that strace cannot make, in real processes.
 *
 *   SHIM_SHORT=SEED        half of all pread and pwrite calls do a part of their work only
 *   SHIM_SYNC_MS=N         each fdatasync takes N ms longer
 *   SHIM_STALL=PATH        an fdatasync does not return while this file is there
 *   SHIM_MALLOC_AT=N       the N-th allocation of the process is refused
 *   SHIM_MALLOC_EVER=N     that one and all after it
 *   SHIM_MALLOC_COUNT=PATH at the end the number of allocations is written there
 */
#define _GNU_SOURCE /* syscall */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* glibc's own, beneath the names that are replaced here. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
/* AddressSanitizer's, in a program that has it. */
__attribute__((weak)) void *__interceptor_malloc(size_t size);
__attribute__((weak)) void *__interceptor_calloc(size_t count, size_t size);
__attribute__((weak)) void *__interceptor_realloc(void *old, size_t size);
ssize_t pread64(int fd, void *to, size_t size, off64_t offset);
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t offset);

static atomic_ullong allocations;
static unsigned long long refuse_at;   /* 0: none */
static unsigned long long refuse_from; /* 0: none */
static const char *count_path;
static const char *stall_path;
static long sync_ms;
static _Atomic uint64_t random_state; /* 0: nothing is cut short */

static unsigned long long
number(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

__attribute__((constructor)) static void
shim_begin(void)
{
    refuse_at = number("SHIM_MALLOC_AT");
    refuse_from = number("SHIM_MALLOC_EVER");
    count_path = getenv("SHIM_MALLOC_COUNT");
    stall_path = getenv("SHIM_STALL");
    sync_ms = (long)number("SHIM_SYNC_MS");
    atomic_store(&random_state, number("SHIM_SHORT"));
}

__attribute__((destructor)) static void
shim_end(void)
{
    FILE *file = count_path == NULL ? NULL : fopen(count_path, "w");
    if (file != NULL) {
        (void)fprintf(file, "%llu\n", (unsigned long long)atomic_load(&allocations));
        (void)fclose(file); /* a test that finds no number fails */
    }
}

static bool
refused(void)
{
    unsigned long long n = atomic_fetch_add(&allocations, 1) + 1;
    if (n == refuse_at || (refuse_from > 0 && n >= refuse_from)) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *
malloc(size_t size)
{
    if (refused()) {
        return NULL;
    }
    return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    if (refused()) {
        return NULL;
    }
    return __interceptor_calloc != NULL ? __interceptor_calloc(count, size)
                                        : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    if (refused()) {
        return NULL;
    }
    return __interceptor_realloc != NULL ? __interceptor_realloc(old, size)
                                         : __libc_realloc(old, size);
}

/* How many of `size` bytes are to be done now. */
static size_t
part_of(size_t size)
{
    if (atomic_load(&random_state) == 0 || size < 2) {
        return size;
    }
    uint64_t z = atomic_fetch_add(&random_state, 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return z % 2 == 0 ? size : 1 + (size_t)(z / 2 % (size - 1));
}

ssize_t
pread(int fd, void *to, size_t size, off_t offset)
{
    return syscall(SYS_pread64, fd, to, part_of(size), offset);
}

ssize_t
pread64(int fd, void *to, size_t size, off64_t offset)
{
    return pread(fd, to, size, offset);
}

ssize_t
pwrite(int fd, const void *from, size_t size, off_t offset)
{
    return syscall(SYS_pwrite64, fd, from, part_of(size), offset);
}

ssize_t
pwrite64(int fd, const void *from, size_t size, off64_t offset)
{
    return pwrite(fd, from, size, offset);
}

static void
sleep_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

int
fdatasync(int fd)
{
    sleep_ms(sync_ms);
    while (stall_path != NULL && access(stall_path, F_OK) == 0) {
        sleep_ms(10);
    }
    return (int)syscall(SYS_fdatasync, fd);
}
