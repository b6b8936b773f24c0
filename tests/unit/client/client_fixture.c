#include "client_fixture.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static void
submitted(void *context, uint64_t tag, const struct herald_client_result *result)
{
    struct client_fixture *self = context;
    CHECK(tag < FIXTURE_TAGS);
    self->answered_count++;
    self->answers[tag]++;
    self->last[tag] = *result;
}

static void
told(void *context, const struct herald_client_event *event)
{
    struct client_fixture *self = context;
    self->event_count++;
    self->event = *event;
    (void)snprintf(self->event_biz_id, sizeof self->event_biz_id, "%s", event->biz_id); /* fits */
}

static struct client_fixture *
fixture_new(struct herald_client_options options, bool start, const seal_secret_t *producer)
{
    struct client_fixture *self = mem_zeroed(sizeof *self);
    fake_producer_init(&self->producer);
    self->producer.secret = producer;
    options.producer = self->producer.endpoint;
    options.context = self;
    options.submitted = submitted;
    options.event = told;
    if (start) { /* first: a client that found nobody looks again after 100 ms only */
        fake_producer_start(&self->producer);
    }
    struct why why;
    CHECK(herald_client_new(&self->client, &options, &why) == ERR_OK);
    return self;
}

struct client_fixture *
client_fixture_new(struct herald_client_options options, bool start)
{
    return fixture_new(options, start, NULL);
}

struct client_fixture *
client_fixture_new_sealed(struct herald_client_options options, const seal_secret_t *producer)
{
    return fixture_new(options, true, producer);
}

void
client_fixture_destroy(struct client_fixture *self)
{
    herald_client_destroy(&self->client);
    fake_producer_fini(&self->producer);
    mem_free(self);
}

struct herald_client_notification
client_fixture_notification(const char *topic, const char *biz_id)
{
    return (struct herald_client_notification){
        .topic = topic, .biz_id = biz_id, .payload = "{}", .payload_size = 2, .version = 1};
}

void
client_fixture_await(struct client_fixture *self, uint32_t answered_count, uint32_t event_count)
{
    int64_t limit_ms = clock_mono_ms() + 10000;
    while ((self->answered_count < answered_count || self->event_count < event_count) &&
           clock_mono_ms() < limit_ms) {
        (void)herald_client_step(self->client, 20); /* the counts say it */
    }
}

void
client_fixture_submit(struct client_fixture *self, const char *topic, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char biz_id[32];
        (void)snprintf(biz_id, sizeof biz_id, "id-%u", i); /* fits */
        struct herald_client_notification notification = client_fixture_notification(topic, biz_id);
        struct why why;
        err_t rc = herald_client_submit_async(self->client, &notification, i, &why);
        for (int tries = 0; rc == ERR_FULL && tries < 500; tries++) {
            (void)herald_client_step(self->client, 20); /* makes room */
            rc = herald_client_submit_async(self->client, &notification, i, &why);
        }
        CHECK(rc == ERR_OK);
    }
}
