#include "runtime/shell_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "runtime/logger.h"
#include "wire/wire_socket.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#define FRAMES_A_ROUND 256
#define BYTES_A_ROUND (4U * 1024 * 1024)
#define BYTES_AN_ASIDE (128U * 1024) /* where what comes next can be synced beside them */
#define IDLE_WAIT_MS 1000
#define OUTBOX_BYTES_MAX (64U * 1024 * 1024)
#define LANE_RETRY_MS 5
#define LOOK_EVERY_MS 100 /* at the peers' logs, while they grow or work is held up */
#define NS_A_MS INT64_C(1000000)
#define COMPANY_MS 5 /* that records which nobody waits for wait for more */
#define COMPANY_BYTES (128U * 1024)

static atomic_bool stopping;

void
shell_stop(void)
{
    atomic_store(&stopping, true);
}

bool
shell_stopping(void)
{
    return atomic_load(&stopping);
}

/* Of the core, and of this shell. */
static uint32_t
count(void *context, struct wire_counter *counters, uint32_t max)
{
    const shell_t *self = context;
    const struct {
        const char *name;
        uint64_t value;
    } own[] = {
        {"rounds", self->rounds},           {"busy_polls", self->busy_polls},
        {"frames_in", self->frames_in},     {"frames_out", self->frames_out},
        {"answers_dropped", self->dropped}, {"log_durable", log_durable(self->log)},
    };
    uint32_t own_count = sizeof own / sizeof own[0];
    uint32_t used = self->core->counters(self->core->self, counters, max - own_count);
    for (uint32_t i = 0; i < own_count; i++) {
        counters[used].name = (struct wire_text){.data = own[i].name, .size = strlen(own[i].name)};
        counters[used++].value = own[i].value;
    }
    return used;
}

static void
take_front(shell_t *self, const struct outbox_route *route, zmq_msg_t *message)
{
    struct wire_out out;
    if (front_door_answers(&self->door, message, clock_mono_ms(), &out)) {
        size_t size = 0;
        uint8_t *answer = wire_out_take(&out, &size);
        outbox_front(self->outbox, log_next(self->log) - 1, route, answer, size);
    } else {
        self->core->front(self->core->self, route, zmq_msg_data(message), zmq_msg_size(message));
    }
}

/* While the disk takes nothing, answers wait; and what would only add to them waits outside. */
static bool
is_stuffed(const shell_t *self)
{
    return outbox_bytes(self->outbox) > OUTBOX_BYTES_MAX;
}

static void
take_fronts(shell_t *self, zmq_msg_t *message)
{
    size_t bytes = 0;
    size_t most = log_syncs_aside(self->log) ? BYTES_AN_ASIDE : BYTES_A_ROUND;
    for (int i = 0; self->front.holds && i < FRAMES_A_ROUND && bytes < most && !is_stuffed(self);
         i++) {
        struct outbox_route route;
        size_t route_size = 0;
        static_assert(OUTBOX_ROUTE_BYTES == WIRE_ROUTE_MAX, "a route fits");
        err_t rc = wire_socket_receive_from(self->front.socket, route.id, &route_size, message);
        if (rc == ERR_AGAIN) {
            self->front.holds = false;
            return;
        }
        self->frames_in++;
        if (rc != ERR_OK) {
            self->door.refused++;
            continue;
        }
        route.size = (uint8_t)route_size;
        bytes += zmq_msg_size(message);
        take_front(self, &route, message);
    }
}

static void
take_outcomes(shell_t *self, zmq_msg_t *message)
{
    for (int i = 0; self->outcome.holds && i < FRAMES_A_ROUND; i++) {
        err_t rc = wire_inlet_receive(&self->outcome, message);
        if (rc == ERR_OK && front_door_admits(&self->door, message, SEAL_CONSUME)) {
            self->frames_in++;
            self->core->outcome(self->core->self, zmq_msg_data(message), zmq_msg_size(message));
        } else if (rc != ERR_OK && rc != ERR_AGAIN) {
            self->door.refused++;
        }
    }
}

static void
send_one(shell_t *self, struct outbox_message *message, int64_t now_ms)
{
    uint8_t *body = message->body;
    message->body = NULL;
    if (message->channel == OUTBOX_FRONT) {
        err_t rc = wire_socket_send_to(self->front.socket, message->route.id, message->route.size,
                                       body, message->size);
        self->dropped += rc == ERR_AGAIN;
        self->front.holds = true; /* the send may have heard of a message in passing */
    } else {
        shell_lane_send(&self->lanes[message->lane], body, message->size, now_ms);
    }
    self->frames_out++;
}

static void
raise_alarms(shell_t *self, int64_t now_ms)
{
    const struct alarm_facts *facts = NULL;
    while ((facts = outbox_alarm_next(self->outbox, log_durable(self->log))) != NULL) {
        alarm_raise(self->settings.alarm, facts, now_ms);
        outbox_alarm_pop(self->outbox);
    }
    alarm_tick(self->settings.alarm, now_ms);
}

/* Tell the peers that our log has grown by something that they read: once a round, and only hints.
 * In a loop of submits and DONEs there is nothing for them, and to be woken each time was a fifth
 * of all the processor time of small rounds. */
static void
send_wakes(shell_t *self)
{
    uint64_t durable = log_durable(self->log);
    if (durable == self->woken || peers_news(self->core->peers) <= self->woken) {
        return;
    }
    self->woken = durable;
    for (int i = 0; i < SHELL_PEERS_MAX; i++) {
        if (self->peers[i] != NULL) {
            struct wire_out out;
            size_t size = 0;
            wire_out_init(&out, 64);
            wire_wake_encode(&out, self->settings.log, durable);
            uint8_t *body = wire_out_take(&out, &size);
            (void)wire_socket_send(self->peers[i], body, size); /* lost: the peer looks by itself */
        }
    }
}

static long
wait_ms(const shell_t *self, bool held)
{
    int64_t next_ms = self->core->next_ms(self->core->self);
    int64_t commit_ms = peers_commit_ms(self->core->peers);
    int64_t now_ms = clock_mono_ms();
    if (commit_ms != INT64_MAX && next_ms < now_ms + LANE_RETRY_MS) {
        next_ms = now_ms + LANE_RETRY_MS; /* what the core wants at once may want the commit */
    }
    next_ms = commit_ms < next_ms ? commit_ms : next_ms;
    next_ms = self->sync_by_ms < next_ms ? self->sync_by_ms : next_ms;
    int64_t wait = next_ms <= now_ms ? 0 : next_ms - now_ms;
    bool soon = outbox_count(self->outbox) > 0 || peers_grow(self->core->peers);
    int64_t most = soon ? LOOK_EVERY_MS : IDLE_WAIT_MS;
    most = held ? LANE_RETRY_MS : most;
    return (long)(wait < most ? wait : most);
}

static bool
is_wake(zmq_msg_t *message)
{
    struct wire_in in;
    struct wire_head head;
    struct why why;
    err_t rc = wire_message_open(&in, zmq_msg_data(message), zmq_msg_size(message), &head, &why);
    return rc == ERR_OK && head.type == WIRE_WAKE;
}

/* What it says does not matter: the logs say it. A wake may be lost, so that they are looked at
 * now and then all the same. Not all wakes at once: a peer that never stops must not keep the loop
 * from everything else. */
static void
take_wakes(shell_t *self, zmq_msg_t *message, int64_t now_ms)
{
    bool look = self->wake.holds || now_ms - self->looked_ms >= LOOK_EVERY_MS;
    peers_look(self->core->peers, look);
    self->looked_ms = look ? now_ms : self->looked_ms;
    for (int i = 0; self->wake.holds && i < FRAMES_A_ROUND; i++) {
        err_t rc = wire_inlet_receive(&self->wake, message);
        if (rc == ERR_AGAIN) {
            return;
        }
        bool admitted = rc != ERR_OK || front_door_admits(&self->door, message, SEAL_SERVICE);
        self->door.refused += admitted && (rc != ERR_OK || !is_wake(message));
    }
}

/* Without the handler nobody gets in, but that is no service either. */
static err_t
check_seal(shell_t *self, struct why *why)
{
    if (self->seal == NULL) {
        return ERR_OK;
    }
    if (!seal_lives(self->seal)) {
        return why_set(why, ERR_LOST, "the ZAP handler has ended");
    }
    return self->removals == seal_removals(self->seal) ? ERR_OK : shell_lanes_renew(self, why);
}

static void
send_durable(shell_t *self)
{
    int64_t now_ms = clock_mono_ms();
    struct outbox_message *next = NULL;
    while ((next = outbox_next(self->outbox, log_durable(self->log))) != NULL) {
        send_one(self, next, now_ms);
        outbox_pop(self->outbox);
    }
    self->core->left(self->core->self, now_ms);
    raise_alarms(self, now_ms);
    send_wakes(self);
}

/* An outcome's record, say, with which nothing leaves: synced at once it would keep the next
 * submits, or the next retries, waiting for a sync of its own. */
static bool
waits_for_company(shell_t *self, int64_t now_ms)
{
    uint64_t gathered = log_gathered(self->log);
    bool may = gathered > 0 && gathered < COMPANY_BYTES &&
               outbox_newest(self->outbox) <= log_committed(self->log) &&
               peers_may_wait(self->core->peers, self->core->may_wait);
    if (may && self->sync_by_ms == INT64_MAX) {
        self->sync_by_ms = now_ms + COMPANY_MS;
    }
    may = may && now_ms < self->sync_by_ms;
    self->sync_by_ms = may ? self->sync_by_ms : INT64_MAX;
    return may;
}

/* What became durable leaves, and what follows from that. */
static err_t
send_synced(shell_t *self, struct why *why)
{
    const struct shell_core *core = self->core;
    send_durable(self);
    if (core->dispatch == NULL) {
        return ERR_OK;
    }
    err_t rc = core->dispatch(core->self, clock_mono_ms(), clock_unix_ms(), why);
    if (rc == ERR_OK) {
        send_durable(self);
    }
    return rc;
}

/* A sync on a thread of its own has finished: its answers do not wait until the next frames are
 * taken.
 */
static err_t
reap_aside(shell_t *self, struct why *why)
{
    err_t rc = log_reap(self->log, why);
    return rc == ERR_OK ? send_synced(self, why) : rc;
}

static err_t
round_once(shell_t *self, zmq_msg_t *message, struct why *why)
{
    const struct shell_core *core = self->core;
    core->now(core->self, clock_mono_ms(), clock_unix_ms());
    err_t rc = self->synced ? reap_aside(self, why) : ERR_OK;
    if (rc != ERR_OK) {
        return rc;
    }
    take_wakes(self, message, clock_mono_ms());
    take_outcomes(self, message);
    take_fronts(self, message);
    rc = check_seal(self, why);
    if (rc == ERR_OK) {
        rc = core->step(core->self, clock_mono_ms(), clock_unix_ms(), why);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    self->rounds++;
    send_durable(self); /* what depends on nothing of this round need not wait for its sync */
    int64_t now_ms = clock_mono_ms();
    if (waits_for_company(self, now_ms)) {
        return ERR_OK;
    }
    rc = peers_commit(core->peers, false, now_ms, why);
    return rc == ERR_OK ? send_synced(self, why) : rc;
}

/* Without the front door when that is to wait. Whether there is something to do: after a sleep that
 * nothing ended, all sockets are looked at, and a signal makes a round too many. */
static bool
wait_once(shell_t *self, bool front, long most_ms)
{
    struct wire_inlet *const inlets[] = {front ? &self->front : NULL, &self->wake, &self->outcome};
    struct pollfd log = {.fd = log_fd(self->log), .events = POLLIN};
    bool good = wire_inlets_wait(inlets, 3, &log, most_ms);
    self->synced = log.revents != 0;
    return !good || self->synced || (front && self->front.holds) || self->wake.holds ||
           self->outcome.holds;
}

/* Looks for news, without sleeping, for as long as that is worth it. Whether something has come. */
static bool
poll_busily(shell_t *self, bool front, int64_t begun_ns, int64_t until_ns)
{
    bool heard = false;
    bool on = busy_poll_begins(&self->poll, begun_ns);
    for (int64_t looked_ns = begun_ns;
         on && !heard && looked_ns < until_ns && !atomic_load(&stopping);) {
        heard = wait_once(self, front, 0);
        if (!heard) {
            (void)sched_yield(); /* cannot fail on Linux */
        }
        self->busy_polls += heard && looked_ns > begun_ns;
        int64_t now_ns = clock_mono_ns();
        on = busy_poll_goes_on(&self->poll, begun_ns, looked_ns, now_ns);
        looked_ns = now_ns;
    }
    return heard;
}

static void
wait_until_heard(shell_t *self, bool front, long most_ms)
{
    if (most_ms == 0 || self->poll.time_ns == 0) {
        (void)wait_once(self, front, most_ms);
        return;
    }
    self->synced = false;
    int64_t begun_ns = clock_mono_ns();
    int64_t until_ns = begun_ns + most_ms * NS_A_MS;
    if (!poll_busily(self, front, begun_ns, until_ns) && !atomic_load(&stopping)) {
        int64_t left_ms = (until_ns - clock_mono_ns() + NS_A_MS - 1) / NS_A_MS;
        (void)wait_once(self, front, left_ms > 0 ? (long)left_ms : 0);
    }
    busy_poll_waited(&self->poll, clock_mono_ns() - begun_ns);
}

err_t
shell_run(shell_t *self, const struct shell_core *core, struct why *why)
{
    zmq_msg_t message;
    CHECK(zmq_msg_init(&message) == 0);
    self->core = core;
    self->sync_by_ms = INT64_MAX;
    self->door.takes = core->takes;
    self->door.counters = count;
    self->door.counters_context = self;
    err_t rc = ERR_OK;
    bool held = false;
    while (rc == ERR_OK && !atomic_load(&stopping)) {
        bool stuffed = is_stuffed(self);
        wait_until_heard(self, !stuffed, wait_ms(self, held || stuffed));
        rc = round_once(self, &message, why);
        held = shell_lanes_send_held(self, clock_mono_ms());
    }
    CHECK(zmq_msg_close(&message) == 0);
    if (rc == ERR_OK) { /* a commit that waited for more waits no longer */
        peers_note_all(core->peers);
        rc = peers_commit(core->peers, true, clock_mono_ms(), why);
    }
    if (rc == ERR_OK) {
        send_durable(self);
    }
    return rc;
}
