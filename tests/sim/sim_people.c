/* The submitter, and whoever asks and cancels: what they send, and what the answers must not say.
 */
#include "base/mem.h"
#include "sim.h"
#include "wire/wire_case.h"
#include "wire/wire_session.h"
#include "wire/wire_submit.h"

#include <string.h>

void
sim_people_fini(struct sim *self)
{
    mem_free(self->people.notes);
    mem_free(self->people.requests);
}

struct sim_note *
sim_note_find(struct sim *self, const char *biz_id, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 1; i < size; i++) { /* n<number>, see new_note */
        number = number * 10 + (uint64_t)(biz_id[i] - '0');
    }
    return number < self->people.note_count ? &self->people.notes[number] : NULL;
}

uint32_t
sim_people_request(struct sim *self, uint8_t type, uint32_t note)
{
    struct sim_people *people = &self->people;
    if (people->request_count == people->request_capacity) {
        people->request_capacity =
            people->request_capacity == 0 ? 64 : people->request_capacity * 2;
        people->requests =
            mem_resize(people->requests, people->request_capacity * sizeof *people->requests);
    }
    struct sim_request *request = &people->requests[people->request_count++];
    *request = (struct sim_request){.type = type, .note = note, .count = 1};
    if (note < people->note_count) {
        request->seen = people->notes[note].seen;
        request->accepted = people->notes[note].accepted;
    }
    return people->request_count;
}

void
sim_people_send(struct sim *self, uint8_t service, struct wire_out *out)
{
    struct sim_packet packet = {
        .to = SIM_TO_FRONT, .service = service, .route = {.size = 5, .id = {'c'}}};
    packet.body = wire_out_take(out, &packet.size);
    sim_packet_send(self, &packet);
}

static void
new_note(struct sim *self)
{
    struct sim_people *people = &self->people;
    if (people->note_count == people->note_capacity) {
        people->note_capacity = people->note_capacity == 0 ? 64 : people->note_capacity * 2;
        people->notes = mem_resize(people->notes, people->note_capacity * sizeof *people->notes);
    }
    struct sim_note *note = &people->notes[people->note_count];
    *note = (struct sim_note){.undo = sim_chance(self, 400),
                              .rejected = sim_chance(self, 80),
                              .submitted_ms = self->now_ms};
    note->foreign = note->rejected && people->note_count % 3 == 0;
    (void)snprintf(note->biz_id, sizeof note->biz_id, "n%u", people->note_count++); /* fits */
}

void
sim_payload(uint8_t payload[SIM_PAYLOAD_BYTES], uint32_t number, uint64_t version)
{
    for (uint32_t i = 0; i < SIM_PAYLOAD_BYTES; i++) {
        payload[i] = (uint8_t)(number * 31 + version * 7 + i);
    }
}

static void
add_note(struct sim *self, struct wire_submit_out *list, uint32_t number, uint64_t version)
{
    struct sim_note *note = &self->people.notes[number];
    uint8_t payload[SIM_PAYLOAD_BYTES];
    sim_payload(payload, number, version);
    const char *topic = note->undo ? "payment.done" : "order.paid";
    const struct wire_notification notification = {
        .topic = {.data = topic, .size = strlen(topic)},
        .biz_id = {.data = note->biz_id, .size = strlen(note->biz_id)},
        .payload = {.data = payload, .size = sizeof payload},
        .version = version,
    };
    wire_submit_add(list, &notification);
    note->submissions++;
    sim_trace(self, "submit %s version %llu", note->biz_id, (unsigned long long)version);
}

static void
submit(struct sim *self, uint32_t first, uint32_t count, uint64_t version)
{
    uint32_t number = sim_people_request(self, WIRE_SUBMIT, first);
    struct sim_request *request = &self->people.requests[number - 1];
    request->count = count;
    request->version = version;
    struct wire_out out;
    wire_out_init(&out, 512);
    struct wire_submit_out list = wire_submit_begin(&out, number);
    for (uint32_t i = 0; i < count; i++) {
        add_note(self, &list, first + i, version);
    }
    wire_submit_end(&list);
    sim_people_send(self, LOG_PRODUCER, &out);
}

void
sim_people_submit(struct sim *self, uint32_t count)
{
    uint32_t first = self->people.note_count;
    for (uint32_t i = 0; i < count; i++) {
        new_note(self);
    }
    submit(self, first, count, 1);
}

void
sim_people_submit_again(struct sim *self, bool other_content)
{
    if (self->people.note_count > 0) {
        uint32_t number = (uint32_t)sim_below(self, self->people.note_count);
        const struct sim_note *note = &self->people.notes[number];
        if (self->now_ms - note->submitted_ms < self->retention_ms / 4) {
            submit(self, number, 1, other_content ? 2 : 1); /* long before it is forgotten */
        }
    }
}

void
sim_people_query(struct sim *self, uint32_t note)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_query_begin(&out, sim_people_request(self, WIRE_QUERY, note));
    const char *biz_id = self->people.notes[note].biz_id;
    wire_ids_add(&ids, biz_id, strlen(biz_id));
    wire_ids_end(&ids);
    sim_people_send(self, LOG_PRODUCER, &out);
}

void
sim_people_cancel(struct sim *self, uint32_t note)
{
    const char *biz_id = self->people.notes[note].biz_id;
    const struct wire_cancel cancel = {
        .biz_id = {.data = biz_id, .size = strlen(biz_id)},
        .by = {.data = "ada", .size = 3},
        .reason = {.data = "wrong", .size = 5},
    };
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_cancel_encode(&out, sim_people_request(self, WIRE_CANCEL, note), &cancel);
    sim_trace(self, "cancel %s", biz_id);
    self->people.notes[note].wanted_cancelled = true;
    sim_people_send(self, LOG_PRODUCER, &out);
}

/* One result of a SUBMIT. */
static void
submitted(struct sim *self, struct sim_note *note, const struct sim_request *request,
          const struct wire_result *result, uint64_t position)
{
    sim_trace(self, "%s is %s", note->biz_id, wire_status_name(result->status));
    if (result->status == WIRE_ACCEPTED || result->status == WIRE_DUPLICATE) {
        if (note->accepted && (note->position != position || note->version != request->version)) {
            sim_violation(self, "I1 %s was accepted twice: at %llu and %llu", note->biz_id,
                          (unsigned long long)note->position, (unsigned long long)position);
        }
        note->accepted = true;
        note->version = request->version;
        note->position = position;
        return;
    }
    note->refusals++;
    if (result->status == WIRE_CONFLICT && note->accepted && note->version == request->version) {
        sim_violation(self, "I1 %s conflicts with itself", note->biz_id);
    }
    if (result->status != WIRE_CONFLICT && result->status != WIRE_BUSY) {
        sim_violation(self, "%s is refused: %.*s", note->biz_id, (int)result->text.size,
                      result->text.data);
    }
}

static void
take_submitted(struct sim *self, struct wire_in *in, const struct sim_request *request)
{
    uint32_t count = wire_results_open(in);
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct wire_result result;
        if (!wire_results_next(in, &result)) {
            sim_violation(self, "SUBMITTED cannot be read: %s", in->why.text);
            return;
        }
        for (uint32_t n = 0; n < result.count && at < request->count; n++, at++) {
            submitted(self, &self->people.notes[request->note + at], request, &result,
                      result.position + n);
        }
    }
    if (at != request->count) {
        sim_violation(self, "SUBMITTED says %u results of %u", at, request->count);
    }
}

/* I20: an answer is not older than what was known when the question was asked. */
static void
compare(struct sim *self, struct sim_note *note, const struct sim_seen *before,
        const struct wire_delivery *now)
{
    if (before->known) {
        bool ended = before->state != WIRE_STATE_PENDING && before->state != WIRE_STATE_CASE;
        bool back = now->turn < before->turn;
        back = back || (ended && now->state != before->state &&
                        !(note->unfenced && now->state == WIRE_STATE_DONE));
        back = back || (before->state == WIRE_STATE_CASE && now->turn == before->turn &&
                        now->state == WIRE_STATE_PENDING);
        if (back) {
            sim_violation(self, "I20 %s went back from %s turn %u to %s turn %u", note->biz_id,
                          wire_state_name(before->state), before->turn, wire_state_name(now->state),
                          now->turn);
        }
    }
    bool newer = !note->seen.known || now->turn >= note->seen.turn;
    bool end_known = note->seen.state != WIRE_STATE_PENDING && note->seen.state != WIRE_STATE_CASE;
    if (newer &&
        !(end_known && (now->state == WIRE_STATE_PENDING || now->state == WIRE_STATE_CASE))) {
        note->seen = (struct sim_seen){.known = true, .state = now->state, .turn = now->turn};
    }
}

static void
take_found(struct sim *self, struct wire_in *in, const struct sim_request *request)
{
    struct sim_note *note = &self->people.notes[request->note];
    struct wire_found found;
    if (wire_answer_open(in) != 1 || !wire_found_get(in, &found)) {
        sim_violation(self, "ANSWER cannot be read: %s", in->why.text);
        return;
    }
    if (found.status != WIRE_OK) {
        bool expired = note->accepted && self->now_ms - note->submitted_ms >= self->retention_ms;
        note->gone = note->gone || expired;
        if (request->accepted && !expired) {
            sim_violation(self, "I1 %s was accepted and is not known", note->biz_id);
        }
        return;
    }
    struct wire_delivery delivery;
    if (found.count != 1 || !wire_delivery_get(in, &delivery)) {
        sim_violation(self, "%s has %u deliveries", note->biz_id, found.count);
        return;
    }
    sim_trace(self, "%s is %s turn %u with %u", note->biz_id, wire_state_name(delivery.state),
              delivery.turn, delivery.custodian);
    compare(self, note, &request->seen, &delivery);
}

static void
take_cancelling(struct sim *self, struct wire_in *in, const struct sim_request *request)
{
    struct sim_note *note = &self->people.notes[request->note];
    uint32_t count = wire_in_array(in, "answers", 0, WIRE_QUERY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_cancelled said;
        if (!wire_cancelled_get(in, &said)) {
            sim_violation(self, "CANCELLING cannot be read: %s", in->why.text);
            return;
        }
        sim_trace(self, "cancel of %s: %s", note->biz_id, wire_status_name(said.status));
        note->cancelled = note->cancelled || said.status == WIRE_CANCELLED;
    }
}

/* The only thing that is not answered is what a full disk holds back. */
static void
take_error(struct sim *self, struct wire_in *in, const struct wire_head *head,
           const struct sim_request *request)
{
    uint8_t status = 0;
    struct wire_text text = {0};
    if (wire_status_decode(in, head, &status, &text, NULL) != ERR_OK || status != WIRE_BUSY) {
        sim_violation(self, "%s is answered %s: %.*s", wire_type_name(request->type),
                      wire_status_name(status), (int)text.size, text.data);
    }
}

void
sim_people_take(struct sim *self, const struct sim_packet *packet)
{
    struct wire_in in;
    struct wire_head head;
    struct why why = {{0}};
    if (wire_message_open(&in, packet->body, packet->size, &head, &why) != ERR_OK ||
        head.request == 0 || head.request > self->people.request_count) {
        sim_violation(self, "an answer cannot be read: %s", why.text);
        return;
    }
    const struct sim_request request = self->people.requests[head.request - 1];
    self->people.answers++;
    switch (head.type) {
    case WIRE_SUBMITTED:
        take_submitted(self, &in, &request);
        break;
    case WIRE_ANSWER:
        take_found(self, &in, &request);
        break;
    case WIRE_CANCELLING:
        take_cancelling(self, &in, &request);
        break;
    case WIRE_CASE_LIST:
        sim_orders_take(self, &in);
        break;
    case WIRE_STATUS:
        break;
    case WIRE_ERROR:
        take_error(self, &in, &head, &request);
        break;
    default:
        sim_violation(self, "%s answers %s", wire_type_name(head.type),
                      wire_type_name(request.type));
        break;
    }
}

bool
sim_note_open(const struct sim_note *note)
{
    return note->accepted && !note->gone &&
           (!note->seen.known || note->seen.state == WIRE_STATE_PENDING ||
            note->seen.state == WIRE_STATE_CASE);
}

uint32_t
sim_people_open(const struct sim *self)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < self->people.note_count; i++) {
        open += sim_note_open(&self->people.notes[i]);
    }
    return open;
}
