#include "consumer_fixture.h"

#include "base/clock.h"

#include <string.h>

static bool
answer_all(struct consumer_fixture *self, const struct herald_consumer_delivery *deliveries,
           struct herald_consumer_answer *answers, size_t count)
{
    self->last_count = count;
    memcpy(self->last_biz_id, deliveries[count - 1].biz_id, deliveries[count - 1].biz_id_size);
    self->last_biz_id[deliveries[count - 1].biz_id_size] = '\0';
    if (self->working) {
        herald_consumer_working(self->consumer);
    }
    int64_t until_ms = clock_mono_ms() + FAKE_SENDER_WAIT_MS;
    while (!atomic_load(&self->gate) && clock_mono_ms() < until_ms) {
        (void)zmq_poll(NULL, 0, 2);
    }
    for (size_t i = 0; i < count; i++) {
        answers[i] = self->answer;
    }
    return !self->silent;
}

static bool
on_apply(void *context, const struct herald_consumer_delivery *deliveries,
         struct herald_consumer_answer *answers, size_t count)
{
    struct consumer_fixture *self = context;
    self->applied += count;
    return answer_all(self, deliveries, answers, count);
}

static bool
on_fence(void *context, const struct herald_consumer_delivery *deliveries,
         struct herald_consumer_answer *answers, size_t count)
{
    struct consumer_fixture *self = context;
    self->fenced += count;
    return answer_all(self, deliveries, answers, count);
}

static bool
on_undo(void *context, const struct herald_consumer_delivery *deliveries,
        struct herald_consumer_answer *answers, size_t count)
{
    struct consumer_fixture *self = context;
    self->undone += count;
    return answer_all(self, deliveries, answers, count);
}

static void
on_event(void *context, const char *event, const char *detail)
{
    struct consumer_fixture *self = context;
    (void)detail; /* for people */
    const struct {
        const char *event;
        atomic_int *count;
    } counted[] = {{"joined", &self->joined},
                   {"lost", &self->lost},
                   {"refused", &self->refused},
                   {"hung", &self->hung},
                   {"recovered", &self->recovered}};
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        if (strcmp(event, counted[i].event) == 0) {
            atomic_fetch_add(counted[i].count, 1);
        }
    }
}

void
consumer_fixture_init(struct consumer_fixture *self)
{
    memset(self, 0, sizeof *self);
    fake_sender_open(&self->producer);
    atomic_store(&self->gate, true);
    self->answer.outcome = HERALD_CONSUMER_DONE;
    self->options = (struct herald_consumer_options){
        .producer = self->producer.front_endpoint,
        .group = "orders",
        .name = "test-1",
        .context = self,
        .apply = on_apply,
        .fence = on_fence,
        .undo = on_undo,
        .event = on_event,
    };
}

void
consumer_fixture_start(struct consumer_fixture *self)
{
    struct why why = {{0}};
    err_t rc = herald_consumer_new(&self->consumer, &self->options, &why);
    cr_assert_eq(rc, ERR_OK, "%s", why.text);
}

void
consumer_fixture_join(struct consumer_fixture *self)
{
    consumer_fixture_start(self);
    fake_sender_join(&self->producer);
    UNTIL(atomic_load(&self->joined) == 1);
}

void
consumer_fixture_fini(struct consumer_fixture *self)
{
    herald_consumer_destroy(&self->consumer);
    fake_sender_close(&self->producer);
}

struct herald_consumer_counts
consumer_fixture_counts(struct consumer_fixture *self)
{
    struct herald_consumer_counts counts;
    herald_consumer_count(self->consumer, &counts);
    return counts;
}

bool
consumer_fixture_waiting(struct consumer_fixture *self, uint64_t count)
{
    int64_t until_ms = clock_mono_ms() + FAKE_SENDER_WAIT_MS;
    while (consumer_fixture_counts(self).waiting != count && clock_mono_ms() < until_ms) {
        (void)zmq_poll(NULL, 0, 2);
    }
    return consumer_fixture_counts(self).waiting == count;
}
