#include "consumer_queue.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct consumer_queue {
    pthread_mutex_t mutex;
    pthread_cond_t work_came;
    struct consumer_queue_work *works; /* owned; a ring */
    size_t first;
    size_t count;
    struct consumer_queue_answer *answers; /* owned; oldest first */
    struct consumer_queue_answer **last;
    int64_t busy_since_ms; /* 0: no handler runs */
    int wake_fd;           /* owned */
    bool stopped;
};

consumer_queue_t *
consumer_queue_new(void)
{
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) {
        return NULL;
    }
    consumer_queue_t *self = mem_zeroed(sizeof *self);
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0);
    CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&self->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&self->work_came, &monotonic) == 0);
    CHECK(pthread_condattr_destroy(&monotonic) == 0);
    self->works = mem_array(CONSUMER_QUEUE_WORKS, sizeof *self->works);
    self->last = &self->answers;
    self->wake_fd = wake_fd;
    return self;
}

static void
lock(consumer_queue_t *self)
{
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
}

static void
unlock(consumer_queue_t *self)
{
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
}

static void
wake(consumer_queue_t *self)
{
    uint64_t one = 1;
    CHECK(write(self->wake_fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

static void
let_go(struct consumer_queue_frame *frame)
{
    CHECK(frame->users > 0);
    if (--frame->users == 0) {
        CHECK(zmq_msg_close(&frame->message) == 0);
        mem_free(frame);
    }
}

void
consumer_queue_destroy(consumer_queue_t **self_p)
{
    consumer_queue_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        let_go(self->works[(self->first + i) % CONSUMER_QUEUE_WORKS].frame);
    }
    while (self->answers != NULL) {
        struct consumer_queue_answer *answer = self->answers;
        self->answers = answer->next;
        mem_free(answer->body);
        mem_free(answer);
    }
    (void)close(self->wake_fd); /* nothing is kept in it */
    CHECK(pthread_cond_destroy(&self->work_came) == 0);
    CHECK(pthread_mutex_destroy(&self->mutex) == 0);
    mem_free(self->works);
    mem_free(self);
    *self_p = NULL;
}

int
consumer_queue_fd(const consumer_queue_t *self)
{
    return self->wake_fd;
}

bool
consumer_queue_has_room(consumer_queue_t *self)
{
    lock(self);
    bool room = self->count + LIMIT_FRAME_NOTIFICATIONS <= CONSUMER_QUEUE_WORKS;
    unlock(self);
    return room;
}

void
consumer_queue_put(consumer_queue_t *self, const struct consumer_queue_work *works, size_t count)
{
    lock(self);
    CHECK(self->count + count <= CONSUMER_QUEUE_WORKS);
    for (size_t i = 0; i < count; i++) {
        self->works[(self->first + self->count++) % CONSUMER_QUEUE_WORKS] = works[i];
        works[i].frame->users++;
    }
    CHECK(pthread_cond_signal(&self->work_came) == 0);
    unlock(self);
}

struct consumer_queue_answer *
consumer_queue_answers(consumer_queue_t *self)
{
    uint64_t count;
    CHECK(read(self->wake_fd, &count, sizeof count) == sizeof count || errno == EAGAIN);
    lock(self);
    struct consumer_queue_answer *answers = self->answers;
    self->answers = NULL;
    self->last = &self->answers;
    unlock(self);
    return answers;
}

int64_t
consumer_queue_busy_ms(consumer_queue_t *self, int64_t now_ms)
{
    lock(self);
    int64_t busy_ms = self->busy_since_ms == 0 ? 0 : now_ms - self->busy_since_ms;
    unlock(self);
    return busy_ms;
}

/* An action shares its batch with its like only; what travels alone is processed alone. */
static bool
may_join(const struct consumer_queue_work *first, const struct consumer_queue_work *next)
{
    return first->action == next->action && !first->item.alone && !next->item.alone;
}

static size_t
take_batch(consumer_queue_t *self, struct consumer_queue_work *works, size_t max)
{
    size_t taken = 0;
    while (taken < max && taken < self->count) {
        const struct consumer_queue_work *next =
            &self->works[(self->first + taken) % CONSUMER_QUEUE_WORKS];
        if (taken > 0 && !may_join(&works[0], next)) {
            break;
        }
        works[taken++] = *next;
    }
    self->first = (self->first + taken) % CONSUMER_QUEUE_WORKS;
    self->count -= taken;
    return taken;
}

size_t
consumer_queue_take(consumer_queue_t *self, struct consumer_queue_work *works, size_t max,
                    int wait_ms)
{
    int64_t until_ns = clock_mono_ns() + (int64_t)(wait_ms > 0 ? wait_ms : 0) * 1000000;
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000),
                             .tv_nsec = (long)(until_ns % 1000000000)};
    lock(self);
    CHECK(self->busy_since_ms == 0);
    int rc = 0;
    while (self->count == 0 && !self->stopped && rc == 0) {
        rc = pthread_cond_timedwait(&self->work_came, &self->mutex, &until);
        CHECK(rc == 0 || rc == ETIMEDOUT);
    }
    size_t taken = self->stopped ? 0 : take_batch(self, works, max);
    if (taken > 0) {
        self->busy_since_ms = clock_mono_ms();
    }
    unlock(self);
    return taken;
}

size_t
consumer_queue_take_back(consumer_queue_t *self, struct consumer_queue_work *works, size_t max)
{
    lock(self);
    size_t taken = 0;
    while (taken < max && self->count > 0) {
        works[taken++] = self->works[self->first];
        self->first = (self->first + 1) % CONSUMER_QUEUE_WORKS;
        self->count--;
    }
    unlock(self);
    return taken;
}

void
consumer_queue_answer(consumer_queue_t *self, const struct consumer_queue_work *work,
                      struct wire_out *out)
{
    struct consumer_queue_answer *answer = mem_zeroed(sizeof *answer);
    answer->body = wire_out_take(out, &answer->size);
    answer->made_ms = clock_mono_ms();
    answer->session = work->session;
    lock(self);
    *self->last = answer;
    self->last = &answer->next;
    unlock(self);
    wake(self);
}

void
consumer_queue_release(consumer_queue_t *self, const struct consumer_queue_work *works,
                       size_t count)
{
    lock(self);
    for (size_t i = 0; i < count; i++) {
        let_go(works[i].frame);
    }
    unlock(self);
}

void
consumer_queue_done(consumer_queue_t *self, const struct consumer_queue_work *works, size_t count)
{
    consumer_queue_release(self, works, count);
    lock(self);
    self->busy_since_ms = 0;
    unlock(self);
}

void
consumer_queue_stop(consumer_queue_t *self)
{
    lock(self);
    self->stopped = true;
    CHECK(pthread_cond_broadcast(&self->work_came) == 0);
    unlock(self);
    wake(self);
}

bool
consumer_queue_stopped(consumer_queue_t *self)
{
    lock(self);
    bool stopped = self->stopped;
    unlock(self);
    return stopped;
}

size_t
consumer_queue_waiting(consumer_queue_t *self)
{
    lock(self);
    size_t waiting = self->count;
    unlock(self);
    return waiting;
}
