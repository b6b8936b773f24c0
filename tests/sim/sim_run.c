/* One run: faults, then healing, then the checks. */
#include "base/mem.h"
#include "journal/file_ops.h"
#include "sim.h"
#include "sim_check.h"

#include <errno.h>

#define DAY_MS (24LL * 3600 * 1000)
#define HOUR_MS (3600LL * 1000)
#define WALL_JUMP_MS 600000
#define CUT_MS 20000
#define QUIET_MS 12000
#define DRIFT_PPM 20000 /* either way; real clocks are a hundred times better */
#define ROT_MENDED_PERMILLE 30
#define SMALL_DISK_BYTES (1024 * 1024)
#define HEALING_STEP_MS 2000

/* The kinds are drawn all the same, so that the others stay what they were. */
static void
leave_out(struct sim_faults *faults, uint32_t without)
{
    uint32_t *const kinds[SIM_FAULT_KINDS] = {
        &faults->lose_permille,  &faults->twice_permille,  &faults->late_permille,
        &faults->kill_permille,  &faults->power_permille,  &faults->halfway_permille,
        &faults->disk_permille,  &faults->slow_permille,   &faults->receiver_permille,
        &faults->cut_permille,   &faults->clock_permille,  &faults->rot_permille,
        &faults->stray_permille, &faults->policy_permille,
    };
    for (uint32_t i = 0; i < SIM_FAULT_KINDS; i++) {
        if ((without >> i & 1) != 0) {
            *kinds[i] = 0;
        }
    }
}

/* One kind of fault in some seeds, another or all in others: the simple ones show the most. */
static void
draw_faults(struct sim *self, uint32_t without)
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
        .cut_permille = all || sim_chance(self, 200) ? (uint32_t)sim_below(self, 30) : 0,
        .clock_permille = all || sim_chance(self, 200) ? (uint32_t)sim_below(self, 20) : 0,
        .rot_permille = sim_chance(self, 100) ? (uint32_t)sim_below(self, 20) : 0,
        .stray_permille = sim_chance(self, 100) ? (uint32_t)sim_below(self, 40) : 0,
        .policy_permille = all || sim_chance(self, 200) ? (uint32_t)sim_below(self, 500) : 0,
    };
    for (uint32_t i = 0; i < LOG_ID_COUNT; i++) {
        int64_t ppm = (int64_t)sim_below(self, 2 * DRIFT_PPM + 1) - DRIFT_PPM;
        self->services[i].drift_ppm = faults->clock_permille > 0 ? ppm : 0;
    }
    if (faults->stray_permille > 0) {
        faults->rot_permille = 0; /* one damage at a time, or none can be told from the other */
        faults->power_permille += 10;
    }
    if (faults->rot_permille > 0 || faults->stray_permille > 0) {
        faults->disk_permille = 0; /* who knows how far a log went must have been able to say it */
    }
    leave_out(faults, without);
    self->doubled = faults->twice_permille > 0;
    sim_trace(self, "faults: lose %u twice %u late %u receiver %u slow %u kill %u power %u",
              faults->lose_permille, faults->twice_permille, faults->late_permille,
              faults->receiver_permille, faults->slow_permille, faults->kill_permille,
              faults->power_permille);
    sim_trace(self, "faults: half %u disk %u cut %u clock %u rot %u stray %u policy %u",
              faults->halfway_permille, faults->disk_permille, faults->cut_permille,
              faults->clock_permille, faults->rot_permille, faults->stray_permille,
              faults->policy_permille);
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
    sim_stray_before_cut(self);
    sim_disk_crash(self->disk, sim_draw(self));
    sim_stray_after_cut(self);
    if (self->retention_ms > WALL_JUMP_MS && sim_chance(self, 200)) {
        self->wall_ms += (int64_t)sim_below(self, 2 * WALL_JUMP_MS) - WALL_JUMP_MS;
    }
}

/* Somebody sets the clock. Retention is counted by it, so only what stays far within it. */
static void
step_clock(struct sim *self)
{
    int64_t most = self->retention_ms > DAY_MS ? HOUR_MS : 0;
    int64_t step = most == 0 ? 0 : (int64_t)sim_below(self, 2 * (uint64_t)most) - most;
    self->wall_ms += step;
    sim_trace(self, "the clock steps by %lld ms", (long long)step);
}

/* One direction of one link, for a while. */
static void
cut_link(struct sim *self)
{
    uint32_t link = (uint32_t)sim_below(self, SIM_LINKS);
    int64_t for_ms = (int64_t)sim_below(self, CUT_MS);
    self->network.cut_until_ms[link] = self->now_ms + for_ms;
    sim_trace(self, "link %u is cut for %lld ms", link, (long long)for_ms);
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
    if (sim_chance(self, faults->cut_permille)) {
        cut_link(self);
    }
    if (sim_chance(self, faults->clock_permille)) {
        step_clock(self);
    }
    if (self->rot.there && sim_chance(self, ROT_MENDED_PERMILLE)) {
        sim_rot_mend(self);
    } else if (sim_chance(self, faults->rot_permille)) {
        sim_rot_strike(self);
    }
    if (self->stray.newest && sim_chance(self, ROT_MENDED_PERMILLE)) {
        sim_stray_mend(self);
    } else if (sim_chance(self, faults->stray_permille)) {
        sim_stray_strike(self);
    }
}

static void
one_operation(struct sim *self)
{
    struct sim_people *people = &self->people;
    uint64_t what = sim_below(self, 100);
    if (what < 35 || people->note_count == 0) {
        sim_people_submit(self, 1 + (uint32_t)sim_below(self, 5));
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
end_faults(struct sim *self)
{
    const struct sim_disk_fault none = {0};
    self->healing = true;
    self->faults = (struct sim_faults){0};
    sim_disk_set_fault(self->disk, &none);
    sim_disk_set_capacity(self->disk, UINT64_C(1) << 30);
    sim_rot_mend(self);
    sim_stray_mend(self);
    for (uint32_t i = 0; i < SIM_LINKS; i++) {
        self->network.cut_until_ms[i] = 0;
    }
    sim_trace(self, "healing");
}

/* Ask for what has no end yet, and decide what waits for a person. */
static void
look(struct sim *self)
{
    for (uint32_t n = 0; n < self->people.note_count; n++) {
        if (sim_note_open(&self->people.notes[n])) {
            sim_people_query(self, n);
        }
    }
    sim_people_cases(self);
}

/* I15: everything reaches its end in the stated time once nothing fails any more. */
static void
heal(struct sim *self)
{
    end_faults(self);
    int64_t began_ms = self->now_ms;
    uint32_t last = self->people.note_count;
    sim_people_submit(self, 1); /* what works again takes new ones and delivers them */
    bool over = false;
    while (!over && !self->failed && self->healed_ms <= SIM_HEALED_MS) {
        look(self);
        sim_advance(self, HEALING_STEP_MS);
        if (!self->people.notes[last].accepted) { /* a service was down */
            last = self->people.note_count;
            sim_people_submit(self, 1);
        }
        if (sim_people_open(self) > 0 || !self->people.notes[last].accepted) {
            self->healed_ms = self->now_ms - began_ms;
        }
        /* What was sent before the last fault is over may still come and be new. */
        over = self->now_ms - began_ms - self->healed_ms >= QUIET_MS;
    }
    if (!over && !self->failed) {
        sim_violation(self, "I15 %u have no end %lld s after the last fault%s",
                      sim_people_open(self), (long long)(SIM_HEALED_MS / 1000),
                      self->people.notes[last].accepted ? "" : ", and nothing new is accepted");
    }
    for (uint32_t n = 0; n < self->people.note_count; n++) {
        sim_people_query(self, n); /* once more: what has ended stays so */
    }
    sim_advance(self, HEALING_STEP_MS);
}

/* Each operation begins with chance of its own, so that one can be left out and the others stay
 * what they were. */
static void
begin_operation(struct sim *self, uint32_t number)
{
    self->random =
        (self->seed * 0xd1342543de82ef95U) ^ ((uint64_t)number + 1) * 0x2545f4914f6cdd1dU;
    self->random = sim_draw(self);
}

struct sim *
sim_run(const struct sim_plan *plan)
{
    struct sim *self = mem_zeroed(sizeof *self);
    self->seed = plan->seed;
    self->random =
        plan->seed * 0xd1342543de82ef95U; /* not the step of sim_draw: no seed follows another */
    self->random = sim_draw(self);
    self->verbose = plan->verbose;
    self->hash = 0xcbf29ce484222325U;
    self->now_ms = 1000;
    self->disk = sim_disk_new(sim_draw(self));
    sim_disk_use(self->disk);
    self->retention_ms = sim_chance(self, 800) ? 7 * DAY_MS : 90000;
    sim_services_init(self);
    sim_receivers_init(self);
    draw_faults(self, plan->without);
    for (uint32_t i = 0; i < plan->operations && !self->failed; i++) {
        if (plan->left_out == NULL || plan->left_out[i] == 0) {
            begin_operation(self, i);
            one_operation(self);
        }
    }
    begin_operation(self, plan->operations);
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
