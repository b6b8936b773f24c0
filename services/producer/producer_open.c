#include "producer_open.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

#define FIRST_BITS 65536U
#define WORD 64U

void
producer_open_init(struct producer_open *self, uint64_t first)
{
    *self = (struct producer_open){.capacity = FIRST_BITS, .low = first, .next = first};
    self->bits = mem_array(FIRST_BITS / WORD, sizeof *self->bits);
}

void
producer_open_fini(struct producer_open *self)
{
    mem_free(self->bits);
    *self = (struct producer_open){0};
}

static uint64_t *
word_of(const struct producer_open *self, uint64_t position)
{
    return &self->bits[(position & (self->capacity - 1)) / WORD];
}

static uint64_t
mask_of(uint64_t position)
{
    return UINT64_C(1) << (position % WORD);
}

static void
advance(struct producer_open *self)
{
    while (self->low < self->next) {
        if (self->low % WORD == 0 && self->next - self->low >= WORD &&
            *word_of(self, self->low) == 0) {
            self->low += WORD;
        } else if ((*word_of(self, self->low) & mask_of(self->low)) == 0) {
            self->low++;
        } else {
            return;
        }
    }
}

static void
grow(struct producer_open *self)
{
    struct producer_open larger = *self;
    larger.capacity *= 2;
    larger.bits = mem_array(larger.capacity / WORD, sizeof *larger.bits);
    for (uint64_t i = self->low; i < self->next; i++) {
        if ((*word_of(self, i) & mask_of(i)) != 0) {
            *word_of(&larger, i) |= mask_of(i);
        }
    }
    mem_free(self->bits);
    *self = larger;
}

void
producer_open_add(struct producer_open *self, uint64_t position)
{
    CHECK(position >= self->next);
    if (self->count == 0) {
        self->low = position;
        self->next = position;
    }
    /* What is copied ends at the old `next`: beyond it the ring's bits are older positions'. */
    while (position + 1 - self->low > self->capacity) {
        grow(self);
    }
    self->next = position + 1;
    *word_of(self, position) |= mask_of(position);
    self->count++;
}

bool
producer_open_has(const struct producer_open *self, uint64_t position)
{
    return position >= self->low && position < self->next &&
           (*word_of(self, position) & mask_of(position)) != 0;
}

bool
producer_open_close(struct producer_open *self, uint64_t position)
{
    if (!producer_open_has(self, position)) {
        return false;
    }
    *word_of(self, position) &= ~mask_of(position);
    self->count--;
    if (position == self->low) {
        advance(self);
    }
    return true;
}

uint64_t
producer_open_low(const struct producer_open *self, uint64_t log_next)
{
    return self->count == 0 ? log_next : self->low;
}

uint64_t
producer_open_word(const struct producer_open *self, uint64_t position)
{
    CHECK(position % WORD == 0);
    uint64_t word = 0;
    for (uint64_t i = 0; i < WORD; i++) {
        word |= producer_open_has(self, position + i) ? UINT64_C(1) << i : 0;
    }
    return word;
}

bool
producer_open_restore(struct producer_open *self, uint64_t position, uint64_t word, uint64_t end)
{
    for (uint64_t i = 0; i < WORD; i++) {
        if ((word >> i & 1) != 0) {
            if (position + i < self->next || position + i >= end) {
                return false;
            }
            producer_open_add(self, position + i);
        }
    }
    return true;
}
