/* One run: faults, then healing, then the checks. */
#include "base/mem.h"
#include "journal/file_ops.h"
#include "sim.h"
#include "sim_check.h"

#define HEALING_ROUNDS 600
#define HEALING_STEP_MS 2000

static void
draw_faults(struct sim *self)
{
    struct sim_faults *faults = &self->faults;
    *faults = (struct sim_faults){0};
    (void)faults;
}

static void
one_operation(struct sim *self)
{
    struct sim_people *people = &self->people;
    uint64_t what = sim_below(self, 100);
    if (what < 35 || people->note_count == 0) {
        sim_people_submit(self, 1 + (uint32_t)sim_below(self, 3));
    } else if (what < 42) {
        sim_people_submit_again(self, sim_chance(self, 150));
    } else if (what < 62) {
        sim_people_query(self, (uint32_t)sim_below(self, people->note_count));
    } else if (what < 70) {
        sim_people_cancel(self, (uint32_t)sim_below(self, people->note_count));
    } else if (what < 78) {
        sim_people_cases(self);
    }
    int64_t most = sim_chance(self, 900) ? 200 : sim_chance(self, 900) ? 3000 : 30000;
    sim_advance(self, (int64_t)sim_below(self, (uint64_t)most));
}

static void
heal(struct sim *self)
{
    self->healing = true;
    self->faults = (struct sim_faults){0};
    sim_trace(self, "healing");
    for (uint32_t i = 0; i < HEALING_ROUNDS && !self->failed; i++) {
        for (uint32_t n = 0; n < self->people.note_count; n++) {
            const struct sim_note *note = &self->people.notes[n];
            if (note->accepted && (!note->seen.known || note->seen.state == WIRE_STATE_PENDING ||
                                   note->seen.state == WIRE_STATE_CASE)) {
                sim_people_query(self, n);
            }
        }
        sim_people_cases(self);
        sim_advance(self, HEALING_STEP_MS);
        if (i > 10 && sim_people_open(self) == 0) {
            break;
        }
    }
    for (uint32_t n = 0; n < self->people.note_count; n++) {
        sim_people_query(self, n); /* once more: what has ended stays so */
    }
    sim_advance(self, HEALING_STEP_MS);
}

struct sim *
sim_run(uint64_t seed, uint32_t operations, bool verbose)
{
    struct sim *self = mem_zeroed(sizeof *self);
    self->seed = seed;
    self->random = seed * 0x9e3779b97f4a7c15U + 1;
    self->verbose = verbose;
    self->hash = 0xcbf29ce484222325U;
    self->now_ms = 1000;
    self->disk = sim_disk_new(sim_draw(self));
    sim_disk_use(self->disk);
    sim_services_init(self);
    sim_receivers_init(self);
    draw_faults(self);
    for (uint32_t i = 0; i < operations && !self->failed; i++) {
        one_operation(self);
    }
    heal(self);
    if (!self->failed) {
        sim_check_promises(self);
    }
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        sim_service_end(self, &self->services[i]);
    }
    if (!self->failed) {
        sim_check_logs(self);
    }
    return self;
}

void
sim_end(struct sim **self_p)
{
    struct sim *self = *self_p;
    *self_p = NULL;
    sim_network_fini(self);
    sim_receivers_fini(self);
    sim_people_fini(self);
    sim_disk_use(NULL);
    sim_disk_destroy(&self->disk);
    mem_free(self);
}
