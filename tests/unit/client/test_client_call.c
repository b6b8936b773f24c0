#include "client/client_call.h"

#include "base/check.h"
#include "fake_producer.h"
#include "seal_fixture.h"
#include "wire/wire_query.h"
#include "wire/wire_session.h"
#include "wire/wire_socket.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static err_t
ask(client_call_t *call, uint32_t timeout_ms, struct client_call_answer *answer, struct why *why)
{
    struct client_call_question question = {
        .request = client_call_request(call),
        .timeout_ms = timeout_ms,
    };
    struct wire_out out;
    wire_out_init(&out, 128);
    struct wire_ids_out ids = wire_query_begin(&out, question.request);
    wire_ids_add(&ids, "known", 5);
    wire_ids_end(&ids);
    question.body = wire_out_take(&out, &question.size);
    return client_call(call, &question, answer, why);
}

static const struct wire_bytes no_key = {NULL, 0};

Test(client_call, the_answer_is_open_to_be_decoded)
{
    struct fake_producer *producer = calloc(1, sizeof *producer);
    fake_producer_init(producer);
    fake_producer_start(producer);
    client_call_t *call = NULL;
    cr_assert_eq(client_call_new(&call, producer->endpoint, NULL, no_key, NULL), ERR_OK);
    struct client_call_answer answer;
    struct why why;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ask(call, 5000, &answer, &why), ERR_OK, "%s", why.text);
        cr_assert_eq(answer.head.type, WIRE_ANSWER);
        cr_assert_eq(wire_answer_open(&answer.in), 1U);
    }
    client_call_destroy(&call);
    cr_assert_eq(call, NULL);
    fake_producer_fini(producer);
    free(producer);
}

Test(client_call, a_late_answer_is_not_taken_for_the_next_one)
{
    struct fake_producer *producer = calloc(1, sizeof *producer);
    fake_producer_init(producer);
    client_call_t *call = NULL;
    cr_assert_eq(client_call_new(&call, producer->endpoint, NULL, no_key, NULL), ERR_OK);
    struct client_call_answer answer;
    struct why why;
    cr_assert_eq(ask(call, 60, &answer, &why), ERR_TIMEOUT);
    cr_assert_neq(strstr(why.text, producer->endpoint), NULL, "%s", why.text);
    producer->silent = 1;
    fake_producer_start(producer);
    cr_assert_eq(ask(call, 1000, &answer, &why), ERR_TIMEOUT);
    cr_assert_neq(strstr(why.text, "no answer"), NULL, "%s", why.text);
    cr_assert_eq(ask(call, 5000, &answer, &why), ERR_OK);
    cr_assert_eq(answer.head.request, 3U);
    client_call_destroy(&call);
    fake_producer_fini(producer);
    free(producer);
}

Test(client_call, the_words_of_an_error_come_through)
{
    struct fake_producer *producer = calloc(1, sizeof *producer);
    fake_producer_init(producer);
    fake_producer_start(producer);
    client_call_t *call = NULL;
    cr_assert_eq(client_call_new(&call, producer->endpoint, NULL, no_key, NULL), ERR_OK);
    const struct wire_cancel cancel = {.biz_id = {"unknown", 7}, .by = {"ann", 3}};
    struct wire_out out;
    wire_out_init(&out, 128);
    struct client_call_question question = {
        .request = client_call_request(call),
        .timeout_ms = 5000,
    };
    wire_cancel_encode(&out, question.request, &cancel);
    question.body = wire_out_take(&out, &question.size);
    struct client_call_answer answer;
    struct why why;
    cr_assert_eq(client_call(call, &question, &answer, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "NOT_FOUND: no such biz_id");
    client_call_destroy(&call);
    fake_producer_fini(producer);
    free(producer);
}

Test(client_call, what_is_no_endpoint_is_refused)
{
    client_call_t *call = NULL;
    struct why why;
    cr_assert_eq(client_call_new(&call, "nonsense", NULL, no_key, &why), ERR_INVALID);
    cr_assert_eq(call, NULL);
}

/* A server that takes a question, and lets nobody in any more. */
struct closing {
    struct seal_fixture keys;
    seal_t *seal;
    void *context;
    void *front;
    char endpoint[SEAL_PATH_BYTES];
};

static void
closing_refused(void *context, const struct seal_refused *refused)
{
    (void)context;
    (void)refused; /* the client tells of it */
}

static void
closing_bind(struct closing *self)
{
    self->front = wire_socket_new(self->context, WIRE_SOCKET_FRONT, 0, 4);
    CHECK(seal_bind(self->seal, self->front, SEAL_FRONT, NULL) == ERR_OK);
    CHECK(wire_socket_bind(self->front, self->endpoint, false, NULL) == ERR_OK);
}

static void *
closing_run(void *closing)
{
    struct closing *self = closing;
    zmq_pollitem_t item = {.socket = self->front, .events = ZMQ_POLLIN};
    CHECK(zmq_poll(&item, 1, 20000) == 1);
    struct why said;
    char entry[256];
    seal_fixture_write(&self->keys, "allowed.zpl",
                       seal_fixture_entry("shop", "submit", self->keys.stranger, entry), 0644);
    CHECK(seal_reload(self->seal, &said) == ERR_OK);
    wire_socket_close(&self->front);
    closing_bind(self);
    return NULL;
}

Test(client_call, a_key_that_is_refused_since_the_question_has_left_is_told_so, .timeout = 120)
{
    static struct closing server;
    pthread_t thread;
    seal_fixture_open(&server.keys);
    (void)snprintf(server.endpoint, sizeof server.endpoint, "ipc://%s/front",
                   server.keys.directory); /* fits */
    server.context = zmq_ctx_new();
    const struct seal_settings settings = {
        .directory = server.keys.directory, .context = server.context, .refused = closing_refused};
    cr_assert_eq(seal_open(&server.seal, &settings, NULL), ERR_OK);
    closing_bind(&server);
    client_call_t *call = NULL;
    const struct wire_bytes key = {seal_public(server.seal), SEAL_KEY_BYTES};
    cr_assert_eq(client_call_new(&call, server.endpoint, server.keys.submit, key, NULL), ERR_OK);
    cr_assert_eq(pthread_create(&thread, NULL, closing_run, &server), 0);
    struct client_call_answer answer;
    struct why why;
    cr_assert_eq(ask(call, 60000, &answer, &why), ERR_DENIED, "%s", why.text);
    cr_assert_not_null(strstr(why.text, "refuses our key"), "%s", why.text);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    client_call_destroy(&call);
    wire_socket_close(&server.front);
    seal_close(&server.seal);
    cr_assert_eq(zmq_ctx_term(server.context), 0);
    (void)unlink(server.endpoint + strlen("ipc://")); /* its socket's name, if it is there */
    seal_fixture_close(&server.keys);
}
