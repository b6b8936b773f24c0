/*
 * SUBMIT: every notification of the frame gets a status of its own; what is accepted is appended to
 * the log as it came, and the answer leaves once that is durable.
 */
#include "producer_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "delivery/content_hash.h"
#include "delivery/topic_pattern.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define TOGETHER 8U /* notifications whose places in the index are fetched together */

/* One of a SUBMIT's notifications, before anything is decided about it. */
struct offered {
    struct wire_bytes encoded; /* borrowed from the frame */
    struct wire_notification notification;
    bool good;   /* else it is none, and is refused */
    uint64_t id; /* hash of its biz_id */
};

static struct wire_text
text_of(const char *text)
{
    return (struct wire_text){.data = text, .size = strlen(text)};
}

static struct producer_topic *
topic_slot(producer_core_t *self, struct wire_text topic)
{
    return &self->topics[content_hash_id(topic.data, topic.size) % PRODUCER_TOPICS];
}

static bool
holds_topic(const struct producer_topic *slot, struct wire_text topic)
{
    return slot->size == topic.size && memcmp(slot->topic, topic.data, topic.size) == 0;
}

/* The last topic that was admitted: nearly always this one's too, and then it is a good one. */
static bool
is_last_topic(const producer_core_t *self, struct wire_text topic)
{
    return self->last_topic != NULL && holds_topic(self->last_topic, topic);
}

/* Which subscriptions match; looked up again only when the slot holds another topic. */
static const struct producer_topic *
route_topic(producer_core_t *self, struct wire_text topic)
{
    struct producer_topic *slot = topic_slot(self, topic);
    self->last_topic = slot;
    if (holds_topic(slot, topic)) {
        return slot;
    }
    slot->size = topic.size;
    memcpy(slot->topic, topic.data, topic.size);
    slot->count = 0;
    bool group_seen[LIMIT_GROUPS] = {false};
    for (uint16_t id = 1; id <= self->queue_count; id++) {
        const struct catalog_subscription *known = catalog_subscription(self->catalog, id);
        if (known != NULL && known->active && !group_seen[known->group] &&
            topic_pattern_match(known->pattern, strlen(known->pattern), topic.data, topic.size)) {
            group_seen[known->group] = true; /* the first configured of a group counts */
            slot->subscriptions[slot->count++] = id;
        }
    }
    slot->most = producer_room_most(self, slot);
    return slot;
}

static struct wire_result
refused(producer_core_t *self, const char *field, const char *text)
{
    self->counts.refused++;
    return (struct wire_result){
        .status = WIRE_REFUSED, .count = 1, .field = text_of(field), .text = text_of(text)};
}

/* The biz_id was seen before: the same notification, or something else under the same name. */
static struct wire_result
repeated(producer_core_t *self, const struct producer_stored *stored, uint64_t position,
         const uint8_t *hash, struct why *why)
{
    if (memcmp(stored->record.hash, hash, CONTENT_HASH_BYTES) == 0) {
        self->counts.duplicates++;
        return (struct wire_result){.status = WIRE_DUPLICATE, .count = 1, .position = position};
    }
    char when[CLOCK_TEXT_SIZE];
    self->counts.conflicts++;
    (void)why_set(why, ERR_CONFLICT,
                  "this biz_id was used for topic %.*s, version %llu, %zu bytes of payload, "
                  "accepted %s as %llu",
                  (int)stored->notification.topic.size, stored->notification.topic.data,
                  (unsigned long long)stored->notification.version,
                  stored->notification.payload.size,
                  clock_text(stored->record.received_unix_ms, when), (unsigned long long)position);
    return (struct wire_result){.status = WIRE_CONFLICT,
                                .count = 1,
                                .position = position,
                                .field = text_of("biz_id"),
                                .text = text_of(why->text)};
}

static uint64_t
append(producer_core_t *self, const struct producer_topic *topic, const struct offered *offered,
       const uint8_t *hash, uint32_t weight)
{
    struct wire_bytes encoded = offered->encoded;
    const struct wire_notification *notification = &offered->notification;
    struct record_notification record; /* what is said of it is set; all of it took longer */
    record.received_unix_ms = self->now_unix_ms;
    record.subscription_count = topic->count;
    record.encoded = encoded.data;
    record.encoded_size = encoded.size;
    memcpy(record.hash, hash, sizeof record.hash);
    for (unsigned i = 0; i < topic->count; i++) {
        record.subscriptions[i] = topic->subscriptions[i];
    }
    uint64_t position = 0;
    size_t size = record_notification_size(&record);
    uint8_t *space = log_append_space(self->log, RECORD_NOTIFICATION, size, &position);
    CHECK(record_notification_encode(&record, space) == size);
    producer_index_add(self->index, offered->id, position, self->expired);
    producer_touch(self, offered->id, position);
    for (unsigned i = 0; i < topic->count; i++) {
        struct producer_queue *queue = producer_queue_of(self, topic->subscriptions[i]);
        producer_open_add(&queue->open, position);
        producer_load_add(self, queue, weight);
    }
    if (notification->policy.size == 0) {
        self->fresh[position % PRODUCER_FRESH] =
            (struct producer_fresh){.position = position, .id = offered->id, .weight = weight};
    }
    if (notification->deadline_unix_ms != 0) {
        producer_deadline_add(self, position, notification->deadline_unix_ms);
    }
    self->counts.accepted++;
    self->total++;
    self->newest = position;
    return position;
}

static struct wire_result
busy(producer_core_t *self, const char *text)
{
    self->counts.busy++;
    return (struct wire_result){.status = WIRE_BUSY, .count = 1, .text = text_of(text)};
}

/* The same for a reason that begins with its field, as most do: "biz_id: 65 bytes, at most 64". */
static struct wire_result
refused_why(producer_core_t *self, struct why *why)
{
    size_t size = strspn(why->text, "abcdefghijklmnopqrstuvwxyz_");
    if (strncmp(why->text + size, ": ", 2) != 0) { /* one of a newer version, which has no name */
        return refused(self, "notification", why->text);
    }
    why->text[size] = '\0';
    return refused(self, why->text, why->text + size + 2);
}

/* Whether nothing is wrong with it as it stands; else the result says what is. */
static bool
is_sound(producer_core_t *self, const struct offered *offered, bool last_topic,
         struct wire_result *result, struct why *why)
{
    const struct wire_notification *notification = &offered->notification;
    if (!offered->good) {
        struct wire_notification again; /* for the reason alone */
        (void)wire_notification_decode(offered->encoded.data, offered->encoded.size, &again, why);
        *result = refused_why(self, why);
        return false;
    }
    if (!last_topic && topic_pattern_check_topic(notification->topic.data, notification->topic.size,
                                                 why) != ERR_OK) {
        *result = refused_why(self, why);
        return false;
    }
    struct policy policy;
    if (notification->policy.size > 0 && policy_parse(&policy, notification->policy.data,
                                                      notification->policy.size, why) != ERR_OK) {
        *result = refused_why(self, why);
        return false;
    }
    return true;
}

/* Its position; 0: it is not accepted, and the result says why. Not a result in either case: most
 * are accepted, and the processor waits where what was written in parts is copied as one. */
static uint64_t
admit(producer_core_t *self, const struct offered *offered, struct wire_result *result,
      struct why *why)
{
    const struct wire_notification *notification = &offered->notification;
    bool last_topic = is_last_topic(self, notification->topic);
    if (!is_sound(self, offered, last_topic, result, why)) {
        return 0;
    }
    struct content content = {
        .topic = notification->topic.data,
        .topic_size = notification->topic.size,
        .version = notification->version,
        .payload = notification->payload.data,
        .payload_size = notification->payload.size,
    };
    uint8_t hash[CONTENT_HASH_BYTES];
    content_hash_next(&self->hasher, &content, hash);
    struct producer_stored stored;
    struct producer_index_entry *known =
        producer_find_hashed(self, offered->id, notification->biz_id, &stored);
    if (known != NULL) {
        *result = repeated(self, &stored, producer_index_position(known), hash, why);
        producer_stored_release(&stored);
        return 0;
    }
    if (self->unreadable) {
        *result = busy(self, "disk: a notification of this name waits for room to be synced");
        return 0;
    }
    const struct producer_topic *topic =
        last_topic ? self->last_topic : route_topic(self, notification->topic);
    if (topic->count == 0) {
        self->counts.unrouted++;
        *result = (struct wire_result){.status = WIRE_UNROUTED,
                                       .count = 1,
                                       .field = text_of("topic"),
                                       .text = text_of("no subscription matches this topic")};
        return 0;
    }
    if (notification->deadline_unix_ms != 0 &&
        notification->deadline_unix_ms <= self->now_unix_ms) {
        *result = refused(self, "deadline", "the deadline has passed already");
        return 0;
    }
    if (self->total - self->gone >= self->settings.retained_max) {
        self->counts.busy_retained++;
        *result = busy(self, "retained_max notifications are kept and none may go yet");
        return 0;
    }
    uint32_t weight = producer_weight(notification, offered->encoded.size);
    if (!producer_room_for(self, topic, weight, offered->encoded.size)) {
        *result = busy(self, "disk: what is left is kept for what was accepted");
        return 0;
    }
    return append(self, topic, offered, hash, weight);
}

/* The next few of the frame, with their places in the index: see producer_index_prefetch. */
static void
look_ahead(const producer_core_t *self, struct wire_in *in, struct offered *few, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct offered *one = &few[i];
        one->good = wire_submit_next(in, &one->encoded, &one->notification);
        CHECK(one->encoded.data != NULL); /* wire_message_open has checked the whole frame */
        const struct wire_text *biz_id = &one->notification.biz_id;
        one->id = one->good ? content_hash_id(biz_id->data, biz_id->size) : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        producer_index_prefetch(self->index, few[i].id);
    }
}

void
producer_submit(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                const struct wire_head *head)
{
    struct why why;
    uint32_t count = wire_submit_open(in);
    if (in->failed) {
        producer_refuse(self, route, head->request, WIRE_REFUSED, in->why.text);
        return;
    }
    /* UNREACHED: for its owner a log has nothing to ask that could fail. */
    if (log_refresh(self->log, &why) != ERR_OK) { /* how much room there is */
        producer_refuse(self, route, head->request, WIRE_BUSY, why.text);
        return;
    }
    producer_room_look(self);
    struct wire_out out;
    wire_out_init(&out, 256);
    struct wire_results_out results = wire_results_begin(&out, head->request);
    struct offered few[2][TOGETHER];
    uint32_t read = count < TOGETHER ? count : TOGETHER;
    look_ahead(self, in, few[0], read);
    for (uint32_t i = 0; i < count; i++) {
        if (i % TOGETHER == 0) {
            uint32_t next = count - read < TOGETHER ? count - read : TOGETHER;
            look_ahead(self, in, few[(i / TOGETHER + 1) % 2], next);
            read += next;
        }
        struct wire_result result;
        uint64_t position = admit(self, &few[i / TOGETHER % 2][i % TOGETHER], &result, &why);
        if (position != 0) {
            wire_results_accept(&results, position);
        } else {
            wire_results_add(&results, &result);
        }
    }
    wire_results_end(&results);
    producer_answer(self, route, &out);
}
