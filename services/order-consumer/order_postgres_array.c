/*
 *     dimensions u32 = 1, has NULLs u32, element type u32, count u32, lower bound u32 = 1,
 *     then each element: size u32 (all ones: NULL), bytes
 *
 * All big-endian.
 */
#include "order_postgres_array.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

#define HEAD_BYTES 20
#define NULLS_AT 4
#define COUNT_AT 12

static void
put_u32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

static uint8_t *
grow(struct order_postgres_array *self, size_t size)
{
    if (self->capacity - self->size < size) {
        size_t capacity = self->capacity == 0 ? 4096 : self->capacity * 2;
        while (capacity - self->size < size) {
            capacity *= 2;
        }
        self->data = mem_resize(self->data, capacity);
        self->capacity = capacity;
    }
    uint8_t *at = self->data + self->size;
    self->size += size;
    return at;
}

void
order_postgres_array_start(struct order_postgres_array *self, Oid element)
{
    self->size = 0;
    self->count = 0;
    uint8_t *head = grow(self, HEAD_BYTES);
    put_u32(head, 1);
    put_u32(head + NULLS_AT, 0);
    put_u32(head + 8, element);
    put_u32(head + COUNT_AT, 0);
    put_u32(head + 16, 1);
}

void
order_postgres_array_fini(struct order_postgres_array *self)
{
    mem_free(self->data);
    *self = (struct order_postgres_array){.data = NULL};
}

void
order_postgres_array_add(struct order_postgres_array *self, const void *value, size_t size)
{
    CHECK(size <= INT32_MAX);
    uint8_t *at = grow(self, 4 + size);
    put_u32(at, (uint32_t)size);
    memcpy(at + 4, value, size);
    put_u32(self->data + COUNT_AT, ++self->count);
}

void
order_postgres_array_add_word(struct order_postgres_array *self, const char *word)
{
    order_postgres_array_add(self, word, strlen(word));
}

void
order_postgres_array_add_number(struct order_postgres_array *self, int64_t number)
{
    uint8_t bytes[8];
    put_u32(bytes, (uint32_t)((uint64_t)number >> 32));
    put_u32(bytes + 4, (uint32_t)number);
    order_postgres_array_add(self, bytes, sizeof bytes);
}

void
order_postgres_array_add_null(struct order_postgres_array *self)
{
    put_u32(grow(self, 4), UINT32_MAX);
    put_u32(self->data + NULLS_AT, 1);
    put_u32(self->data + COUNT_AT, ++self->count);
}
