#include "client_fixture.h"

#include "client/client_host.h"
#include "wire/wire_query.h"

#include <criterion/criterion.h>
#include <string.h>

#define SHORT_MS 120

Test(client_ask, an_answer_has_deliveries_and_attempts_in_the_order_asked)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    const char *const ids[] = {"strange", "known-1", "known-2"};
    struct herald_client_answer answer;
    struct why why;
    cr_assert_eq(herald_client_query(self->client, ids, 3, &answer, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(answer.count, 3U);
    cr_assert(!answer.found[0].found);
    cr_assert_str_eq(answer.found[0].biz_id, "strange");
    const struct herald_client_found *found = &answer.found[2];
    cr_assert(found->found);
    cr_assert_str_eq(found->biz_id, "known-2");
    cr_assert_str_eq(found->topic, "order.paid");
    cr_assert_eq(found->version, 2U);
    cr_assert_eq(found->position, 41U);
    cr_assert_eq(found->received_unix_ms, 1000);
    cr_assert_eq(found->delivery_count, 1U);
    const struct herald_client_delivery *delivery = &found->deliveries[0];
    cr_assert_str_eq(delivery->subscription, "orders");
    cr_assert_str_eq(delivery->group, "order-service");
    cr_assert_str_eq(delivery->state_name, "DONE");
    cr_assert_str_eq(delivery->custodian, "retry-scheduler");
    cr_assert_eq(delivery->turn, 2U);
    cr_assert_eq(delivery->attempts_limit, 5U);
    cr_assert_eq(delivery->left_out, 1U);
    cr_assert_eq(delivery->attempt_count, 2U);
    cr_assert_str_eq(delivery->attempts_list[0].outcome, "RETRY");
    cr_assert_str_eq(delivery->attempts_list[0].reason, "locked");
    cr_assert_str_eq(delivery->attempts_list[0].custodian, "producer");
    cr_assert_eq(delivery->attempts_list[1].number, 2U);
    cr_assert_str_eq(delivery->attempts_list[1].outcome, "DONE");
    cr_assert_str_eq(delivery->attempts_list[1].reason, "");
    herald_client_answer_fini(&answer);
    cr_assert_eq(answer.count, 0U);
    client_fixture_destroy(self);
}

Test(client_ask, too_many_or_empty_biz_ids_are_refused_and_the_answer_is_empty)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    const char *ids[WIRE_QUERY_MAX + 1];
    for (size_t i = 0; i <= WIRE_QUERY_MAX; i++) {
        ids[i] = "known";
    }
    struct herald_client_answer answer;
    struct why why;
    cr_assert_eq(herald_client_query(self->client, ids, WIRE_QUERY_MAX + 1, &answer, &why),
                 ERR_INVALID);
    cr_assert_eq(answer.count, 0U);
    cr_assert_eq(herald_client_query(self->client, ids, 0, &answer, &why), ERR_INVALID);
    ids[0] = "";
    cr_assert_eq(herald_client_query(self->client, ids, 1, &answer, &why), ERR_INVALID);
    ids[0] = "known";
    cr_assert_eq(herald_client_query(self->client, ids, WIRE_QUERY_MAX, &answer, &why), ERR_OK);
    cr_assert_eq(answer.count, (size_t)WIRE_QUERY_MAX);
    herald_client_answer_fini(&answer);
    client_fixture_destroy(self);
}

Test(client_ask, a_question_that_got_lost_is_asked_again)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = 2000, .sends = 20}, true);
    self->producer.silent = 1;
    const char *const ids[] = {"known"};
    struct herald_client_answer answer;
    cr_assert_eq(herald_client_query(self->client, ids, 1, &answer, NULL), ERR_OK);
    herald_client_answer_fini(&answer);
    client_fixture_destroy(self);
}

Test(client_ask, no_answer_is_a_timeout_that_names_the_endpoint)
{
    struct client_fixture *self =
        client_fixture_new((struct herald_client_options){.timeout_ms = SHORT_MS}, false);
    const char *const ids[] = {"known"};
    struct herald_client_answer answer;
    struct why why;
    cr_assert_eq(herald_client_query(self->client, ids, 1, &answer, &why), ERR_TIMEOUT);
    cr_assert_neq(strstr(why.text, "no connection"), NULL, "%s", why.text);
    cr_assert_neq(strstr(why.text, self->producer.endpoint), NULL, "%s", why.text);
    cr_assert_eq(answer.count, 0U);
    self->producer.silent = 1000;
    fake_producer_start(&self->producer);
    const struct herald_client_options patient = {.producer = self->producer.endpoint,
                                                  .timeout_ms = 1000};
    herald_client_destroy(&self->client);
    cr_assert_eq(herald_client_new(&self->client, &patient, NULL), ERR_OK);
    cr_assert_eq(herald_client_query(self->client, ids, 1, &answer, &why), ERR_TIMEOUT);
    cr_assert_neq(strstr(why.text, "no answer from"), NULL, "%s", why.text);
    client_fixture_destroy(self);
}

Test(client_ask, a_question_leaves_asynchronous_submits_their_answers)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    client_fixture_submit(self, "accept", 100);
    const char *const ids[] = {"known"};
    struct herald_client_answer answer;
    cr_assert_eq(herald_client_query(self->client, ids, 1, &answer, NULL), ERR_OK);
    herald_client_answer_fini(&answer);
    client_fixture_await(self, 100, 0);
    cr_assert_eq(self->answered_count, 100U);
    client_fixture_destroy(self);
}

Test(client_ask, cancel_tells_of_each_delivery)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    struct herald_client_cancelled cancelled[LIMIT_SUBSCRIPTIONS];
    size_t count = 99;
    struct why why;
    const struct herald_client_cancel_order order = {
        .biz_id = "order-1",
        .by = "ann",
        .reason = "twice",
    };
    cr_assert_eq(herald_client_cancel(self->client, &order, cancelled, &count, &why), ERR_OK, "%s",
                 why.text);
    cr_assert_eq(count, 2U);
    cr_assert_str_eq(cancelled[0].subscription, "orders");
    cr_assert_str_eq(cancelled[0].status_name, "CANCELLED");
    cr_assert_eq(cancelled[1].wire_status, WIRE_CANNOT_FENCE);
    cr_assert_str_eq(cancelled[1].text, "twice");
    client_fixture_destroy(self);
}

Test(client_ask, cancel_of_something_unknown_or_malformed_is_refused)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    struct herald_client_cancelled cancelled[LIMIT_SUBSCRIPTIONS];
    size_t count = 99;
    struct why why;
    const struct herald_client_cancel_order unknown = {
        .biz_id = "unknown",
        .subscription = "orders",
        .by = "ann",
    };
    cr_assert_eq(herald_client_cancel(self->client, &unknown, cancelled, &count, &why),
                 ERR_NOT_FOUND);
    cr_assert_neq(strstr(why.text, "no such biz_id"), NULL, "%s", why.text);
    cr_assert_eq(count, 0U);
    const struct herald_client_cancel_order malformed[] = {
        {.biz_id = "", .by = "ann"},
        {.biz_id = "a", .by = ""},
        {.biz_id = "a", .subscription = "b\n", .by = "ann"},
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        cr_assert_eq(herald_client_cancel(self->client, &malformed[i], cancelled, &count, &why),
                     ERR_INVALID, "%zu", i);
    }
    client_fixture_destroy(self);
}

Test(client_ask, endpoints_are_asked_for_once_a_connection)
{
    struct client_fixture *self = client_fixture_new((struct herald_client_options){0}, true);
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    struct why why;
    cr_assert_eq(herald_client_endpoint(self->client, "compensator", endpoint, &why), ERR_OK, "%s",
                 why.text);
    cr_assert_str_eq(endpoint, "ipc:///run/herald/c");
    cr_assert_eq(herald_client_endpoint(self->client, "scheduler", endpoint, &why), ERR_OK);
    cr_assert_str_eq(endpoint, "tcp://127.0.0.1:7001");
    cr_assert_eq(herald_client_endpoint(self->client, "nobody", endpoint, &why), ERR_NOT_FOUND);
    cr_assert_leq(self->producer.hello_count, 2U); /* one more when the first came very early */
    client_fixture_destroy(self);
}

struct host_case {
    const char *dialled;
    const char *endpoint;
    const char *filled;
};

Test(client_ask, a_host_of_any_is_the_one_that_was_dialled)
{
    static const struct host_case cases[] = {
        {"tcp://db7.example:7000", "tcp://*:7001", "tcp://db7.example:7001"},
        {"tcp://[::1]:7000", "tcp://*:7001", "tcp://[::1]:7001"},
        {"tcp://10.0.0.7:7000", "tcp://10.0.0.8:7001", "tcp://10.0.0.8:7001"},
        {"ipc:///run/a", "tcp://*:7001", "tcp://127.0.0.1:7001"},
        {"tcp://10.0.0.7:7000", "ipc:///run/b", "ipc:///run/b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char filled[LIMIT_ENDPOINT_BYTES + 1];
        struct wire_text said = {.data = cases[i].endpoint, .size = strlen(cases[i].endpoint)};
        cr_assert_eq(client_host_fill(cases[i].dialled, said, filled, NULL), ERR_OK);
        cr_assert_str_eq(filled, cases[i].filled);
    }
    char filled[LIMIT_ENDPOINT_BYTES + 1];
    char large[LIMIT_ENDPOINT_BYTES + 2] = {0};
    memset(large, 'x', sizeof large - 1);
    struct wire_text too_long = {.data = large, .size = strlen(large)};
    cr_assert_eq(client_host_fill("ipc:///run/a", too_long, filled, NULL), ERR_INVALID);
    cr_assert_eq(client_host_fill("ipc:///run/a", (struct wire_text){0}, filled, NULL),
                 ERR_INVALID);
}
