/*
 * The receivers' business: a database that holds the effect or a fence, and handlers that are slow,
 * crash before or behind the commit, answer twice or never. An item of a frame is a piece of work
 * of its own, done soon or late, or all of them are one, and are answered together; each looks at
 * the database when it is done, not when it came.
 */
#include "base/mem.h"
#include "sim.h"
#include "wire/wire_deliver.h"
#include "wire/wire_submit.h"

#include <stdlib.h>
#include <string.h>

#define SLOW_MS 20000
#define TOGETHER_MAX 64

/* One piece of work, as it waits in the network; the notification's texts were copied. */
struct work {
    bool job;
    uint8_t action; /* of a job */
    uint64_t run;
    uint64_t token;
    uint32_t lane;
    uint64_t version;
    char biz_id[SIM_BIZ_ID_SIZE];
};

struct sim_row *
sim_shop_find(struct sim *self, const char *biz_id)
{
    for (size_t i = 0; i < self->receivers.row_count; i++) {
        if (strcmp(self->receivers.rows[i].biz_id, biz_id) == 0) {
            return &self->receivers.rows[i];
        }
    }
    return NULL;
}

static struct sim_row *
insert(struct sim *self, const struct work *work, bool effect)
{
    struct sim_receivers *receivers = &self->receivers;
    if (receivers->row_count == receivers->row_capacity) {
        receivers->row_capacity = receivers->row_capacity == 0 ? 64 : receivers->row_capacity * 2;
        receivers->rows =
            mem_resize(receivers->rows, receivers->row_capacity * sizeof *receivers->rows);
    }
    struct sim_row *row = &receivers->rows[receivers->row_count++];
    *row = (struct sim_row){.effect = effect, .version = work->version, .applied = effect};
    memcpy(row->biz_id, work->biz_id, sizeof row->biz_id);
    sim_trace(self, "shop commits %s %s", effect ? "the effect of" : "a fence for", work->biz_id);
    return row;
}

/* One frame; OUTCOME_NONE: nothing is said of this one. */
static void
answer(struct sim *self, const struct sim_packet *packet, const struct work *work,
       const uint8_t *outcomes, uint32_t count)
{
    const char name[] = {'r', (char)('0' + packet->receiver)};
    struct wire_outcomes head = {
        .run = work->run, .receiver = {.data = name, .size = sizeof name}, .lane = work->lane};
    struct wire_out out;
    uint32_t said_count = 0;
    wire_out_init(&out, 128);
    struct wire_outcomes_out list =
        work->job ? wire_results_of_jobs(&out, &head) : wire_outcomes_begin(&out, &head);
    for (uint32_t i = 0; i < count; i++) {
        bool done = outcomes[i] == OUTCOME_DONE || outcomes[i] == OUTCOME_DUPLICATE;
        const struct wire_outcome said = {.first_token = work[i].token,
                                          .count = 1,
                                          .outcome = outcomes[i],
                                          .reason = {"because", done ? 0 : 7}};
        if (said.outcome != OUTCOME_NONE) {
            sim_trace(self, "receiver %u answers %s to %u for %s", packet->receiver,
                      wire_outcome_name(said.outcome), packet->service, work[i].biz_id);
            wire_outcomes_add(&list, &said);
            said_count++;
        }
    }
    wire_outcomes_end(&list);
    if (said_count == 0) {
        wire_out_fini(&out);
        return;
    }
    struct sim_packet reply = {
        .to = work->job ? SIM_TO_FRONT : SIM_TO_OUTCOME,
        .service = packet->service,
        .route = {.size = 5,
                  .id = {'r', (uint8_t)packet->receiver, (uint8_t)packet->incarnation,
                         (uint8_t)(packet->incarnation >> 8), packet->service}},
    };
    reply.body = wire_out_take(&out, &reply.size);
    if (sim_chance(self, self->faults.receiver_permille / 4)) {
        struct sim_packet again = reply;
        again.body = mem_copy(reply.body, reply.size);
        sim_packet_send(self, &again);
    }
    sim_packet_send(self, &reply);
}

static bool
is_rejected(struct sim *self, const struct work *work)
{
    const struct sim_note *note = sim_note_find(self, work->biz_id, strlen(work->biz_id));
    return note != NULL && note->rejected;
}

/* A fence is refused. */
static bool
is_foreign(struct sim *self, const struct work *work)
{
    struct sim_note *note = sim_note_find(self, work->biz_id, strlen(work->biz_id));
    bool foreign = note != NULL && note->foreign;
    if (foreign) {
        note->fence_refused = note->fence_refused || work->action == WIRE_ACTION_FENCE;
        self->receivers.refused_fences += work->action == WIRE_ACTION_FENCE;
    }
    return foreign;
}

/* What is said and done of a key that has neither an effect nor a fence. */
static uint8_t
apply(struct sim *self, const struct work *work)
{
    if (is_rejected(self, work)) {
        return WIRE_OUTCOME_REJECT;
    }
    if (sim_chance(self, self->faults.receiver_permille)) {
        static const uint8_t said[] = {WIRE_OUTCOME_RETRY, WIRE_OUTCOME_RETRY, WIRE_OUTCOME_REJECT,
                                       WIRE_OUTCOME_DOWN, WIRE_OUTCOME_NOT_STARTED};
        return said[sim_below(self, sizeof said)];
    }
    (void)insert(self, work, true);
    return WIRE_OUTCOME_DONE;
}

static uint8_t
decide(struct sim *self, const struct work *work)
{
    struct sim_row *row = sim_shop_find(self, work->biz_id);
    if (row != NULL && row->effect) {
        return WIRE_OUTCOME_DUPLICATE;
    }
    bool fence = work->job && work->action == WIRE_ACTION_FENCE;
    bool undo = work->job && work->action == WIRE_ACTION_UNDO;
    if (!fence && !undo) {
        return row != NULL ? WIRE_OUTCOME_FENCED : apply(self, work);
    }
    if (!self->receivers.can_fence || (undo && !self->receivers.can_undo)) {
        sim_violation(self, "%s: asked of a group that cannot: action %u", work->biz_id,
                      work->action);
        return WIRE_OUTCOME_REJECT;
    }
    if (sim_chance(self, self->faults.receiver_permille / 2)) {
        return sim_chance(self, 500) ? WIRE_OUTCOME_DOWN : WIRE_OUTCOME_RETRY;
    }
    if (is_foreign(self, work)) {
        return WIRE_OUTCOME_REJECT;
    }
    row = row == NULL ? insert(self, work, false) : row;
    if (fence) {
        return row->undone ? WIRE_OUTCOME_UNDONE : WIRE_OUTCOME_FENCED;
    }
    if (!row->undone && sim_chance(self, self->faults.receiver_permille)) {
        return sim_chance(self, 500) ? WIRE_OUTCOME_RETRY : WIRE_OUTCOME_REJECT;
    }
    row->undone = true;
    return WIRE_OUTCOME_UNDONE;
}

static void
work_later(struct sim *self, const struct sim_packet *packet, const struct work *work,
           uint32_t count, int64_t after_ms)
{
    const struct sim_packet later = {
        .to = SIM_RECEIVER_WORK,
        .service = packet->service,
        .receiver = packet->receiver,
        .incarnation = packet->incarnation,
        .body = mem_copy(work, count * sizeof *work),
        .size = count * sizeof *work,
    };
    sim_packet_later(self, &later, after_ms);
}

static bool
is_up(const struct sim *self, const struct sim_packet *packet)
{
    const struct sim_receiver *receiver = &self->receivers.all[packet->receiver];
    return receiver->up && receiver->incarnation == packet->incarnation;
}

/* Returns what is to be said; OUTCOME_NONE: nothing. The receiver may have crashed. */
static uint8_t
work_on(struct sim *self, const struct sim_packet *packet, const struct work *work)
{
    uint32_t worse = self->faults.receiver_permille / 8;
    if (sim_chance(self, worse)) {
        sim_receiver_crash(self, packet->receiver); /* before the commit */
        return OUTCOME_NONE;
    }
    if (sim_chance(self, worse)) {
        work_later(self, packet, work, 1, (int64_t)sim_below(self, 3000));
        return OUTCOME_WORKING;
    }
    uint8_t outcome = decide(self, work);
    if (sim_chance(self, worse)) {
        sim_receiver_crash(self, packet->receiver); /* behind the commit */
        return OUTCOME_NONE;
    }
    const struct sim_note *note = sim_note_find(self, work->biz_id, strlen(work->biz_id));
    if (note != NULL && work->job && outcome == WIRE_OUTCOME_REJECT && sim_chance(self, 250)) {
        /* Somebody sees it and withdraws it, just when it becomes a case that another replays. */
        sim_people_cancel(self, (uint32_t)(note - self->people.notes));
    }
    return sim_chance(self, worse) ? (uint8_t)OUTCOME_NONE : outcome; /* it forgets to answer */
}

void
sim_shop_work(struct sim *self, const struct sim_packet *packet)
{
    struct work work[TOGETHER_MAX];
    uint8_t outcomes[TOGETHER_MAX];
    uint32_t count = (uint32_t)(packet->size / sizeof work[0]);
    memcpy(work, packet->body, packet->size);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_up(self, packet)) {
            return; /* what it has not answered by now it never does */
        }
        outcomes[i] = work_on(self, packet, &work[i]);
    }
    if (is_up(self, packet)) {
        answer(self, packet, work, outcomes, count);
    }
}

/* False: it cannot be read, which is a violation. */
static bool
read_item(struct sim *self, const struct sim_packet *packet, struct work *work,
          const struct wire_item *item)
{
    struct wire_notification notification;
    struct why why = {{0}};
    if (wire_notification_decode(item->notification.data, item->notification.size, &notification,
                                 &why) != ERR_OK ||
        notification.biz_id.size >= sizeof work->biz_id) {
        sim_violation(self, "a delivered notification cannot be read: %s", why.text);
        return false;
    }
    memcpy(work->biz_id, notification.biz_id.data, notification.biz_id.size);
    work->biz_id[notification.biz_id.size] = '\0';
    work->version = notification.version;
    uint8_t payload[SIM_PAYLOAD_BYTES];
    sim_payload(payload, (uint32_t)strtoul(work->biz_id + 1, NULL, 10), work->version);
    if (notification.payload.size != sizeof payload ||
        memcmp(notification.payload.data, payload, sizeof payload) != 0) {
        sim_violation(self, "I5 %s is delivered with other bytes", work->biz_id);
    }
    sim_trace(self, "receiver %u gets %s of %u: turn %u attempt %u action %u", packet->receiver,
              work->biz_id, packet->service, item->turn, item->attempt, work->action);
    return true;
}

static void
queue(struct sim *self, const struct sim_packet *packet, const struct work *work, uint32_t count)
{
    uint32_t slow = self->faults.receiver_permille / 4;
    int64_t after_ms = (int64_t)sim_below(self, sim_chance(self, slow) ? SLOW_MS : 3);
    if (count > 0 && !sim_chance(self, slow / 4)) { /* else it hangs */
        work_later(self, packet, work, count, after_ms);
    }
}

void
sim_shop_deliver(struct sim *self, const struct sim_packet *packet)
{
    struct wire_in in;
    struct wire_head head;
    struct wire_deliver deliver = {0};
    struct wire_jobs jobs = {0};
    struct work all[TOGETHER_MAX];
    struct work work;
    memset(&work, 0, sizeof work);
    if (wire_message_open(&in, packet->body, packet->size, &head, NULL) != ERR_OK) {
        return; /* said by the caller */
    }
    work.job = head.type == WIRE_JOB;
    work.lane = self->receivers.all[packet->receiver].sessions[packet->service].lane;
    bool opened = work.job ? wire_jobs_open(&in, &jobs) : wire_deliver_open(&in, &deliver);
    uint32_t count = work.job ? jobs.count : deliver.count;
    work.run = work.job ? jobs.run : deliver.run;
    bool together = !work.job && sim_chance(self, 500);
    uint32_t waiting = 0;
    for (uint32_t i = 0; opened && i < count; i++) {
        struct wire_job job = {.token = deliver.first_token + i};
        opened = work.job ? wire_job_next(&in, &job) : wire_item_next(&in, &job.item);
        work.token = job.token;
        work.action = job.action;
        if (!opened || !read_item(self, packet, &work, &job.item)) {
            continue;
        }
        all[waiting++] = work;
        if (!together || waiting == TOGETHER_MAX) {
            queue(self, packet, all, waiting);
            waiting = 0;
        }
    }
    queue(self, packet, all, waiting);
    if (!opened) {
        sim_violation(self, "a delivery cannot be read: %s", in.why.text);
    }
}
