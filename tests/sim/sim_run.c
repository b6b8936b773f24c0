/* One run: faults, then healing, then the checks. */
#include "base/mem.h"
#include "journal/file_ops.h"
#include "sim.h"
#include "sim_check.h"

#include <errno.h>

#define HEALING_ROUNDS 600
#define WALL_JUMP_MS 600000
#define DAY_MS (24LL * 3600 * 1000)
#define SMALL_DISK_BYTES (1024 * 1024)
#define HEALING_STEP_MS 2000

/* One kind of fault in some seeds, another or all in others: the simple ones show the most. */
static void
draw_faults(struct sim *self)
{
    struct sim_faults *faults = &self->faults;
    bool all = sim_chance(self, 400);
    bool network = all || sim_chance(self, 300);
    *faults = (struct sim_faults){
        .lose_permille = network ? (uint32_t)sim_below(self, 100) : 0,
        .twice_permille = network ? (uint32_t)sim_below(self, 100) : 0,
        .late_permille = network ? (uint32_t)sim_below(self, 100) : 0,
        .receiver_permille = all || sim_chance(self, 400) ? (uint32_t)sim_below(self, 500) : 0,
        .slow_permille = all || sim_chance(self, 300) ? (uint32_t)sim_below(self, 600) : 0,
        .kill_permille = all || sim_chance(self, 300) ? (uint32_t)sim_below(self, 60) : 0,
        .power_permille = all || sim_chance(self, 200) ? (uint32_t)sim_below(self, 30) : 0,
        .halfway_permille = all || sim_chance(self, 200) ? (uint32_t)sim_below(self, 60) : 0,
        .disk_permille = sim_chance(self, 200) ? (uint32_t)sim_below(self, 30) : 0,
    };
    self->doubled = faults->twice_permille > 0;
    sim_trace(self, "faults: lose %u twice %u late %u receiver %u kill %u power %u half %u disk %u",
              faults->lose_permille, faults->twice_permille, faults->late_permille,
              faults->receiver_permille, faults->kill_permille, faults->power_permille,
              faults->halfway_permille, faults->disk_permille);
}

static void
cut_power(struct sim *self)
{
    sim_trace(self, "the power is cut");
    self->power_cuts++;
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        if (self->services[i].up) {
            sim_service_kill(self, &self->services[i], (int64_t)sim_below(self, 5000));
        }
    }
    sim_disk_crash(self->disk, sim_draw(self));
    if (self->retention_ms > WALL_JUMP_MS && sim_chance(self, 200)) {
        self->wall_ms += (int64_t)sim_below(self, 2 * WALL_JUMP_MS) - WALL_JUMP_MS;
    }
}

/* A disk operation of the service's next rounds fails, or is the last that it does. */
static void
break_disk(struct sim *self, enum sim_disk_fault_kind kind)
{
    const struct sim_disk_fault fault = {
        .kind = kind,
        .at = 1 + sim_below(self, 30),
        .error = sim_chance(self, 500) ? EIO : ENOSPC,
    };
    sim_trace(self, "disk operation %llu fails with %d %d", (unsigned long long)fault.at,
              (int)fault.kind, fault.error);
    sim_disk_set_fault(self->disk, &fault);
}

static void
one_fault(struct sim *self)
{
    const struct sim_faults *faults = &self->faults;
    struct sim_service *service = &self->services[sim_below(self, LOG_ID_COUNT)];
    if (sim_chance(self, faults->kill_permille) && service->up) {
        sim_service_kill(self, service, (int64_t)sim_below(self, 10000));
    }
    if (sim_chance(self, faults->power_permille)) {
        cut_power(self);
    }
    if (sim_chance(self, faults->halfway_permille)) {
        break_disk(self, SIM_DISK_OFF);
    }
    if (sim_chance(self, faults->disk_permille)) {
        break_disk(self, sim_chance(self, 800) ? SIM_DISK_ERROR : SIM_DISK_SHORT);
        bool small = sim_chance(self, 200);
        sim_disk_set_capacity(self->disk,
                              small ? SMALL_DISK_BYTES + sim_below(self, 4 * SMALL_DISK_BYTES)
                                    : UINT64_C(1) << 30);
    }
    if (sim_chance(self, faults->receiver_permille / 10)) {
        sim_receiver_crash(self, (uint32_t)sim_below(self, self->receivers.count));
    }
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
    one_fault(self);
    int64_t most = sim_chance(self, 900) ? 200 : sim_chance(self, 900) ? 3000 : 30000;
    sim_advance(self, (int64_t)sim_below(self, (uint64_t)most));
}

static void
heal(struct sim *self)
{
    self->healing = true;
    self->faults = (struct sim_faults){0};
    const struct sim_disk_fault none = {0};
    sim_disk_set_fault(self->disk, &none);
    sim_disk_set_capacity(self->disk, UINT64_C(1) << 30);
    sim_trace(self, "healing");
    uint32_t last = self->people.note_count;
    sim_people_submit(self, 1); /* what works again takes new ones and delivers them */
    for (uint32_t i = 0; i < HEALING_ROUNDS && !self->failed; i++) {
        for (uint32_t n = 0; n < self->people.note_count; n++) {
            const struct sim_note *note = &self->people.notes[n];
            if (note->accepted && !note->gone &&
                (!note->seen.known || note->seen.state == WIRE_STATE_PENDING ||
                 note->seen.state == WIRE_STATE_CASE)) {
                sim_people_query(self, n);
            }
        }
        sim_people_cases(self);
        sim_advance(self, HEALING_STEP_MS);
        if (!self->people.notes[last].accepted) { /* a service was down */
            last = self->people.note_count;
            sim_people_submit(self, 1);
        }
        if (i > 10 && self->people.notes[last].accepted && sim_people_open(self) == 0) {
            break;
        }
    }
    if (!self->people.notes[last].accepted) {
        sim_violation(self, "I1 nothing new is accepted");
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
    self->random =
        seed * 0xd1342543de82ef95U; /* not the step of sim_draw: no seed follows another */
    self->random = sim_draw(self);
    self->verbose = verbose;
    self->hash = 0xcbf29ce484222325U;
    self->now_ms = 1000;
    self->disk = sim_disk_new(sim_draw(self));
    sim_disk_use(self->disk);
    self->retention_ms = sim_chance(self, 800) ? 7 * DAY_MS : 90000;
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
