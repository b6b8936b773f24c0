#include "journal/segment_index.h"

#include "base/check.h"
#include "base/mem.h"

void
segment_index_init(struct segment_index *self, uint64_t first)
{
    *self = (struct segment_index){.next_offset = SEGMENT_HEAD_BYTES, .next_position = first};
}

void
segment_index_fini(struct segment_index *self)
{
    mem_free(self->marks);
    *self = (struct segment_index){0};
}

/* What starts at next_offset has these kinds. */
static void
mark(struct segment_index *self, uint32_t kinds)
{
    uint64_t chunk = self->next_offset / SEGMENT_CHUNK_BYTES;
    if (self->count == 0 || self->marks[self->count - 1].offset / SEGMENT_CHUNK_BYTES != chunk) {
        if (self->count == self->capacity) {
            self->capacity = self->capacity == 0 ? 16 : self->capacity * 2;
            self->marks = mem_resize(self->marks, self->capacity * sizeof *self->marks);
        }
        self->marks[self->count++] = (struct segment_mark){
            .first = self->next_position,
            .offset = (uint32_t)self->next_offset,
        };
    }
    self->marks[self->count - 1].kinds |= kinds;
    self->kinds |= kinds;
}

void
segment_index_add(struct segment_index *self, const struct segment_block *block)
{
    CHECK(block->first == self->next_position);
    mark(self, block->kinds);
    self->next_offset += log_block_span_of(block->size);
    self->next_position += block->count;
}

void
segment_index_pass(struct segment_index *self, uint64_t offset, uint64_t position)
{
    CHECK(offset > self->next_offset && position > self->next_position);
    mark(self, UINT32_MAX);
    self->next_offset = offset;
    self->next_position = position;
    self->coarse = true;
}

void
segment_index_adopt(struct segment_index *self, struct segment_mark *marks, uint32_t count,
                    uint64_t end, uint64_t last)
{
    mem_free(self->marks);
    self->marks = marks;
    self->count = count;
    self->capacity = count;
    self->kinds = 0;
    for (uint32_t i = 0; i < count; i++) {
        self->kinds |= marks[i].kinds;
    }
    self->next_offset = end;
    self->next_position = last + 1;
    self->coarse = false;
}

uint32_t
segment_index_find(const struct segment_index *self, uint64_t position)
{
    uint32_t low = 0;
    uint32_t high = self->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (self->marks[middle].first <= position) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
