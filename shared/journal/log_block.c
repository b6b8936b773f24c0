#include "journal/log_block_private.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"

#include <string.h>

/* Memory for the capacity, with what is there already. */
static void
reserve(log_block_t *self, size_t used)
{
    bool large = self->capacity >= LOG_BLOCK_LARGE_BYTES;
    size_t align = large ? LOG_BLOCK_PAGE_BYTES : LOG_BLOCK_ALIGN;
    uint8_t *memory = mem_alloc(align - 1 + self->capacity + LOG_BLOCK_SLACK_BYTES);
    uint8_t *bytes = memory + (align - (uintptr_t)memory % align) % align;
    if (used > 0) {
        memcpy(bytes, self->bytes, used);
    }
    mem_free(self->memory);
    self->memory = memory;
    self->bytes = bytes;
}

log_block_t *
log_block_new(uint64_t first, size_t size)
{
    log_block_t *self = mem_zeroed(sizeof *self);
    atomic_init(&self->holds, 1);
    self->capacity = (size_t)log_block_span_of(size);
    CHECK(self->capacity <= LIMIT_BLOCK_BYTES);
    reserve(self, 0);
    self->first = first;
    return self;
}

size_t
log_block_record_bytes(size_t size)
{
    return 1 + bytes_varint_size(size) + size;
}

uint8_t *
log_block_add(log_block_t *self, uint8_t kind, size_t size)
{
    size_t used = LOG_BLOCK_HEAD_BYTES + self->size;
    size_t need = used + log_block_record_bytes(size);
    if (need > self->capacity) {
        size_t larger = self->capacity * 2;
        while (larger < need) {
            larger *= 2;
        }
        larger = larger > LIMIT_BLOCK_BYTES ? LIMIT_BLOCK_BYTES : larger;
        CHECK(need <= larger);
        self->capacity = larger;
        reserve(self, used);
    }
    uint8_t *at = self->bytes + used;
    *at++ = kind;
    if (size < 0x80) {
        *at++ = (uint8_t)size;
    } else {
        at += bytes_put_varint(at, size);
    }
    self->size = (uint32_t)(need - LOG_BLOCK_HEAD_BYTES);
    self->count++;
    self->kinds |= UINT32_C(1) << kind;
    return at;
}

size_t
log_block_span(const log_block_t *self)
{
    return (size_t)log_block_span_of((uint64_t)self->size + self->fill);
}

void
log_block_fill(log_block_t *self, uint64_t offset, bool has_room)
{
    self->fill = 0;
    size_t span = log_block_span(self);
    uint64_t rest =
        (LOG_BLOCK_PAGE_BYTES - (offset + span) % LOG_BLOCK_PAGE_BYTES) % LOG_BLOCK_PAGE_BYTES;
    if (has_room && span >= LOG_BLOCK_LARGE_BYTES && rest > 0 && span + rest <= LIMIT_BLOCK_BYTES) {
        self->fill = (uint32_t)(span + rest - LOG_BLOCK_HEAD_BYTES - self->size);
    }
}

size_t
log_block_memory(const log_block_t *self)
{
    size_t before = (size_t)(self->bytes - self->memory);
    return sizeof *self + before + self->capacity + LOG_BLOCK_SLACK_BYTES;
}

uint64_t
log_block_last(const log_block_t *self)
{
    return self->first + self->count - 1;
}

void
log_block_pad(log_block_t *self, size_t more)
{
    CHECK(more <= LOG_BLOCK_SLACK_BYTES);
    size_t used = LOG_BLOCK_HEAD_BYTES + self->size;
    memset(self->bytes + used, 0, log_block_span(self) - used + more);
}

uint64_t
log_block_first(const log_block_t *self)
{
    return self->first;
}

uint32_t
log_block_count(const log_block_t *self)
{
    return self->count;
}

uint32_t
log_block_kinds(const log_block_t *self)
{
    return self->kinds;
}

const uint8_t *
log_block_records(const log_block_t *self)
{
    return self->bytes + LOG_BLOCK_HEAD_BYTES;
}

size_t
log_block_size(const log_block_t *self)
{
    return self->size;
}

log_block_t *
log_block_hold(log_block_t *self)
{
    CHECK(self != NULL);
    (void)atomic_fetch_add_explicit(&self->holds, 1, memory_order_relaxed);
    return self;
}

void
log_block_release(log_block_t **self_p)
{
    CHECK(self_p != NULL);
    log_block_t *self = *self_p;
    *self_p = NULL;
    if (self == NULL) {
        return;
    }
    /* Whoever drops the last hold must see all that the others did with the bytes. */
    unsigned before = atomic_fetch_sub_explicit(&self->holds, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1) {
        mem_free(self->memory);
        mem_free(self);
    }
}
