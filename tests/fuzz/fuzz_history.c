#include "fuzz_history.h"

#include "base/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HISTORY_BYTES (4U * 1024 * 1024)

static uint8_t *history; /* the file; NULL: none is kept */
static size_t used;

static void
open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && ftruncate(fd, HISTORY_BYTES) == 0);
    void *mapped = mmap(NULL, HISTORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mapped != MAP_FAILED);
    (void)close(fd); /* the mapping stays */
    history = mapped;
    used = HISTORY_BYTES; /* whatever an earlier run has left */
}

void
fuzz_history_begin(void)
{
    const char *path = getenv("FUZZ_HISTORY");
    if (path == NULL) {
        return;
    }
    if (history == NULL) {
        open_file(path);
    }
    memset(history, 0, used);
    used = 0;
}

static void
add(const uint8_t *bytes, size_t size)
{
    CHECK(size <= HISTORY_BYTES - used);
    if (size > 0) {
        memcpy(history + used, bytes, size);
    }
    used += size;
}

void
fuzz_history_frame(uint8_t op, const uint8_t *frame, size_t size)
{
    if (history != NULL) {
        const uint8_t head[] = {op, (uint8_t)size, (uint8_t)(size >> 8)};
        add(head, sizeof head);
        add(frame, size);
    }
}

void
fuzz_history_step(const uint8_t *bytes, size_t size, size_t whole)
{
    static const uint8_t zeros[8];
    if (history != NULL) {
        CHECK(size <= whole && whole - size <= sizeof zeros);
        add(bytes, size);
        add(zeros, whole - size);
    }
}
