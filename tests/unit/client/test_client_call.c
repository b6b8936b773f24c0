#include "client/client_call.h"

#include "fake_producer.h"
#include "wire/wire_query.h"
#include "wire/wire_session.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static err_t
ask(client_call_t *call, uint32_t timeout_ms, struct wire_in *in, struct wire_head *head,
    struct why *why)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    uint64_t request = client_call_request(call);
    struct wire_ids_out ids = wire_query_begin(&out, request);
    wire_ids_add(&ids, "known", 5);
    wire_ids_end(&ids);
    size_t size = 0;
    uint8_t *body = wire_out_take(&out, &size);
    return client_call(call, request, body, size, timeout_ms, in, head, why);
}

Test(client_call, the_answer_is_open_to_be_decoded)
{
    struct fake_producer *producer = calloc(1, sizeof *producer);
    fake_producer_init(producer);
    fake_producer_start(producer);
    client_call_t *call = NULL;
    cr_assert_eq(client_call_new(&call, producer->endpoint, NULL), ERR_OK);
    struct wire_in in;
    struct wire_head head;
    struct why why;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ask(call, 5000, &in, &head, &why), ERR_OK, "%s", why.text);
        cr_assert_eq(head.type, WIRE_ANSWER);
        cr_assert_eq(wire_answer_open(&in), 1U);
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
    cr_assert_eq(client_call_new(&call, producer->endpoint, NULL), ERR_OK);
    struct wire_in in;
    struct wire_head head;
    struct why why;
    cr_assert_eq(ask(call, 60, &in, &head, &why), ERR_TIMEOUT);
    cr_assert_neq(strstr(why.text, producer->endpoint), NULL, "%s", why.text);
    producer->silent = 1;
    fake_producer_start(producer);
    cr_assert_eq(ask(call, 1000, &in, &head, &why), ERR_TIMEOUT);
    cr_assert_neq(strstr(why.text, "no answer"), NULL, "%s", why.text);
    cr_assert_eq(ask(call, 5000, &in, &head, &why), ERR_OK);
    cr_assert_eq(head.request, 3U);
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
    cr_assert_eq(client_call_new(&call, producer->endpoint, NULL), ERR_OK);
    const struct wire_cancel cancel = {.biz_id = {"unknown", 7}, .by = {"ann", 3}};
    struct wire_out out;
    wire_out_init(&out, 128);
    uint64_t request = client_call_request(call);
    wire_cancel_encode(&out, request, &cancel);
    size_t size = 0;
    uint8_t *body = wire_out_take(&out, &size);
    struct wire_in in;
    struct wire_head head;
    struct why why;
    cr_assert_eq(client_call(call, request, body, size, 5000, &in, &head, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "NOT_FOUND: no such biz_id");
    client_call_destroy(&call);
    fake_producer_fini(producer);
    free(producer);
}

Test(client_call, what_is_no_endpoint_is_refused)
{
    client_call_t *call = NULL;
    struct why why;
    cr_assert_eq(client_call_new(&call, "nonsense", &why), ERR_INVALID);
    cr_assert_eq(call, NULL);
}
