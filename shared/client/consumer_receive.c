#include "client/consumer_private.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/content_hash.h"

#include <string.h>

#define FRAMES_A_ROUND 64
#define TELL_EVERY_MS 1000 /* of what a peer could repeat without end */
static_assert(WIRE_HASH_BYTES == CONTENT_HASH_BYTES, "items carry the content hash");

void
consumer_tell(herald_consumer_t *self, const char *event, const char *detail)
{
    if (self->options.event != NULL) {
        self->options.event(self->options.context, event, detail);
    }
}

static void
malformed(herald_consumer_t *self, const char *detail, int64_t now_ms)
{
    atomic_fetch_add(&self->malformed, 1);
    if (self->malformed_ms == 0 || now_ms - self->malformed_ms >= TELL_EVERY_MS) {
        self->malformed_ms = now_ms;
        consumer_tell(self, "malformed", detail);
    }
}

bool
consumer_receive_may(herald_consumer_t *self)
{
    return !consumer_queue_stopped(self->queue) && !atomic_load(&self->hung) &&
           consumer_queue_has_room(self->queue);
}

/* What a frame's head says of all its items. */
struct origin {
    struct consumer_queue_frame *frame;
    struct wire_text group;
    uint64_t run;
    uint32_t lane;
    uint8_t session;
    int64_t now_ms;
};

/* False: it does not say what it was sent as, and is not worked on. `opened`: its notification;
 * NULL: that is still to be taken apart. */
static bool
make_work(const struct origin *origin, const struct wire_job *job,
          const struct wire_notification *opened, struct consumer_queue_work *work, struct why *why)
{
    *work = (struct consumer_queue_work){
        .frame = origin->frame,
        .run = origin->run,
        .token = job->token,
        .lane = origin->lane,
        .session = origin->session,
        .action = job->action,
        .received_ms = origin->now_ms,
        .item = job->item,
    };
    if (job->action < WIRE_ACTION_REAPPLY || job->action > WIRE_ACTION_UNDO) {
        (void)why_set(why, ERR_INVALID, "action: %u is not known", job->action);
        return false;
    }
    if (opened != NULL) {
        work->notification = *opened;
    } else if (wire_notification_decode(job->item.notification.data, job->item.notification.size,
                                        &work->notification, why) != ERR_OK) {
        return false;
    }
    const struct wire_notification *notification = &work->notification;
    struct content content = {
        .topic = notification->topic.data,
        .topic_size = notification->topic.size,
        .version = notification->version,
        .payload = notification->payload.data,
        .payload_size = notification->payload.size,
    };
    uint8_t hash[CONTENT_HASH_BYTES];
    content_hash(&content, hash);
    if (memcmp(hash, job->item.hash, sizeof hash) != 0) {
        (void)why_set(why, ERR_INVALID, "hash: \"%.*s\" has other content than was sent",
                      (int)notification->biz_id.size, notification->biz_id.data);
        return false;
    }
    return true;
}

/* Read the items behind an opened head into `incoming`; returns how many are good. A fault of the
 * frame as a whole stays in `in`. */
static size_t
read_items(herald_consumer_t *self, const struct origin *origin, struct wire_in *in,
           uint32_t expected, struct wire_job *job)
{
    size_t count = 0;
    bool is_job = origin->session == CONSUMER_COMPENSATOR;
    for (uint32_t i = 0; i < expected; i++) {
        struct why why;
        struct wire_notification opened;
        bool sound = false;
        bool good =
            is_job ? wire_job_next(in, job) : wire_item_open(in, &job->item, &opened, &sound);
        if (!good) {
            break;
        }
        if (make_work(origin, job, sound ? &opened : NULL, &self->incoming[count], &why)) {
            count++;
        } else {
            malformed(self, why.text, origin->now_ms);
        }
        job->token += is_job ? 0 : 1;
    }
    return count;
}

/* To the handlers, or back to where it came from. A lane that speaks of another run or group has
 * been given to somebody else by a sender that has restarted: ask it whether it knows us. Until it
 * does it believes nothing of us but that we have not begun. */
static void
pass_on(herald_consumer_t *self, const struct origin *origin, size_t count)
{
    struct consumer_session *session = &self->sessions[origin->session];
    atomic_fetch_add(&self->received, count);
    bool ours = origin->group.size == strlen(self->options.group) &&
                memcmp(origin->group.data, self->options.group, origin->group.size) == 0;
    bool same_run = origin->run == session->run;
    if (session->state == CONSUMER_SESSION_JOINED && (!ours || !same_run)) {
        session->say_ms = origin->now_ms;
    }
    bool known = ours && (same_run || origin->session == CONSUMER_COMPENSATOR);
    if (known && consumer_receive_may(self)) {
        consumer_queue_put(self->queue, self->incoming, count);
    } else {
        consumer_hand_back(self, self->incoming, count);
    }
}

/* A checked message that carries work: DELIVER or JOB. */
static void
take_works(herald_consumer_t *self, struct origin *origin, struct wire_in *in,
           const struct wire_head *head)
{
    struct wire_job job = {.action = WIRE_ACTION_REAPPLY};
    uint32_t expected = 0;
    if (origin->session == CONSUMER_COMPENSATOR) {
        struct wire_jobs jobs = {0};
        expected = wire_jobs_open(in, &jobs) ? jobs.count : 0;
        origin->run = jobs.run;
        origin->group = jobs.group;
    } else {
        struct wire_deliver deliver = {0};
        expected = wire_deliver_open(in, &deliver) ? deliver.count : 0;
        origin->run = deliver.run;
        origin->group = deliver.group;
        job.token = deliver.first_token;
    }
    struct why why;
    size_t count = read_items(self, origin, in, expected, &job);
    if (wire_message_finish(in, head, &why) != ERR_OK) {
        malformed(self, why.text, origin->now_ms);
    } else if (count > 0) {
        pass_on(self, origin, count);
    }
}

/* The two others are where the producer says. */
static void
place_others(herald_consumer_t *self, const struct wire_welcome *welcome)
{
    for (uint32_t i = 0; i < welcome->endpoint_count; i++) {
        const struct wire_endpoint *endpoint = &welcome->endpoints[i];
        for (int party = CONSUMER_SCHEDULER; party < CONSUMER_PARTIES; party++) {
            struct consumer_session *session = &self->sessions[party];
            char place[LIMIT_ENDPOINT_BYTES + 1];
            if (endpoint->name.size != strlen(session->service) ||
                memcmp(endpoint->name.data, session->service, endpoint->name.size) != 0) {
                continue;
            }
            struct why why = {"its endpoint cannot be dialled from here"};
            if (!consumer_session_resolve(&self->sessions[CONSUMER_PRODUCER], endpoint->endpoint,
                                          place) ||
                consumer_session_place(session,
                                       (struct wire_text){.data = place, .size = strlen(place)},
                                       endpoint->key, &why) != ERR_OK) {
                consumer_tell(self, "refused", why.text);
            }
        }
    }
}

static void
take_welcome(herald_consumer_t *self, enum consumer_party party, const struct wire_welcome *welcome,
             int64_t now_ms)
{
    struct consumer_session *session = &self->sessions[party];
    bool was_joined = session->state == CONSUMER_SESSION_JOINED;
    struct why why;
    if (consumer_session_welcome(session, welcome, now_ms, &why) != ERR_OK) {
        consumer_tell(self, "refused", why.text);
        return;
    }
    if (!was_joined) {
        consumer_tell(self, "joined", session->service);
    }
    if (party == CONSUMER_PRODUCER) {
        place_others(self, welcome);
    }
}

/* A message of a front door; `origin` is filled in but for what its head says. */
static err_t
take_front(herald_consumer_t *self, struct origin *origin, struct wire_in *in,
           const struct wire_head *head, struct why *why)
{
    struct consumer_session *session = &self->sessions[origin->session];
    struct wire_welcome welcome;
    struct wire_pong pong;
    struct wire_text text;
    uint8_t status = 0;
    err_t rc = ERR_OK;
    switch (head->type) {
    case WIRE_WELCOME:
        rc = wire_welcome_decode(in, head, &welcome, why);
        if (rc == ERR_OK) {
            take_welcome(self, (enum consumer_party)origin->session, &welcome, origin->now_ms);
        }
        return rc;
    case WIRE_PONG:
        rc = wire_pong_decode(in, head, &pong, why);
        if (rc == ERR_OK && !consumer_session_pong(session, &pong, origin->now_ms)) {
            consumer_tell(self, "lost", session->service);
        }
        return rc;
    case WIRE_ERROR:
        rc = wire_status_decode(in, head, &status, &text, why);
        if (rc == ERR_OK) {
            struct why said;
            (void)why_set(&said, ERR_DENIED, "%s: %s: %.*s", session->service,
                          wire_status_name(status), (int)text.size, text.data);
            consumer_tell(self, "refused", said.text);
        }
        return rc;
    case WIRE_JOB:
        if (origin->session == CONSUMER_COMPENSATOR) {
            take_works(self, origin, in, head);
            return ERR_OK;
        }
        break;
    default:
        break;
    }
    return why_set(why, ERR_INVALID, "%s: a %s was not expected", session->service,
                   wire_type_name(head->type));
}

/* One frame; it lives on when works point into it. */
static void
take_frame(herald_consumer_t *self, struct origin *origin, bool is_lane)
{
    const zmq_msg_t *message = &origin->frame->message;
    struct wire_in in;
    struct wire_head head;
    struct why why;
    err_t rc = wire_message_open(&in, zmq_msg_data(&origin->frame->message), zmq_msg_size(message),
                                 &head, &why);
    if (rc == ERR_OK && !is_lane) {
        rc = take_front(self, origin, &in, &head, &why);
    } else if (rc == ERR_OK && head.type != WIRE_DELIVER) {
        rc =
            why_set(&why, ERR_INVALID, "a lane carries DELIVER, not %s", wire_type_name(head.type));
    } else if (rc == ERR_OK) {
        take_works(self, origin, &in, &head);
    }
    if (rc != ERR_OK) {
        malformed(self, why.text, origin->now_ms);
    }
}

/* False: there is nothing more. */
static bool
receive_one(herald_consumer_t *self, enum consumer_party party, struct wire_inlet *inlet,
            int64_t now_ms)
{
    const struct consumer_session *session = &self->sessions[party];
    if (!inlet->holds) {
        return false;
    }
    struct consumer_queue_frame *frame = mem_zeroed(sizeof *frame);
    CHECK(zmq_msg_init(&frame->message) == 0);
    err_t rc = wire_inlet_receive(inlet, &frame->message);
    struct origin origin = {
        .frame = frame,
        .lane = session->lane_number,
        .session = (uint8_t)party,
        .now_ms = now_ms,
    };
    frame->users = 1; /* ours, while it is read */
    if (rc == ERR_OK) {
        take_frame(self, &origin, inlet == &session->lane.at);
    } else if (rc != ERR_AGAIN) {
        malformed(self, "a message of more than one frame", now_ms);
    }
    struct consumer_queue_work ours = {.frame = frame};
    consumer_queue_release(self->queue, &ours, 1);
    return rc != ERR_AGAIN;
}

void
consumer_receive_front(herald_consumer_t *self, enum consumer_party party, int64_t now_ms)
{
    int i = 0;
    while (i < FRAMES_A_ROUND && receive_one(self, party, &self->sessions[party].front, now_ms)) {
        i++;
    }
}

void
consumer_receive_lane(herald_consumer_t *self, enum consumer_party party, bool drain,
                      int64_t now_ms)
{
    struct wire_inlet *lane = &self->sessions[party].lane.at;
    lane->holds = lane->holds || (drain && lane->socket != NULL); /* what came since it was heard */
    int i = 0;
    while (i < FRAMES_A_ROUND && (drain || consumer_receive_may(self)) &&
           receive_one(self, party, lane, now_ms)) {
        i++;
    }
}
