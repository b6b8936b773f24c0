#include "order_shell.h"

#include "order_core.h"
#include "order_counters.h"
#include "order_db.h"
#include "order_front.h"
#include "order_parts.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/err_name.h"
#include "base/mem.h"
#include "client/herald_consumer.h"
#include "runtime/logger.h"
#include "runtime/shell.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>

#define STEP_WAIT_MS 100 /* a signal is noticed within it */

typedef err_t order_db_fn(order_db_t *db, const struct order_db_batch *batch, struct why *why);

struct order_shell {
    const struct order_settings *settings; /* borrowed */
    order_db_t *db;                        /* NULL: it could not be opened (again) */
    uint8_t identity[ORDER_DB_IDENTITY_BYTES];
    struct order_item items[HERALD_CONSUMER_BATCH_MAX];
    struct order_answer answers[HERALD_CONSUMER_BATCH_MAX];
    herald_consumer_t *consumer; /* NULL: the database was never open, so that we are nobody yet */
    order_front_t *front;
    struct why why;        /* of the latest fault */
    struct why told;       /* of the latest that was logged */
    bool renew_identity;   /* once the database is open */
    pthread_mutex_t mutex; /* guards core and consumer: the front door's thread reads them */
    struct order_core core;
};

/* A fault that lasts is told once, and again when another sentence says why. */
static enum order_core_state
fault(order_shell_t *self, err_t err, const char *doing)
{
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    enum order_core_state before = self->core.state;
    enum order_core_state state = order_core_fault(&self->core, err, clock_mono_ms());
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
    if (before == state && strcmp(self->why.text, self->told.text) == 0) {
        return state;
    }
    self->told = self->why;
    LOGGER_EVENT(state == ORDER_CORE_ENDED ? LOGGER_ERROR : LOGGER_WARN, "database_fault",
                 LOGGER_TEXT("doing", doing), LOGGER_TEXT("error", err_name(err)),
                 LOGGER_TEXT("why", self->why.text),
                 LOGGER_TEXT("state", order_core_state_name(state)));
    return state;
}

static err_t
open_database(order_shell_t *self, struct why *why)
{
    const struct order_db_options options = order_parts_database(self->settings);
    return order_db_open(&self->db, &options, why);
}

/* The database that we said HELLO with, or none. */
static err_t
open_again(order_shell_t *self)
{
    err_t rc = open_database(self, &self->why);
    if (rc == ERR_OK &&
        memcmp(order_db_identity(self->db), self->identity, sizeof self->identity) != 0) {
        order_db_close(&self->db);
        rc = why_set(&self->why, ERR_CONFLICT, "%s is another database than before",
                     self->settings->database);
    }
    return rc;
}

static void
reopened(order_shell_t *self)
{
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    order_core_reopened(&self->core);
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
    self->told.text[0] = '\0';
    LOGGER_EVENT(LOGGER_INFO, "database_opened_again",
                 LOGGER_TEXT("database", self->settings->database));
}

/* WAITING, and the pause is over: SERVING again when the database can be opened. */
static void
tend(order_shell_t *self)
{
    if (!order_core_may_reopen(&self->core, clock_mono_ms())) {
        return;
    }
    err_t rc = self->db == NULL ? open_again(self) : ERR_OK;
    if (rc != ERR_OK) {
        (void)fault(self, rc, "opening it again");
        return;
    }
    reopened(self);
}

static void
all_down(order_shell_t *self, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order_answer_set(&self->answers[i], ORDER_ANSWER_DOWN, "%s", self->why.text);
    }
}

/* True: the answers are to be given. */
static bool
ask_database(order_shell_t *self, order_db_fn *what, size_t count)
{
    if (self->core.state == ORDER_CORE_ENDED) {
        return false;
    }
    tend(self);
    if (self->core.state == ORDER_CORE_WAITING) {
        all_down(self, count);
        return true;
    }
    if (self->core.state == ORDER_CORE_ENDED) {
        return false;
    }
    const struct order_db_batch batch = {
        .items = self->items,
        .answers = self->answers,
        .count = count,
        .now_unix_ms = clock_unix_ms(),
    };
    err_t rc = what(self->db, &batch, &self->why);
    if (rc == ERR_OK) {
        return true;
    }
    order_db_close(&self->db);
    if (fault(self, rc, "a batch") == ORDER_CORE_ENDED) {
        return false;
    }
    if (rc == ERR_AGAIN) {
        return true; /* DOWN, all of them; the pause decides when it is tried again */
    }
    struct why before = self->why;
    if (open_again(self) != ERR_OK) {
        return false; /* the pause decides when it is tried again, and what its fault means */
    }
    self->why = before;
    all_down(self, count);
    return true;
}

static void
translate(const struct order_answer *from, struct herald_consumer_answer *to)
{
    static const enum herald_consumer_outcome outcomes[] = {
        [ORDER_ANSWER_DONE] = HERALD_CONSUMER_DONE,
        [ORDER_ANSWER_DUPLICATE] = HERALD_CONSUMER_DUPLICATE,
        [ORDER_ANSWER_RETRY] = HERALD_CONSUMER_RETRY,
        [ORDER_ANSWER_DOWN] = HERALD_CONSUMER_DOWN,
        [ORDER_ANSWER_REJECT] = HERALD_CONSUMER_REJECT,
        [ORDER_ANSWER_FENCED] = HERALD_CONSUMER_FENCED,
        [ORDER_ANSWER_UNDONE] = HERALD_CONSUMER_UNDONE,
    };
    static_assert(sizeof outcomes / sizeof outcomes[0] == ORDER_ANSWER_OUTCOME_COUNT,
                  "every answer has its outcome");
    static_assert(sizeof from->reason == sizeof to->reason, "a reason is copied whole");
    to->outcome = outcomes[from->outcome];
    memcpy(to->reason, from->reason, sizeof to->reason);
}

static bool
handle(order_shell_t *self, order_db_fn *what, const struct herald_consumer_delivery *deliveries,
       struct herald_consumer_answer *answers, size_t count)
{
    CHECK(count <= HERALD_CONSUMER_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct herald_consumer_delivery *delivery = &deliveries[i];
        self->items[i] = (struct order_item){
            .biz_id = delivery->biz_id,
            .biz_id_size = delivery->biz_id_size,
            .topic = delivery->topic,
            .topic_size = delivery->topic_size,
            .payload = delivery->payload,
            .payload_size = delivery->payload_size,
            .version = delivery->version,
        };
    }
    if (!ask_database(self, what, count)) {
        return false;
    }
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    order_core_count(&self->core, self->answers, count);
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
    for (size_t i = 0; i < count; i++) {
        translate(&self->answers[i], &answers[i]);
    }
    return true;
}

static bool
on_apply(void *context, const struct herald_consumer_delivery *deliveries,
         struct herald_consumer_answer *answers, size_t count)
{
    return handle(context, order_db_apply, deliveries, answers, count);
}

static bool
on_fence(void *context, const struct herald_consumer_delivery *deliveries,
         struct herald_consumer_answer *answers, size_t count)
{
    return handle(context, order_db_fence, deliveries, answers, count);
}

static bool
on_undo(void *context, const struct herald_consumer_delivery *deliveries,
        struct herald_consumer_answer *answers, size_t count)
{
    return handle(context, order_db_undo, deliveries, answers, count);
}

static void
on_event(void *context, const char *event, const char *detail)
{
    (void)context; /* the logger is the process's */
    bool good = strcmp(event, "joined") == 0 || strcmp(event, "recovered") == 0;
    LOGGER_EVENT(good ? LOGGER_INFO : LOGGER_WARN, event, LOGGER_TEXT("detail", detail));
}

static uint32_t
count_all(void *context, struct wire_counter *counters, uint32_t max)
{
    order_shell_t *self = context;
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    struct order_core core = self->core;
    herald_consumer_t *consumer = self->consumer; /* set once */
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
    struct herald_consumer_counts counts = {0};
    if (consumer != NULL) {
        herald_consumer_count(consumer, &counts);
    }
    return order_counters_fill(&core, &counts, counters, max);
}

/* The database is open for the first time: now we know who we are, and begin to receive. */
static err_t
join(order_shell_t *self, struct why *why)
{
    if (self->renew_identity) {
        err_t rc = order_db_renew_identity(self->db, why);
        if (rc != ERR_OK) {
            order_db_close(&self->db);
            return rc;
        }
        self->renew_identity = false;
    }
    memcpy(self->identity, order_db_identity(self->db), sizeof self->identity);
    struct herald_consumer_options options = order_parts_consumer(self->settings);
    options.identity = self->identity;
    options.context = self;
    options.apply = on_apply;
    options.fence = on_fence;
    options.undo = on_undo;
    options.event = on_event;
    herald_consumer_t *consumer = NULL;
    err_t rc = herald_consumer_new(&consumer, &options, why);
    CHECK(pthread_mutex_lock(&self->mutex) == 0);
    self->consumer = consumer;
    CHECK(pthread_mutex_unlock(&self->mutex) == 0);
    return rc;
}

/* As tend, for a database that was away when we started. */
static void
come_up(order_shell_t *self)
{
    if (!order_core_may_reopen(&self->core, clock_mono_ms())) {
        (void)poll(NULL, 0, STEP_WAIT_MS); /* woken early is as good */
        return;
    }
    /* Open already: that there was no descriptor left for receiving keeps us waiting. */
    err_t rc = self->db == NULL ? open_database(self, &self->why) : ERR_OK;
    if (rc == ERR_OK) {
        rc = join(self, &self->why);
    }
    if (rc == ERR_OK) {
        reopened(self);
    } else {
        (void)fault(self, rc, "opening it");
    }
}

static err_t
open_parts(order_shell_t *self, struct why *why)
{
    err_t rc = open_database(self, why);
    if (rc == ERR_AGAIN) { /* a server that may still come */
        self->why = *why;
        (void)fault(self, rc, "opening it");
        rc = ERR_OK;
    }
    if (rc == ERR_OK) {
        const struct order_front_options front = order_parts_front(self->settings);
        rc = order_front_open(&self->front, &front, why);
    }
    if (rc == ERR_OK && self->db != NULL) {
        rc = join(self, why);
    }
    if (rc == ERR_OK) {
        order_front_start(self->front, count_all, self);
    }
    return rc;
}

err_t
order_shell_open(order_shell_t **self_p, const struct order_settings *settings, bool renew_identity,
                 struct why *why)
{
    CHECK(self_p != NULL && *self_p == NULL);
    order_shell_t *self = mem_zeroed(sizeof *self);
    self->settings = settings;
    self->renew_identity = renew_identity;
    CHECK(pthread_mutex_init(&self->mutex, NULL) == 0);
    order_core_init(&self->core);
    err_t rc = open_parts(self, why);
    if (rc != ERR_OK) {
        order_shell_close(&self);
        return rc;
    }
    *self_p = self;
    return ERR_OK;
}

void
order_shell_close(order_shell_t **self_p)
{
    order_shell_t *self = *self_p;
    if (self == NULL) {
        return;
    }
    order_front_close(&self->front); /* before what it counts */
    herald_consumer_destroy(&self->consumer);
    order_db_close(&self->db);
    CHECK(pthread_mutex_destroy(&self->mutex) == 0);
    mem_free(self);
    *self_p = NULL;
}

err_t
order_shell_run(order_shell_t *self, struct why *why)
{
    while (!shell_stopping() && self->core.state != ORDER_CORE_ENDED) {
        if (self->consumer == NULL) {
            come_up(self);
            continue;
        }
        (void)herald_consumer_step(self->consumer, STEP_WAIT_MS);
        if (self->core.state == ORDER_CORE_WAITING) {
            tend(self);
        }
    }
    if (self->core.state != ORDER_CORE_ENDED) {
        return ERR_OK;
    }
    bool lost = self->core.fault == ERR_IO || self->core.fault == ERR_DENIED;
    return why_set(why, lost ? ERR_LOST : self->core.fault, "%s: %s", self->settings->database,
                   self->why.text);
}
