#include "delivery/deadline_heap.h"

#include <criterion/criterion.h>
#include <string.h>

#define ITEMS 3000U
#define ABSENT INT64_MIN

/* The model: each item's deadline, ABSENT when it has none. */
struct model {
    uint32_t places[ITEMS];
    int64_t due_ms[ITEMS];
    uint32_t count;
};

static uint32_t *
place(void *owner, uint32_t item)
{
    struct model *model = owner;
    return &model->places[item];
}

static void
model_init(struct model *model)
{
    *model = (struct model){0};
    for (uint32_t i = 0; i < ITEMS; i++) {
        model->places[i] = DEADLINE_HEAP_NOWHERE;
        model->due_ms[i] = ABSENT;
    }
}

static int64_t
model_next_ms(const struct model *model)
{
    int64_t next_ms = INT64_MAX;
    for (uint32_t i = 0; i < ITEMS; i++) {
        if (model->due_ms[i] != ABSENT && model->due_ms[i] < next_ms) {
            next_ms = model->due_ms[i];
        }
    }
    return next_ms;
}

static void
assert_same(const struct deadline_heap *heap, const struct model *model)
{
    cr_assert_eq(heap->count, model->count);
    cr_assert_eq(deadline_heap_next_ms(heap), model_next_ms(model));
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t at = model->places[i];
        bool right = model->due_ms[i] == ABSENT ? at == DEADLINE_HEAP_NOWHERE
                                                : at < heap->count && heap->items[at] == i &&
                                                      heap->due_ms[at] == model->due_ms[i];
        if (!right) {
            cr_assert_fail("item %u", i);
        }
    }
    for (uint32_t at = 1; at < heap->count; at++) {
        if (heap->due_ms[at] < heap->due_ms[(at - 1) / 4]) {
            cr_assert_fail("entry %u comes before its parent", at);
        }
    }
}

static uint32_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static void
step(struct deadline_heap *heap, struct model *model, uint64_t *random)
{
    uint32_t item = next_random(random) % ITEMS;
    bool there = model->due_ms[item] != ABSENT;
    if (next_random(random) % 3 == 0) {
        deadline_heap_remove(heap, item);
        model->due_ms[item] = ABSENT;
        model->count -= there ? 1 : 0;
        return;
    }
    /* Few different deadlines, so that equal ones are common. */
    int64_t due_ms = (int64_t)(next_random(random) % 500) - 100;
    deadline_heap_set(heap, item, due_ms);
    model->due_ms[item] = due_ms;
    model->count += there ? 0 : 1;
}

Test(deadline_heap, any_sequence_of_calls_agrees_with_a_plain_table)
{
    static struct model model;
    struct deadline_heap heap;
    uint64_t random = 42;
    model_init(&model);
    deadline_heap_init(&heap, place, &model);
    for (int i = 0; i < 60000; i++) {
        step(&heap, &model, &random);
        if (i % 97 == 0) {
            assert_same(&heap, &model);
        }
    }
    assert_same(&heap, &model);
    deadline_heap_fini(&heap);
}

Test(deadline_heap, what_is_taken_as_it_falls_due_comes_in_order)
{
    static struct model model;
    struct deadline_heap heap;
    uint64_t random = 7;
    model_init(&model);
    deadline_heap_init(&heap, place, &model);
    for (uint32_t item = 0; item < ITEMS; item++) {
        model.due_ms[item] = next_random(&random) % 100000;
        deadline_heap_set(&heap, item, model.due_ms[item]);
    }
    int64_t last_ms = -1;
    uint32_t item = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        int64_t next_ms = deadline_heap_next_ms(&heap);
        cr_assert(!deadline_heap_due(&heap, next_ms - 1, &item));
        cr_assert(deadline_heap_due(&heap, next_ms, &item));
        cr_assert_eq(model.due_ms[item], next_ms);
        cr_assert_geq(next_ms, last_ms);
        last_ms = next_ms;
        deadline_heap_remove(&heap, item);
        cr_assert_eq(model.places[item], DEADLINE_HEAP_NOWHERE);
    }
    cr_assert_eq(heap.count, 0);
    deadline_heap_fini(&heap);
}

Test(deadline_heap, an_empty_one_has_nothing_due_ever)
{
    static struct model model;
    struct deadline_heap heap;
    uint32_t item = 0;
    model_init(&model);
    deadline_heap_init(&heap, place, &model);
    cr_assert_eq(deadline_heap_next_ms(&heap), INT64_MAX);
    cr_assert(!deadline_heap_due(&heap, INT64_MAX, &item));
    deadline_heap_remove(&heap, 5);
    cr_assert_eq(heap.count, 0);
    deadline_heap_fini(&heap);
    deadline_heap_fini(&heap);
}
