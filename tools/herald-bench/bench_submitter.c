#include "bench_load.h"
#include "bench_pause.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/herald_client.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define NS_A_SECOND 1000000000LL
#define LOOK_MS 100
#define TOLD_TOGETHER 128 /* answers that the clock is read once for; bare: those of a frame */

/* One connection at work. The tag of a submit is its number within the connection. */
struct submitter {
    struct bench_shared *shared;
    struct bench_submitted *submitted;
    herald_client_t *client; /* owned */
    uint32_t window;
    uint64_t ring;     /* a power of two, at least the window */
    int64_t *meant_ns; /* owned; as many times */
    int64_t now_ns;    /* when the answers came that are being told; 0: not looked yet */
    uint32_t told;     /* of them, since it was looked */
    uint8_t *payload;  /* owned */
    int64_t started_ns;
    uint64_t first; /* of several in turn: its share of the load, and how far it is */
    uint64_t count;
    uint64_t sent;
    char biz_id[LIMIT_BIZ_ID_BYTES + 1]; /* run_id, a dash, the number */
    char *number;                        /* its digits in biz_id */
    uint64_t shown;                      /* what they say */
    double gap_ns;                       /* between two, open loop; 0: closed */
};

static void
answered(void *context, uint64_t tag, const struct herald_client_result *result)
{
    struct submitter *self = context;
    bool open_loop = self->gap_ns > 0; /* answers of many small frames may come at once */
    if (open_loop || self->now_ns == 0 || ++self->told == TOLD_TOGETHER) {
        self->now_ns = clock_mono_ns();
        self->told = 0;
    }
    if (result->status == HERALD_CLIENT_ACCEPTED) {
        bench_histogram_add(&self->submitted->latency,
                            self->now_ns - self->meant_ns[tag & (self->ring - 1)]);
        self->submitted->accepted++;
        self->submitted->last_ns = self->now_ns;
        return;
    }
    if (self->submitted->other++ == 0) {
        (void)why_set(&self->submitted->why, ERR_INVALID, "status %d: %s", (int)result->status,
                      result->text);
    }
}

static size_t
step(struct submitter *self, int timeout_ms)
{
    self->now_ns = 0;
    self->told = 0;
    return herald_client_step(self->client, timeout_ms);
}

/* When number `i` of this connection is meant to be sent: now, with a window only. */
static int64_t
meant(const struct submitter *self, uint64_t i, int64_t now_ns)
{
    return self->gap_ns > 0 ? self->started_ns + (int64_t)((double)i * self->gap_ns) : now_ns;
}

/* As a rule one more than the last. */
static void
show_number(struct submitter *self, uint64_t number)
{
    char *digit = self->number + BENCH_NUMBER_DIGITS - 1;
    if (number == self->shown + 1) {
        for (; *digit == '9'; digit--) {
            *digit = '0';
        }
        ++*digit;
    } else {
        for (uint64_t left = number; digit >= self->number; digit--, left /= 10) {
            *digit = (char)('0' + left % 10);
        }
    }
    self->shown = number;
}

static err_t
submit_one(struct submitter *self, uint64_t number, uint64_t i, int64_t meant_ns, struct why *why)
{
    const struct bench_load *load = self->shared->load;
    show_number(self, number);
    bytes_put_u64(self->payload, (uint64_t)meant_ns);
    struct herald_client_notification notification = {
        .topic = load->topic,
        .biz_id = self->biz_id,
        .payload = self->payload,
        .payload_size = load->payload_bytes,
        .version = 1,
    };
    self->meant_ns[i & (self->ring - 1)] = meant_ns;
    return herald_client_submit_async(self->client, &notification, i, why);
}

static err_t
submit_all(struct submitter *self, uint64_t first, uint64_t count, struct why *why)
{
    uint64_t sent = 0;
    err_t rc = ERR_OK;
    bench_pause_sharpen();
    self->started_ns = clock_mono_ns();
    while (rc == ERR_OK && (sent < count || herald_client_pending(self->client) > 0)) {
        int64_t now_ns = clock_mono_ns();
        while (rc == ERR_OK && sent < count && herald_client_pending(self->client) < self->window &&
               meant(self, sent, now_ns) <= now_ns) {
            rc = submit_one(self, first + sent, sent, meant(self, sent, now_ns), why);
            sent += rc == ERR_OK;
        }
        /* At a slow server small frames can be as many as a client keeps before their messages fill
         * the window; what is due then waits for an answer, and its latency counts. */
        bool full = rc == ERR_FULL;
        rc = full ? ERR_OK : rc;
        bool early = !full && sent < count && herald_client_pending(self->client) < self->window;
        size_t answers = step(self, early ? 0 : 100);
        if (early && answers == 0) {
            bench_pause_until(meant(self, sent, now_ns));
        }
    }
    return rc;
}

/* Connecting is not measured: it ends with the answer to a question. The clock starts then. */
static err_t
await_connected(struct submitter *self, struct why *why)
{
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    err_t rc = herald_client_endpoint(self->client, "scheduler", endpoint, why);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static void
start_clock(struct bench_shared *shared)
{
    long long none = 0;
    (void)atomic_compare_exchange_strong(&shared->started_ns, &none,
                                         clock_mono_ns()); /* the first one's counts */
}

static err_t
submitter_open(struct submitter *self, struct bench_shared *shared, struct why *why)
{
    const struct bench_load *load = shared->load;
    self->shared = shared;
    self->window = load->window / load->connections;
    self->window = self->window == 0 ? 1 : self->window;
    self->gap_ns =
        load->rate == 0 ? 0 : (double)NS_A_SECOND * load->connections / (double)load->rate;
    char keys[256];
    (void)snprintf(keys, sizeof keys, "%s/submit", load->keys == NULL ? "" : load->keys); /* fits */
    struct herald_client_options options = {
        .producer = load->producer,
        .keys = load->keys == NULL ? NULL : keys,
        .name = "herald-bench",
        .timeout_ms = load->timeout_ms,
        .sends = 1,
        .window = self->window,
        .context = self,
        .submitted = answered,
    };
    err_t rc = herald_client_new(&self->client, &options, why);
    if (rc != ERR_OK) {
        return rc;
    }
    int size = snprintf(self->biz_id, sizeof self->biz_id, "%s-%0*d", load->run_id,
                        BENCH_NUMBER_DIGITS, 0);
    self->number = self->biz_id + size - BENCH_NUMBER_DIGITS; /* always fits */
    self->ring = 1;
    while (self->ring < self->window) {
        self->ring *= 2;
    }
    self->meant_ns = mem_array(self->ring, sizeof *self->meant_ns);
    self->payload = mem_zeroed(load->payload_bytes);
    for (uint32_t i = BENCH_PAYLOAD_MIN; i < load->payload_bytes; i++) {
        self->payload[i] = (uint8_t)(i * 31);
    }
    return await_connected(self, why);
}

static void
submitter_close(struct submitter *self)
{
    herald_client_destroy(&self->client);
    mem_free(self->meant_ns);
    mem_free(self->payload);
}

err_t
bench_submit(struct bench_shared *shared, uint64_t first, uint64_t count,
             struct bench_submitted *submitted, struct why *why)
{
    struct submitter self = {.submitted = submitted};
    err_t rc = submitter_open(&self, shared, why);
    if (rc == ERR_OK) {
        start_clock(shared);
        rc = submit_all(&self, first, count, why);
    }
    submitter_close(&self);
    return rc;
}

/* Fill a connection's window, send, and take what has been answered. */
static err_t
turn(struct submitter *self, struct why *why)
{
    err_t rc = ERR_OK;
    do {
        int64_t now_ns = clock_mono_ns();
        while (rc == ERR_OK && self->sent < self->count &&
               herald_client_pending(self->client) < self->window) {
            rc = submit_one(self, self->first + self->sent, self->sent, now_ns, why);
            self->sent += rc == ERR_OK;
        }
        rc = rc == ERR_FULL ? ERR_OK : rc; /* it waits for an answer */
    } while (rc == ERR_OK && step(self, 0) > 0);
    return rc;
}

/* Until all is answered: each time those connections at which something has happened. */
static err_t
submit_in_turn(struct submitter *all, struct pollfd *items, uint32_t connections, struct why *why)
{
    err_t rc = ERR_OK;
    bool open = true;
    bool look = true; /* at all of them: at the start, and when nothing was heard for a while */
    while (rc == ERR_OK && open) {
        open = false;
        for (uint32_t i = 0; i < connections && rc == ERR_OK; i++) {
            struct submitter *self = &all[i];
            if (look || items[i].revents != 0) {
                rc = turn(self, why);
            }
            open = open || self->sent < self->count || herald_client_pending(self->client) > 0;
        }
        look = open && poll(items, connections, LOOK_MS) <= 0;
    }
    return rc;
}

err_t
bench_submit_in_turn(struct bench_shared *shared, struct bench_submitted *submitted,
                     struct why *why)
{
    const struct bench_load *load = shared->load;
    uint32_t connections = load->connections;
    struct submitter *all = mem_array(connections, sizeof *all);
    struct pollfd *items = mem_array(connections, sizeof *items);
    uint64_t each = load->count / connections;
    err_t rc = ERR_OK;
    for (uint32_t i = 0; i < connections && rc == ERR_OK; i++) {
        struct submitter *self = &all[i];
        self->submitted = submitted;
        self->first = i * each;
        self->count = i + 1 == connections ? load->count - self->first : each;
        rc = submitter_open(self, shared, why);
        items[i].fd = rc == ERR_OK ? herald_client_fd(self->client) : -1;
        items[i].events = POLLIN;
    }
    if (rc == ERR_OK) {
        start_clock(shared);
        rc = submit_in_turn(all, items, connections, why);
    }
    for (uint32_t i = 0; i < connections; i++) {
        submitter_close(&all[i]);
    }
    mem_free(items);
    mem_free(all);
    return rc;
}
