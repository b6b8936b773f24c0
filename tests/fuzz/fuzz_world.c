#include "fuzz_world.h"

#include "base/check.h"
#include "base/mem.h"
#include "fuzz_history.h"
#include "runtime/front_door.h"
#include "support/wire_echo.h"
#include "wire/wire_message.h"

#include <stdlib.h>
#include <string.h>

#define COUNTERS_MAX 64
#define STEPS_A_RESTART 1000
#define STEPS_A_COUNT 64

static const struct log_settings journal = {
    .directory = "j", .segment_bytes = 64U * 1024, .no_write_ahead = true};

int64_t
fuzz_world_unix_ms(const struct fuzz_world *world)
{
    return FUZZ_WORLD_START_UNIX_MS + world->now_ms;
}

void
fuzz_world_sync(log_t *log)
{
    struct why why = {{0}};
    CHECK(log_commit(log, 0, &why) == ERR_OK && log_reap(log, &why) == ERR_OK);
}

static void
remember(struct fuzz_world *world, uint64_t token, uint64_t run, uint32_t lane)
{
    world->sent[world->sent_count++ % FUZZ_WORLD_SENT_MAX] =
        (struct fuzz_sent){.token = token, .run = run, .lane = lane};
}

static void
take_sent(struct fuzz_world *world, const struct outbox_message *message)
{
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    CHECK(wire_message_open(&in, message->body, message->size, &head, &why) == ERR_OK);
    if (head.type == WIRE_DELIVER) {
        struct wire_deliver deliver;
        CHECK(wire_deliver_open(&in, &deliver));
        for (uint32_t i = 0; i < deliver.count; i++) {
            remember(world, deliver.first_token + i, deliver.run, message->lane);
        }
    } else if (head.type == WIRE_JOB) {
        struct wire_jobs jobs;
        struct wire_job job;
        CHECK(wire_jobs_open(&in, &jobs));
        for (uint32_t i = 0; i < jobs.count && wire_job_next(&in, &job); i++) {
            remember(world, job.token, jobs.run, 0);
        }
    }
}

static void
collect(struct fuzz_world *world)
{
    struct outbox_message *message = NULL;
    const struct alarm_facts *facts = NULL;
    uint64_t durable = log_durable(peers_own(world->peers));
    while ((facts = outbox_alarm_next(world->outbox, durable)) != NULL) {
        CHECK(facts->kind != NULL && facts->subject != NULL && facts->text != NULL);
        CHECK(facts->case_id <= durable);
        outbox_alarm_pop(world->outbox);
    }
    while ((message = outbox_next(world->outbox, durable)) != NULL) {
        struct wire_out out;
        struct why why = {{0}};
        wire_out_init(&out, message->size);
        CHECK(wire_echo(message->body, message->size, &out, &why) == ERR_OK);
        wire_out_fini(&out);
        take_sent(world, message);
        outbox_pop(world->outbox);
    }
}

static void
step(const struct fuzz_service *service, struct fuzz_world *world, bool sync)
{
    struct why why = {{0}};
    CHECK(service->step(world->core, world->now_ms, fuzz_world_unix_ms(world), &why) == ERR_OK);
    if (sync) {
        fuzz_world_sync(peers_own(world->peers));
    }
    collect(world);
    if (service->dispatch != NULL) {
        int64_t unix_ms = fuzz_world_unix_ms(world);
        CHECK(service->dispatch(world->core, world->now_ms, unix_ms, &why) == ERR_OK);
        collect(world);
    }
    (void)service->next_ms(world->core);
    /* They change nothing, and count all consumers. */
    if (world->keep == 1 || world->steps % STEPS_A_COUNT == 0) {
        struct wire_counter counters[COUNTERS_MAX];
        CHECK(service->counters(world->core, counters, COUNTERS_MAX) <= COUNTERS_MAX);
    }
}

static void
start(const struct fuzz_service *service, struct fuzz_world *world)
{
    struct why why = {{0}};
    CHECK(peers_open(&world->peers, &journal, service->own, &why) == ERR_OK);
    world->outbox = outbox_new();
    CHECK(service->start(world, fuzz_world_unix_ms(world), &why) == ERR_OK);
    step(service, world, true);
}

static void
stop(const struct fuzz_service *service, struct fuzz_world *world)
{
    service->stop(&world->core);
    outbox_destroy(&world->outbox);
    peers_close(&world->peers);
}

static uint32_t
count(void *context, struct wire_counter *counters, uint32_t max)
{
    (void)context;
    (void)counters;
    (void)max;
    return 0; /* the cores' own are asked for in step */
}

static bool
is_answered_at_the_door(const struct fuzz_service *service, const struct fuzz_world *world,
                        const uint8_t *frame, size_t size)
{
    struct front_door door = {
        .service = peers_name(service->own), .takes = UINT32_MAX, .counters = count};
    zmq_msg_t message;
    struct wire_out out;
    CHECK(zmq_msg_init_size(&message, size) == 0);
    if (size > 0) {
        memcpy(zmq_msg_data(&message), frame, size);
    }
    bool answered = front_door_answers(&door, &message, world->now_ms, &out);
    if (answered) {
        struct wire_in in;
        struct wire_head head;
        CHECK(wire_message_open(&in, out.data, wire_out_size(&out), &head, NULL) == ERR_OK);
        wire_out_fini(&out);
    }
    CHECK(zmq_msg_close(&message) == 0);
    return answered;
}

static void
hand_in(const struct fuzz_service *service, struct fuzz_world *world, uint8_t op,
        const uint8_t *frame, size_t size)
{
    struct outbox_route route = {.size = 5, .id = {0, op}};
    /* A copy of exactly this size: a sanitizer sees the first byte read behind it. */
    uint8_t *exact = mem_alloc(size);
    if (size > 0) {
        memcpy(exact, frame, size);
    }
    service->now(world->core, world->now_ms, fuzz_world_unix_ms(world));
    if (op == 2 && service->outcome != NULL) {
        service->outcome(world->core, exact, size);
    } else if (!is_answered_at_the_door(service, world, exact, size)) {
        service->front(world->core, &route, exact, size);
    }
    memset(exact, 0xee, size); /* what the core keeps it has copied */
    mem_free(exact);
    step(service, world, true);
}

static void
answer(const struct fuzz_service *service, struct fuzz_world *world, struct fuzz_in *in)
{
    uint32_t which = fuzz_in_u16(in);
    uint8_t outcome = fuzz_in_byte(in);
    uint32_t known =
        world->sent_count < FUZZ_WORLD_SENT_MAX ? world->sent_count : FUZZ_WORLD_SENT_MAX;
    if (known == 0) {
        return;
    }
    const struct fuzz_sent *sent = &world->sent[which % known];
    struct wire_outcomes head = {
        .run = sent->run, .receiver = {.data = "order-1", .size = 7}, .lane = sent->lane};
    struct wire_outcome said = {.first_token = sent->token,
                                .count = 1,
                                .outcome = (uint8_t)(1 + outcome % (OUTCOME_WIRE_COUNT - 1)),
                                .not_before_ms = outcome,
                                .reason = {.data = "because", .size = 7}};
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_outcomes_out list = service->answer == WIRE_RESULT
                                        ? wire_results_of_jobs(&out, &head)
                                        : wire_outcomes_begin(&out, &head);
    wire_outcomes_add(&list, &said);
    wire_outcomes_end(&list);
    hand_in(service, world, 2, out.data, out.size);
    wire_out_fini(&out);
}

/* A restart costs as much as some hundred frames. Where a world is kept for many inputs, so many
 * other steps stand between two of them. */
static bool
restarts(struct fuzz_world *world)
{
    if (world->keep > 1 && world->steps - world->restarted < STEPS_A_RESTART) {
        return false;
    }
    world->restarted = world->steps;
    return true;
}

static void
do_one(const struct fuzz_service *service, struct fuzz_world *world, struct fuzz_in *in)
{
    const struct fuzz_in before = *in;
    uint8_t op = fuzz_in_byte(in) % 7;
    size_t size = 0;
    const uint8_t *frame = NULL;
    if (op < 3) {
        size = fuzz_in_u16(in);
        frame = fuzz_in_span(in, size, &size);
        fuzz_history_frame(op, frame, size);
    } else if (op != 4 || restarts(world)) {
        struct fuzz_in rest = before;
        const size_t parameters = op == 3 ? 2 : op == 5 ? 3 : 0;
        const uint8_t *start_of = fuzz_in_span(&rest, 1 + parameters, &size);
        fuzz_history_step(start_of, size, 1 + parameters);
    } else {
        return;
    }
    world->steps++;
    switch (op) {
    case 3:
        world->now_ms += (int64_t)fuzz_in_u16(in) * 100;
        step(service, world, true);
        break;
    case 4:
        stop(service, world);
        start(service, world);
        break;
    case 5:
        answer(service, world, in);
        break;
    case 6:
        step(service, world, false);
        break;
    default:
        hand_in(service, world, op, frame, size);
        break;
    }
}

static void
begin(const struct fuzz_service *service, struct fuzz_world *world)
{
    struct why why = {{0}};
    const unsigned keep = world->keep;
    memset(world, 0, sizeof *world);
    world->keep = keep;
    world->now_ms = 1000;
    world->disk = sim_disk_new(1);
    sim_disk_use(world->disk);
    for (unsigned id = 0; id < LOG_ID_COUNT; id++) {
        if (id != (unsigned)service->own) {
            CHECK(log_own(&world->others[id], &journal, peers_name((enum log_id)id), 0, &why) ==
                  ERR_OK);
        }
    }
    if (service->seed != NULL) {
        service->seed(world);
    }
    start(service, world);
    fuzz_history_begin();
}

static void
end(const struct fuzz_service *service, struct fuzz_world *world)
{
    stop(service, world);
    start(service, world);
    stop(service, world);
    for (unsigned id = 0; id < LOG_ID_COUNT; id++) {
        log_close(&world->others[id]);
    }
    sim_disk_use(NULL);
    sim_disk_destroy(&world->disk);
}

void
fuzz_world_run(const struct fuzz_service *service, struct fuzz_in *in)
{
    static struct fuzz_world world;
    if (world.keep == 0) {
        const char *keep = getenv("FUZZ_WORLD_KEEP");
        world.keep = keep == NULL ? 1 : (unsigned)strtoul(keep, NULL, 10);
        CHECK(world.keep > 0);
    }
    if (world.disk == NULL) {
        begin(service, &world);
    }
    while (in->left > 0) {
        do_one(service, &world, in);
    }
    if (++world.inputs >= world.keep) {
        end(service, &world);
    }
}
