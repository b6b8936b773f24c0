/*
 * The watches of a client. A watch is a lease that the producer holds for one connection: all of
 * them are renewed, a slice of WIRE_QUERY_MAX in one message, when a third of the lease is over,
 * and at once on a new connection, which the producer takes for somebody else.
 */
#include "client/client_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

#define AGAIN_MS 1000    /* after a renewal that was not answered in full */
#define LEASE_MIN_MS 300 /* a producer that grants less is asked no more often than for this */

static struct wire_out
slice_encode(const struct client_watch *watch, size_t first, uint64_t request, uint32_t lease_ms)
{
    struct wire_out out;
    size_t left = watch->count - first;
    size_t count = left < WIRE_QUERY_MAX ? left : WIRE_QUERY_MAX;
    wire_out_init(&out, 64 + count * (LIMIT_BIZ_ID_BYTES + 2));
    struct wire_ids_out ids = wire_watch_begin(&out, request, lease_ms);
    for (size_t i = first; i < first + count; i++) {
        wire_ids_add(&ids, watch->ids[i].biz_id, watch->ids[i].size);
    }
    wire_ids_end(&ids);
    return out;
}

/* Send one slice without waiting for its answer. */
static bool
slice_send(herald_client_t *self, size_t slice_index, uint64_t serial, uint32_t lease_ms)
{
    if (!client_can_send(self)) {
        return false;
    }
    struct wire_out out = slice_encode(&self->watch, slice_index * WIRE_QUERY_MAX,
                                       client_request(serial, (uint32_t)slice_index), lease_ms);
    size_t size = 0;
    uint8_t *body = wire_out_take(&out, &size);
    return client_send(self, body, size);
}

static size_t
slice_count(const struct client_watch *watch)
{
    return (watch->count + WIRE_QUERY_MAX - 1) / WIRE_QUERY_MAX;
}

void
client_watch_flush(herald_client_t *self, int64_t now_ms)
{
    struct client_watch *watch = &self->watch;
    if (watch->count == 0 || now_ms < watch->due_ms || !client_can_send(self)) {
        return;
    }
    watch->serial = ++self->serial;
    watch->unanswered = 0;
    watch->begun_ms = now_ms;
    for (size_t i = 0;
         i < slice_count(watch) && slice_send(self, i, watch->serial, CLIENT_WATCH_LEASE_MS); i++) {
        watch->unanswered |= 1ULL << i;
        watch->due_ms = now_ms + AGAIN_MS; /* without a connection it stays due */
    }
}

int64_t
client_watch_due_ms(const herald_client_t *self)
{
    /* Without a connection its coming is what is waited for. */
    return self->watch.count == 0 || self->blocked ? INT64_MAX : self->watch.due_ms;
}

void
client_watch_reconnected(herald_client_t *self, int64_t now_ms)
{
    self->watch.due_ms = now_ms;
}

static void
granted(struct client_watch *watch, uint32_t lease_ms)
{
    watch->lease_ms = lease_ms < LEASE_MIN_MS ? LEASE_MIN_MS : lease_ms;
    int64_t due_ms = watch->begun_ms + watch->lease_ms / 3;
    if (watch->unanswered == 0) {
        watch->due_ms = due_ms;
    }
}

bool
client_watch_answered(herald_client_t *self, const struct wire_head *head, struct wire_in *in)
{
    struct client_watch *watch = &self->watch;
    uint64_t slice_index = head->request & ((1U << CLIENT_SEND_BITS) - 1);
    if (watch->count == 0 || head->request >> CLIENT_SEND_BITS != watch->serial ||
        slice_index >= CLIENT_WATCH_SLICES) {
        return false;
    }
    struct wire_watching watching;
    if (head->type == WIRE_ERROR) {
        return true; /* not now: it stays unanswered, so it is renewed again soon */
    }
    if (head->type != WIRE_WATCHING || wire_watching_decode(in, head, &watching, NULL) != ERR_OK) {
        self->ignored++;
        return true;
    }
    if (watching.status != WIRE_BUSY) {
        watch->unanswered &= ~(1ULL << slice_index);
        granted(watch, watching.lease_ms);
    }
    return true;
}

void
client_watch_events(herald_client_t *self, const struct wire_head *head, struct wire_in *in)
{
    struct wire_in reader = *in;
    struct wire_event event;
    uint32_t count = wire_in_array(&reader, "events", 1, LIMIT_FRAME_NOTIFICATIONS);
    for (uint32_t i = 0; i < count && wire_event_get(&reader, &event); i++) {
        if (event.state == WIRE_STATE_PENDING || event.state >= WIRE_STATE_COUNT) {
            wire_in_fault(&reader, "state", "%u is no end", event.state);
        }
    }
    if (wire_message_finish(&reader, head, NULL) != ERR_OK) {
        self->ignored++;
        return;
    }
    count = wire_in_array(in, "events", 1, LIMIT_FRAME_NOTIFICATIONS);
    for (uint32_t i = 0; i < count && wire_event_get(in, &event); i++) {
        char biz_id[LIMIT_BIZ_ID_BYTES + 1] = {0};
        char subscription[LIMIT_NAME_BYTES + 1] = {0};
        memcpy(biz_id, event.biz_id.data, event.biz_id.size);
        memcpy(subscription, event.subscription.data, event.subscription.size);
        const struct herald_client_event told = {
            .biz_id = biz_id,
            .subscription = subscription,
            .state_name = wire_state_name(event.state),
            .position = event.position,
            .state = event.state,
            .turn = event.turn,
            .at_unix_ms = event.at_unix_ms,
        };
        if (self->options.event != NULL && self->watch.count > 0) {
            self->callbacks++;
            self->calling = true;
            self->options.event(self->options.context, &told);
            self->calling = false;
        }
    }
}

static bool
is_watched(const struct client_watch *watch, const char *biz_id, size_t size)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->ids[i].size == size && memcmp(watch->ids[i].biz_id, biz_id, size) == 0) {
            return true;
        }
    }
    return false;
}

static err_t
ids_add(struct client_watch *watch, const char *const *biz_ids, size_t count, struct why *why)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(biz_ids[i]);
        if (size == 0 || size > LIMIT_BIZ_ID_BYTES || !wire_in_utf8(biz_ids[i], size)) {
            return why_set(why, ERR_INVALID,
                           "biz_id: must be UTF-8 without control characters, 1 to %d bytes",
                           LIMIT_BIZ_ID_BYTES);
        }
        if (is_watched(watch, biz_ids[i], size)) {
            continue;
        }
        if (watch->count == HERALD_CLIENT_WATCH_MAX) {
            return why_set(why, ERR_FULL, "a client watches at most %d", HERALD_CLIENT_WATCH_MAX);
        }
        if (watch->count == watch->capacity) {
            watch->capacity = watch->capacity == 0 ? 16 : watch->capacity * 2;
            watch->ids = mem_resize(watch->ids, watch->capacity * sizeof *watch->ids);
        }
        struct client_watched *id = &watch->ids[watch->count++];
        id->size = (uint8_t)size;
        memcpy(id->biz_id, biz_ids[i], size);
    }
    return ERR_OK;
}

/* Ask for the slice that begins at `first` and wait until it is granted. */
static err_t
slice_ask(herald_client_t *self, size_t first, struct why *why)
{
    int64_t now_ms = clock_mono_ms();
    uint64_t request = client_ask_request(self);
    struct wire_out out = slice_encode(&self->watch, first, request, CLIENT_WATCH_LEASE_MS);
    err_t rc = client_ask(self, &out, WIRE_WATCHING, why);
    struct wire_watching said;
    if (rc == ERR_OK) {
        rc = wire_watching_decode(&self->ask.in, &self->ask.head, &said, why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    if (said.status == WIRE_OK || said.status == WIRE_NOT_FOUND) {
        uint32_t lease_ms = said.lease_ms < LEASE_MIN_MS ? LEASE_MIN_MS : said.lease_ms;
        int64_t due_ms = now_ms + lease_ms / 3;
        struct client_watch *watch = &self->watch;
        watch->due_ms = due_ms < watch->due_ms ? due_ms : watch->due_ms;
    }
    return said.status == WIRE_OK ? ERR_OK
                                  : why_set(why, client_ask_refused(said.status), "%s: %.*s",
                                            wire_status_name(said.status), (int)said.text.size,
                                            said.text.size == 0 ? "" : said.text.data);
}

err_t
herald_client_watch(herald_client_t *self, const char *const *biz_ids, size_t count,
                    struct why *why)
{
    CHECK(!self->calling);
    struct client_watch *watch = &self->watch;
    size_t before = watch->count;
    if (before == 0) {
        watch->due_ms = INT64_MAX; /* slice_ask says when */
        watch->unanswered = 0;
    }
    err_t rc = ids_add(watch, biz_ids, count, why);
    bool unknown = false;
    for (size_t first = before; first < watch->count && rc == ERR_OK; first += WIRE_QUERY_MAX) {
        rc = slice_ask(self, first, why);
        unknown = unknown || rc == ERR_NOT_FOUND; /* the others of the slice are watched */
        rc = rc == ERR_NOT_FOUND ? ERR_OK : rc;
    }
    if (rc == ERR_TIMEOUT) {
        watch->due_ms = clock_mono_ms(); /* goes on with the next step */
    } else if (rc != ERR_OK) {
        watch->count = before;
    }
    return rc == ERR_OK && unknown ? ERR_NOT_FOUND : rc;
}

void
herald_client_unwatch(herald_client_t *self)
{
    CHECK(!self->calling);
    uint64_t serial = ++self->serial; /* nobody waits for these answers */
    for (size_t i = 0; i < slice_count(&self->watch); i++) {
        (void)slice_send(self, i, serial, 0); /* the lease ends it otherwise */
    }
    self->watch.count = 0;
}

void
client_watch_fini(herald_client_t *self)
{
    mem_free(self->watch.ids);
    self->watch = (struct client_watch){0};
}
