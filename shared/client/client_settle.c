/*
 * What becomes of the notifications that were sent: the producer's answer, or what is known when
 * the time limit has passed.
 */
#include "client/client_private.h"

#include "base/clock.h"
#include "wire/wire_session.h"
#include "wire/wire_submit.h"

#include <stdio.h>
#include <string.h>

#define BUSY_PAUSE_MS 20
#define BUSY_PAUSE_MAX_MS 500

static void
hand_out(herald_client_t *self, const struct client_item *item,
         const struct herald_client_result *result)
{
    if (item->own) {
        if (item->tag == self->own.number && !self->own.done && self->own.result != NULL) {
            *self->own.result = *result;
            self->own.done = true;
        }
        return;
    }
    self->pending--;
    self->callbacks++;
    self->calling = true;
    self->options.submitted(self->options.context, item->tag, result);
    self->calling = false;
}

/* What is known of a frame whose time limit has passed. */
void
client_settle_verdict(const herald_client_t *self, const struct client_frame *frame,
                      struct herald_client_result *result)
{
    bool busy = frame->busy > 0 && frame->busy == frame->sent;
    result->status = busy ? HERALD_CLIENT_BUSY : HERALD_CLIENT_UNKNOWN;
    result->wire_status = busy ? WIRE_BUSY : 0;
    result->position = 0;
    result->field[0] = '\0';
    if (busy) {
        memcpy(result->text, frame->busy_why.text, sizeof result->text);
    } else if (frame->sent == 0) {
        (void)snprintf(result->text, sizeof result->text, "not sent: no connection to %s%s",
                       self->options.producer,
                       self->refused ? ": it refuses our key" : ""); /* cut where it is too long */
    } else {
        (void)snprintf(result->text, sizeof result->text, "no answer from %s within %u ms, sent %u",
                       self->options.producer, self->options.timeout_ms,
                       frame->sent); /* cut where it is too long */
    }
}

void
client_settle_expired(herald_client_t *self, uint32_t slot_index)
{
    struct client_frame *frame = self->frames[slot_index];
    struct herald_client_result result;
    client_settle_verdict(self, frame, &result);
    self->frames[slot_index] = NULL;
    for (uint32_t i = 0; i < frame->count; i++) {
        hand_out(self, &frame->items[i], &result);
    }
    client_submit_recycle(self, frame);
}

static void
text_take(char *to, size_t to_size, struct wire_text from)
{
    size_t size = from.size < to_size ? from.size : to_size - 1;
    if (size < from.size) {
        size = wire_in_utf8_prefix(from.data, size); /* no half character at the end */
    }
    if (size > 0) {
        memcpy(to, from.data, size);
    }
    to[size] = '\0';
}

static enum herald_client_status
status_of(uint8_t wire_status)
{
    switch (wire_status) {
    case WIRE_ACCEPTED:
        return HERALD_CLIENT_ACCEPTED;
    case WIRE_DUPLICATE:
        return HERALD_CLIENT_DUPLICATE;
    case WIRE_CONFLICT:
        return HERALD_CLIENT_CONFLICT;
    case WIRE_BUSY:
        return HERALD_CLIENT_BUSY;
    default:
        return HERALD_CLIENT_REFUSED;
    }
}

/* An answer of SUBMITTED's runs, or of ERROR, which is one run over the whole frame. */
struct settling {
    struct client_frame *frame;
    uint32_t next;  /* the first item that is not answered yet */
    uint32_t kept;  /* BUSY so far, moved to the front */
    uint32_t start; /* of the next item's bytes */
};

static void
keep(struct settling *self, struct client_item item)
{
    struct client_frame *frame = self->frame;
    uint32_t to = self->kept == 0 ? 0 : frame->items[self->kept - 1].end;
    uint32_t size = item.end - self->start;
    memmove(frame->encoded.data + to, frame->encoded.data + self->start, size);
    frame->items[self->kept] = item;
    frame->items[self->kept].end = to + size;
    self->kept++;
}

static void
settle_run(herald_client_t *client, struct settling *self, const struct wire_result *run)
{
    struct client_frame *frame = self->frame;
    struct herald_client_result result;
    result.status = status_of(run->status);
    result.wire_status = run->status;
    text_take(result.field, sizeof result.field, run->field);
    text_take(result.text, sizeof result.text, run->text);
    if (result.status == HERALD_CLIENT_BUSY) {
        text_take(frame->busy_why.text, sizeof frame->busy_why.text, run->text);
    }
    for (uint32_t i = 0; i < run->count; i++) {
        struct client_item item = frame->items[self->next++];
        result.position = run->position == 0 ? 0 : run->position + i;
        if (result.status == HERALD_CLIENT_BUSY) {
            keep(self, item);
        } else {
            hand_out(client, &item, &result);
        }
        self->start = item.end;
    }
}

/* The whole answer makes sense and is for this many: only then is any of it believed. */
static bool
is_sound(const struct wire_in *in, const struct wire_head *head, uint32_t count)
{
    struct wire_in reader = *in;
    uint32_t runs = wire_results_open(&reader);
    uint64_t answered = 0;
    bool known = true;
    struct wire_result run;
    for (uint32_t i = 0; i < runs && wire_results_next(&reader, &run); i++) {
        answered += run.count;
        known = known && run.status != WIRE_OK && run.status < WIRE_NOT_FOUND;
    }
    return wire_message_finish(&reader, head, NULL) == ERR_OK && answered == count && known;
}

static void
settle_end(herald_client_t *client, struct settling *self, uint32_t slot_index)
{
    struct client_frame *frame = self->frame;
    if (self->kept == 0) {
        client->frames[slot_index] = NULL;
        client_submit_recycle(client, frame);
        return;
    }
    /* Other notifications than before, so another number: late answers do not fit it any more. */
    frame->serial = ++client->serial;
    frame->count = self->kept;
    frame->encoded.size = frame->items[self->kept - 1].end;
    uint32_t doublings = frame->busy < 5 ? frame->busy : 5;
    int64_t pause_ms = (int64_t)BUSY_PAUSE_MS << doublings;
    frame->busy++;
    frame->next_ms =
        clock_mono_ms() + (pause_ms < BUSY_PAUSE_MAX_MS ? pause_ms : BUSY_PAUSE_MAX_MS);
}

static uint32_t
slot_of(const herald_client_t *self, uint64_t request)
{
    uint32_t i = 0;
    while (i < CLIENT_FRAMES && (self->frames[i] == NULL || self->frames[i]->serial == 0 ||
                                 self->frames[i]->serial != request >> CLIENT_SEND_BITS)) {
        i++;
    }
    return i;
}

bool
client_settle_answered(herald_client_t *self, const struct wire_head *head, struct wire_in *in)
{
    uint32_t slot_index = slot_of(self, head->request);
    if (slot_index == CLIENT_FRAMES) {
        return false;
    }
    struct client_frame *frame = self->frames[slot_index];
    struct settling settling = {.frame = frame};
    struct wire_result run = {.count = frame->count};
    if (head->type == WIRE_SUBMITTED && is_sound(in, head, frame->count)) {
        frame->serial = 0;
        uint32_t runs = wire_results_open(in);
        for (uint32_t i = 0; i < runs && wire_results_next(in, &run); i++) {
            settle_run(self, &settling, &run);
        }
    } else if (head->type == WIRE_ERROR &&
               wire_status_decode(in, head, &run.status, &run.text, NULL) == ERR_OK) {
        frame->serial = 0;
        settle_run(self, &settling, &run);
    } else {
        self->ignored++;
        return true;
    }
    settle_end(self, &settling, slot_index);
    return true;
}
