/*
 * stress_threads PRODUCER GROUP TOPIC SUBMITTERS RECEIVERS COUNT [KEYS]
 *
 * KEYS: what `heraldctl keygen` has made; without it there is no CURVE.
 *
 * Many threads of one process on one Herald: each submitter with a client of its own submits COUNT
 * notifications asynchronously, and watches a part of them; each receiver, with a consumer of its
 * own, applies what comes, is now and then slow, says RETRY, or hands a batch back by stopping.
 *
 * Ends with 0 when every notification was accepted and applied, and each watch told its end. What
 * comes twice is counted and harmless: these receivers keep no database.
 */
#include "base/check.h"
#include "base/mem.h"
#include "client/herald_client.h"
#include "client/herald_consumer.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SUBMITTERS_MAX 16
#define RECEIVERS_MAX 16
#define COUNT_MAX 100000
#define PATIENCE_S 240
#define WATCHED_EACH 64

static const char *producer;
static const char *group;
static const char *topic;
static unsigned count;          /* of each submitter */
static const char *submit_keys; /* directories; NULL: without CURVE */
static const char *consume_keys;
static atomic_uchar *applied;
static atomic_uint distinct; /* applied at least once */
static atomic_uint repeated;
static atomic_uint told; /* ends that watches have told */
static atomic_bool ending;

struct submitter {
    pthread_t thread;
    unsigned number;
    unsigned accepted;
    unsigned watched;
    bool good;
};

struct receiver {
    pthread_t thread;
    unsigned number;
    unsigned calls;
};

static int64_t
now_s(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec;
}

static void
submitted(void *context, uint64_t tag, const struct herald_client_result *result)
{
    struct submitter *self = context;
    (void)tag; /* none is asked for again by its tag */
    if (result->status == HERALD_CLIENT_ACCEPTED || result->status == HERALD_CLIENT_DUPLICATE) {
        self->accepted++;
    }
}

static void
event(void *context, const struct herald_client_event *event)
{
    (void)context;
    if (strcmp(event->state_name, "DONE") == 0) {
        (void)atomic_fetch_add(&told, 1);
    }
}

static bool
submit_all(struct submitter *self, herald_client_t *client, int64_t end_s)
{
    for (unsigned i = 0; i < count && now_s() < end_s;) {
        char biz_id[32];
        (void)snprintf(biz_id, sizeof biz_id, "%u", self->number * count + i); /* fits */
        struct herald_client_notification notification = {
            .topic = topic,
            .biz_id = biz_id,
            .payload = biz_id,
            .payload_size = strlen(biz_id),
            .version = 1,
        };
        err_t rc = herald_client_submit_async(client, &notification, i, NULL);
        CHECK(rc == ERR_OK || rc == ERR_FULL);
        i += rc == ERR_OK ? 1 : 0;
        if (rc == ERR_FULL || i % 256 == 0) {
            (void)herald_client_step(client, rc == ERR_FULL ? 50 : 0);
        }
    }
    while (herald_client_pending(client) > 0 && now_s() < end_s) {
        (void)herald_client_step(client, 100);
    }
    return self->accepted == count;
}

static void *
submitter_run(void *arg)
{
    struct submitter *self = arg;
    int64_t end_s = now_s() + PATIENCE_S;
    struct herald_client_options options = {
        .producer = producer,
        .name = "stress",
        .keys = submit_keys,
        .timeout_ms = 60000,
        .sends = 60,
        .context = self,
        .submitted = submitted,
        .event = event,
    };
    herald_client_t *client = NULL;
    CHECK(herald_client_new(&client, &options, NULL) == ERR_OK);
    self->good = submit_all(self, client, end_s);
    char ids[WATCHED_EACH][32];
    const char *watched[WATCHED_EACH];
    unsigned watch_count = count < WATCHED_EACH ? count : WATCHED_EACH;
    for (unsigned i = 0; i < watch_count; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%u",
                       self->number * count + count - 1 - i); /* fits */
        watched[i] = ids[i];
    }
    struct why why = {{0}};
    err_t rc = herald_client_watch(client, watched, watch_count, &why);
    if (rc != ERR_OK) {
        printf("submitter %u cannot watch: %s\n", self->number, why.text);
        self->good = false;
    }
    self->watched = watch_count;
    while (self->good && !atomic_load(&ending) && now_s() < end_s) {
        (void)herald_client_step(client, 50);
    }
    herald_client_destroy(&client);
    return NULL;
}

static bool
apply(void *context, const struct herald_consumer_delivery *deliveries,
      struct herald_consumer_answer *answers, size_t size)
{
    struct receiver *self = context;
    self->calls++;
    for (size_t i = 0; i < size; i++) {
        char biz_id[32] = "";
        CHECK(deliveries[i].biz_id_size < sizeof biz_id);
        memcpy(biz_id, deliveries[i].biz_id, deliveries[i].biz_id_size);
        unsigned long number = strtoul(biz_id, NULL, 10);
        CHECK(number < (unsigned long)SUBMITTERS_MAX * COUNT_MAX);
        CHECK(deliveries[i].payload_size == deliveries[i].biz_id_size &&
              memcmp(deliveries[i].payload, biz_id, deliveries[i].payload_size) == 0);
        if (number % 1000 == 999 && deliveries[i].attempt == 1 && deliveries[i].turn == 1) {
            answers[i].outcome = HERALD_CONSUMER_RETRY;
            continue;
        }
        answers[i].outcome = HERALD_CONSUMER_DONE;
        (void)atomic_fetch_add(atomic_fetch_add(&applied[number], 1) == 0 ? &distinct : &repeated,
                               1);
    }
    return true;
}

/* Comes and goes: what it leaves behind is delivered to somebody else. */
static void *
receiver_run(void *arg)
{
    struct receiver *self = arg;
    char name[32];
    (void)snprintf(name, sizeof name, "stress-%u", self->number); /* fits */
    while (!atomic_load(&ending)) {
        struct herald_consumer_options options = {
            .producer = producer,
            .group = group,
            .name = name,
            .keys = consume_keys,
            .context = self,
            .apply = apply,
            .batch_max = self->number % 2 == 0 ? 0 : 50,
        };
        herald_consumer_t *consumer = NULL;
        CHECK(herald_consumer_new(&consumer, &options, NULL) == ERR_OK);
        for (unsigned i = 0; i < 200 && !atomic_load(&ending); i++) {
            struct herald_consumer_counts counts;
            (void)herald_consumer_step(consumer, 50);
            herald_consumer_count(consumer, &counts);
        }
        herald_consumer_destroy(&consumer);
    }
    return NULL;
}

static bool
wait_for_ends(const struct submitter *submitters, unsigned submitter_count)
{
    unsigned wanted = submitter_count * count;
    unsigned watched = submitter_count * (count < WATCHED_EACH ? count : WATCHED_EACH);
    int64_t end_s = now_s() + PATIENCE_S;
    (void)submitters; /* their threads still write there */
    while (now_s() < end_s && (atomic_load(&distinct) < wanted || atomic_load(&told) < watched)) {
        struct timespec pause = {.tv_nsec = 20000000};
        (void)nanosleep(&pause, NULL); /* looked at again in any case */
    }
    printf("%u of %u applied, %u again; %u of %u watched were told\n", atomic_load(&distinct),
           wanted, atomic_load(&repeated), atomic_load(&told), watched);
    return atomic_load(&distinct) == wanted && atomic_load(&told) >= watched;
}

/* Each role has keys of its own. */
static void
use_keys(const char *directory)
{
    static char submit[PATH_MAX];
    static char consume[PATH_MAX];
    CHECK(snprintf(submit, sizeof submit, "%s/submit", directory) < PATH_MAX);
    CHECK(snprintf(consume, sizeof consume, "%s/consume", directory) < PATH_MAX);
    submit_keys = submit;
    consume_keys = consume;
}

int
main(int argc, char **argv)
{
    if (argc != 7 && argc != 8) {
        (void)fprintf(stderr, "stress_threads PRODUCER GROUP TOPIC SUBMITTERS RECEIVERS COUNT"
                              " [KEYS]\n");
        return 64;
    }
    if (argc == 8) {
        use_keys(argv[7]);
    }
    producer = argv[1];
    group = argv[2];
    topic = argv[3];
    unsigned submitter_count = (unsigned)strtoul(argv[4], NULL, 10);
    unsigned receiver_count = (unsigned)strtoul(argv[5], NULL, 10);
    count = (unsigned)strtoul(argv[6], NULL, 10);
    CHECK(submitter_count <= SUBMITTERS_MAX && receiver_count <= RECEIVERS_MAX &&
          count <= COUNT_MAX);
    applied = mem_zeroed(sizeof *applied * SUBMITTERS_MAX * COUNT_MAX);
    static struct submitter submitters[SUBMITTERS_MAX];
    static struct receiver receivers[RECEIVERS_MAX];
    for (unsigned i = 0; i < receiver_count; i++) {
        receivers[i].number = i;
        CHECK(pthread_create(&receivers[i].thread, NULL, receiver_run, &receivers[i]) == 0);
    }
    for (unsigned i = 0; i < submitter_count; i++) {
        submitters[i].number = i;
        CHECK(pthread_create(&submitters[i].thread, NULL, submitter_run, &submitters[i]) == 0);
    }
    bool good = wait_for_ends(submitters, submitter_count);
    atomic_store(&ending, true);
    for (unsigned i = 0; i < submitter_count; i++) {
        CHECK(pthread_join(submitters[i].thread, NULL) == 0);
        if (!submitters[i].good) {
            printf("submitter %u: %u of %u accepted\n", i, submitters[i].accepted, count);
            good = false;
        }
    }
    for (unsigned i = 0; i < receiver_count; i++) {
        CHECK(pthread_join(receivers[i].thread, NULL) == 0);
    }
    mem_free(applied);
    return good ? 0 : 1;
}
