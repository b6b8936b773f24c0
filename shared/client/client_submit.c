#include "client/client_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/wire_submit.h"

#include <string.h>

#define KEEP_BYTES (256U * 1024) /* of an emptied frame's memory */
#define TEXTS_MAX 16384          /* together; the producer names the field that is over its limit */
#define HEAD_BYTES 64            /* more than what is before the notifications */
#define PARTS 3 /* of a window that are under way: one is synced, one comes, one is answered */
#define PART ((LIMIT_FRAME_NOTIFICATIONS + PARTS - 1) / PARTS)

static struct client_frame *
frame_new(herald_client_t *self)
{
    struct client_frame *frame = NULL;
    if (self->spare_count > 0) {
        frame = self->spare[--self->spare_count];
    } else {
        frame = mem_zeroed(sizeof *frame);
        frame->items = mem_array(LIMIT_FRAME_NOTIFICATIONS, sizeof *frame->items);
    }
    return frame;
}

void
client_submit_recycle(herald_client_t *self, struct client_frame *frame)
{
    if (frame->encoded.capacity > KEEP_BYTES) {
        wire_out_fini(&frame->encoded);
    }
    frame->encoded.size = 0;
    frame->serial = 0;
    frame->sent = 0;
    frame->busy = 0;
    frame->count = 0;
    CHECK(self->spare_count < sizeof self->spare / sizeof self->spare[0]);
    self->spare[self->spare_count++] = frame;
}

static void
frame_free(struct client_frame *frame)
{
    if (frame != NULL) {
        wire_out_fini(&frame->encoded);
        mem_free(frame->items);
        mem_free(frame);
    }
}

void
client_submit_fini(herald_client_t *self)
{
    frame_free(self->gather);
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        frame_free(self->frames[i]);
    }
    for (uint32_t i = 0; i < self->spare_count; i++) {
        frame_free(self->spare[i]);
    }
}

/* The gathered frame waits for an answer from now on. NULL: too many do. */
static struct client_frame *
seal(herald_client_t *self, int64_t now_ms)
{
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        if (self->frames[i] == NULL) {
            struct client_frame *frame = self->gather;
            frame->serial = ++self->serial;
            frame->limit_ms = now_ms + self->options.timeout_ms;
            frame->next_ms = now_ms;
            self->frames[i] = frame;
            self->gather = NULL;
            return frame;
        }
    }
    return NULL;
}

static void
frame_send(herald_client_t *self, struct client_frame *frame, int64_t now_ms)
{
    struct wire_out out;
    wire_out_init(&out, frame->encoded.size + HEAD_BYTES);
    struct wire_submit_out submit =
        wire_submit_begin(&out, client_request(frame->serial, frame->sent));
    wire_out_raw(&out, frame->encoded.data, frame->encoded.size);
    submit.count = frame->count;
    wire_submit_end(&submit);
    size_t size = 0;
    uint8_t *body = wire_out_take(&out, &size);
    if (!client_send(self, body, size)) {
        return;
    }
    frame->sent++;
    bool last = frame->sent - frame->busy >= self->options.sends;
    frame->next_ms =
        last ? frame->limit_ms : now_ms + self->options.timeout_ms / self->options.sends;
}

static bool
is_due(const struct client_frame *frame, int64_t now_ms)
{
    return frame != NULL && frame->next_ms <= now_ms;
}

static void
send_due(herald_client_t *self, int64_t now_ms)
{
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        if (is_due(self->frames[i], now_ms) && client_can_send(self)) {
            frame_send(self, self->frames[i], now_ms);
        }
    }
}

void
client_submit_flush(herald_client_t *self, int64_t now_ms)
{
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        if (self->frames[i] != NULL && now_ms >= self->frames[i]->limit_ms) {
            client_settle_expired(self, i);
        }
    }
    send_due(self, now_ms);
    /* What cannot leave yet goes on gathering, so that it leaves in few frames. */
    if (self->gather != NULL && !self->blocked && seal(self, now_ms) != NULL) {
        send_due(self, now_ms);
    }
}

int64_t
client_submit_due_ms(const herald_client_t *self)
{
    int64_t due_ms = INT64_MAX;
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        const struct client_frame *frame = self->frames[i];
        if (frame != NULL) {
            /* Without a connection its coming is what is waited for. */
            int64_t next_ms = self->blocked ? frame->limit_ms : frame->next_ms;
            next_ms = next_ms < frame->limit_ms ? next_ms : frame->limit_ms;
            due_ms = next_ms < due_ms ? next_ms : due_ms;
        }
    }
    return due_ms;
}

void
client_submit_reconnected(herald_client_t *self, int64_t now_ms)
{
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        struct client_frame *frame = self->frames[i];
        if (frame != NULL && frame->sent - frame->busy < self->options.sends) {
            frame->next_ms = now_ms;
        }
    }
}

/*
 * Whether the next notification begins another frame: from a third of one on, unless as many are
 * under way already. A window that is one frame is put together, read, decided on, synced and
 * answered in turn; of three parts one is synced while another is on its way, and a disk whose
 * syncs are slow has several of them at once (journal/sync_pool.h).
 */
static bool
is_full(const herald_client_t *self, const struct client_frame *frame)
{
    if (frame->count == LIMIT_FRAME_NOTIFICATIONS) {
        return true;
    }
    if (frame->count < PART) {
        return false;
    }
    uint32_t under_way = 0;
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        under_way += self->frames[i] != NULL;
    }
    return under_way < PARTS;
}

/* A frame that is full need not wait for the next step. From a callback too, so that no other frame
 * is touched: one of them is being settled. */
static err_t
send_full(herald_client_t *self, struct why *why)
{
    int64_t now_ms = clock_mono_ms();
    struct client_frame *frame = seal(self, now_ms);
    if (frame == NULL) {
        return why_set(why, ERR_FULL, "%d frames are not answered yet", CLIENT_FRAMES);
    }
    if (!self->blocked && client_can_send(self)) {
        frame_send(self, frame, now_ms);
    }
    return ERR_OK;
}

static err_t
take(herald_client_t *self, const struct herald_client_notification *from,
     const struct client_item *item, struct why *why)
{
    struct wire_notification notification = {
        .topic = {.data = from->topic, .size = strlen(from->topic)},
        .biz_id = {.data = from->biz_id, .size = strlen(from->biz_id)},
        .payload = {.data = from->payload, .size = from->payload_size},
        .version = from->version,
        .policy = {.data = from->policy, .size = from->policy == NULL ? 0 : strlen(from->policy)},
        .deadline_unix_ms = from->deadline_unix_ms,
    };
    size_t texts_size =
        notification.topic.size + notification.biz_id.size + notification.policy.size;
    if (notification.payload.size > LIMIT_NOTIFICATION_BYTES) {
        return why_set(why, ERR_INVALID, "payload: %zu bytes, at most %d",
                       notification.payload.size, LIMIT_PAYLOAD_BYTES);
    }
    if (texts_size > TEXTS_MAX) {
        return why_set(why, ERR_INVALID, "topic, biz_id and policy: %zu bytes, at most %d, %d, %d",
                       texts_size, LIMIT_TOPIC_BYTES, LIMIT_BIZ_ID_BYTES, WIRE_POLICY_BYTES);
    }
    struct client_frame *frame = self->gather;
    if (frame != NULL &&
        (is_full(self, frame) ||
         !wire_out_has_room(&frame->encoded, texts_size + notification.payload.size))) {
        err_t rc = send_full(self, why);
        if (rc != ERR_OK) {
            return rc;
        }
        frame = NULL;
    }
    if (frame == NULL) {
        frame = self->gather = frame_new(self);
    }
    wire_notification_encode(&frame->encoded, &notification);
    struct client_item *taken = &frame->items[frame->count++];
    *taken = *item;
    taken->end = (uint32_t)frame->encoded.size;
    return ERR_OK;
}

err_t
herald_client_submit_async(herald_client_t *self,
                           const struct herald_client_notification *notification, uint64_t tag,
                           struct why *why)
{
    if (self->options.submitted == NULL) {
        return why_set(why, ERR_INVALID, "submitted: no function was given to be told of it");
    }
    if (self->pending >= self->options.window) {
        return why_set(why, ERR_FULL, "%u are not answered yet, as many as the window",
                       self->pending);
    }
    const struct client_item item = {.tag = tag};
    err_t rc = take(self, notification, &item, why);
    self->pending += rc == ERR_OK;
    return rc;
}

/* The call is over before its frame is: whatever that becomes concerns nobody. */
static void
give_up(herald_client_t *self)
{
    static const struct client_frame never_sent;
    const struct client_frame *frame = &never_sent;
    for (uint32_t i = 0; i < CLIENT_FRAMES; i++) {
        const struct client_frame *sent = self->frames[i];
        for (uint32_t j = 0; sent != NULL && j < sent->count; j++) {
            if (sent->items[j].own && sent->items[j].tag == self->own.number) {
                frame = sent;
            }
        }
    }
    client_settle_verdict(self, frame, self->own.result);
}

enum herald_client_status
herald_client_submit(herald_client_t *self, const struct herald_client_notification *notification,
                     struct herald_client_result *result)
{
    CHECK(!self->calling);
    int64_t limit_ms = clock_mono_ms() + self->options.timeout_ms;
    self->own = (struct client_own){.number = self->own.number + 1, .result = result};
    *result = (struct herald_client_result){0};
    const struct client_item item = {.tag = self->own.number, .own = true};
    struct why why;
    int64_t left_ms = self->options.timeout_ms;
    err_t rc = take(self, notification, &item, &why);
    while (rc == ERR_FULL && left_ms > 0) {
        (void)client_pump(self, left_ms); /* a signal does not end the call */
        left_ms = limit_ms - clock_mono_ms();
        rc = take(self, notification, &item, &why);
    }
    if (rc == ERR_INVALID) {
        result->status = HERALD_CLIENT_REFUSED;
        result->wire_status = WIRE_REFUSED;
        memcpy(result->text, why.text, sizeof result->text);
    } else {
        while (rc == ERR_OK && !self->own.done && left_ms > 0) {
            (void)client_pump(self, left_ms); /* a signal does not end the call */
            left_ms = limit_ms - clock_mono_ms();
        }
        if (!self->own.done) {
            give_up(self);
        }
    }
    self->own.result = NULL;
    return result->status;
}
