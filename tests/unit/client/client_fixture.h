/* What the tests of the client share: a fake producer, a client of it, and what it was called with.
 */
#ifndef HERALD_TESTS_CLIENT_FIXTURE_H
#define HERALD_TESTS_CLIENT_FIXTURE_H

#include "client/herald_client.h"
#include "fake_producer.h"

#define FIXTURE_TAGS 8192

struct client_fixture {
    struct fake_producer producer;
    herald_client_t *client;
    uint32_t answered_count;
    uint32_t answers[FIXTURE_TAGS]; /* of each tag */
    struct herald_client_result last[FIXTURE_TAGS];
    uint32_t event_count;
    struct herald_client_event event; /* the last; biz_id and subscription are copied below */
    char event_biz_id[LIMIT_BIZ_ID_BYTES + 1];
};

/* options->producer and the callbacks are filled in. */
struct client_fixture *client_fixture_new(struct herald_client_options options, bool start);
/* With a producer of these keys, which is there; options.keys names a directory for the client. */
struct client_fixture *client_fixture_new_sealed(struct herald_client_options options,
                                                 const seal_secret_t *producer);
void client_fixture_destroy(struct client_fixture *self);

struct herald_client_notification client_fixture_notification(const char *topic,
                                                              const char *biz_id);
/* Step until so many asynchronous submits or events were told of, at most 10 s. */
void client_fixture_await(struct client_fixture *self, uint32_t answered_count,
                          uint32_t event_count);
/* Hand over `count` with biz_ids "id-0"..., tags from 0; steps when the window is full. */
void client_fixture_submit(struct client_fixture *self, const char *topic, uint32_t count);

#endif
