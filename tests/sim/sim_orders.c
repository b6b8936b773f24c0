/* People who look at cases and decide. */
#include "sim.h"
#include "wire/wire_case.h"

#include <string.h>

#define LISTED 64

void
sim_people_cases(struct sim *self)
{
    const struct wire_cases_ask ask = {.open_only = true, .limit = LISTED};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_cases_encode(&out, sim_people_request(self, WIRE_CASES, UINT32_MAX), &ask);
    sim_people_send(self, LOG_COMPENSATOR, &out);
}

/* What a person does with a case; 0: nothing today. */
static uint8_t
choose(struct sim *self, struct sim_note *note, const struct wire_case *found)
{
    static const uint8_t actions[] = {WIRE_CASE_REPLAY, WIRE_CASE_UNDO, WIRE_CASE_RESOLVE,
                                      WIRE_CASE_NOTE, WIRE_CASE_REPLAY};
    if (!self->healing) {
        return sim_chance(self, 300) ? actions[sim_below(self, sizeof actions)] : 0;
    }
    if (found->order != 0) {
        return 0;
    }
    bool replay = !found->fenced && !note->rejected && !note->replayed && sim_chance(self, 500);
    note->replayed = note->replayed || replay; /* once: healing has a time to keep */
    return replay ? WIRE_CASE_REPLAY : WIRE_CASE_RESOLVE;
}

static void
order(struct sim *self, const struct wire_case *found)
{
    struct sim_note *note = sim_note_find(self, found->biz_id.data, found->biz_id.size);
    sim_trace(self, "case %llu of %.*s is open, order %u", (unsigned long long)found->id,
              (int)found->biz_id.size, found->biz_id.data, found->order);
    if (note == NULL) {
        sim_violation(self, "a case of something unknown: %.*s", (int)found->biz_id.size,
                      found->biz_id.data);
        return;
    }
    struct wire_case_order wanted = {
        .action = choose(self, note, found),
        .id = found->id,
        .by = {.data = "eve", .size = 3},
        .reason = {.data = "looked", .size = 6},
    };
    if (wanted.action == 0) {
        return;
    }
    wanted.unfenced = wanted.action == WIRE_CASE_RESOLVE &&
                      (!self->receivers.can_fence || (self->healing && note->fence_refused) ||
                       sim_chance(self, self->healing ? 0 : 50));
    note->unfenced = note->unfenced || wanted.unfenced;
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_case_order_encode(&out, sim_people_request(self, WIRE_CASE, UINT32_MAX), &wanted);
    sim_trace(self, "case %llu of %s: action %u%s", (unsigned long long)found->id, note->biz_id,
              wanted.action, wanted.unfenced ? " unfenced" : "");
    self->people.cases++;
    sim_people_send(self, LOG_COMPENSATOR, &out);
}

void
sim_orders_take(struct sim *self, struct wire_in *in)
{
    bool more = false;
    uint32_t count = wire_case_list_open(in, &more);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_case found;
        if (!wire_case_get(in, &found)) {
            sim_violation(self, "CASE_LIST cannot be read: %s", in->why.text);
            return;
        }
        order(self, &found);
    }
}
