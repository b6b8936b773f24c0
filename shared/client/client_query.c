#include "client/client_private.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

/* A decoded text, which is within `size`: the reader has compared it with the same limit. */
static void
text_copy(char *to, size_t size, struct wire_text from)
{
    size_t fits = from.size < size ? from.size : size - 1;
    if (fits > 0) {
        memcpy(to, from.data, fits);
    }
    to[fits] = '\0';
}

static bool
attempts_read(struct wire_in *in, uint32_t count, struct herald_client_delivery *to)
{
    to->attempts_list = mem_array(count, sizeof *to->attempts_list);
    struct wire_attempt attempt;
    while (to->attempt_count < count && wire_attempt_get(in, &attempt)) {
        struct herald_client_attempt *into = &to->attempts_list[to->attempt_count++];
        into->number = attempt.number;
        into->turn = attempt.turn;
        into->custodian = wire_custodian_name(attempt.custodian);
        into->outcome = wire_outcome_name(attempt.outcome);
        into->at_unix_ms = attempt.at_unix_ms;
        text_copy(into->reason, sizeof into->reason, attempt.reason);
    }
    return to->attempt_count == count;
}

static bool
delivery_read(struct wire_in *in, struct herald_client_delivery *to)
{
    struct wire_delivery delivery;
    if (!wire_delivery_get(in, &delivery)) {
        return false;
    }
    text_copy(to->subscription, sizeof to->subscription, delivery.subscription);
    text_copy(to->group, sizeof to->group, delivery.group);
    to->state_name = wire_state_name(delivery.state);
    to->state = delivery.state;
    to->custodian = wire_custodian_name(delivery.custodian);
    to->turn = delivery.turn;
    to->attempts = delivery.attempts;
    to->attempts_limit = delivery.attempts_limit;
    to->due_unix_ms = delivery.due_unix_ms;
    to->cancel_asked = delivery.cancel_asked;
    to->left_out = delivery.left_out;
    return attempts_read(in, delivery.count, to) && wire_delivery_end(in, &delivery);
}

static bool
found_read(struct wire_in *in, const char *asked, struct herald_client_found *to)
{
    struct wire_found found;
    if (!wire_found_get(in, &found)) {
        return false;
    }
    if (found.biz_id.size != strlen(asked) ||
        memcmp(found.biz_id.data, asked, found.biz_id.size) != 0) {
        wire_in_fault(in, "biz_id", "not the one that was asked for");
        return false;
    }
    to->found = found.status == WIRE_OK;
    text_copy(to->biz_id, sizeof to->biz_id, found.biz_id);
    text_copy(to->topic, sizeof to->topic, found.topic);
    to->version = found.version;
    to->position = found.position;
    to->received_unix_ms = found.received_unix_ms;
    to->deliveries = mem_array(found.count, sizeof *to->deliveries);
    while (to->delivery_count < found.count &&
           delivery_read(in, &to->deliveries[to->delivery_count++])) {
    }
    return wire_found_end(in, &found);
}

static err_t
answer_read(struct client_ask *ask, const char *const *biz_ids, struct herald_client_answer *answer,
            struct why *why)
{
    size_t count = wire_answer_open(&ask->in);
    if (!ask->in.failed && count != answer->count) {
        wire_in_fault(&ask->in, "answers", "%zu, asked were %zu", count, answer->count);
    }
    for (size_t i = 0; i < answer->count && !ask->in.failed; i++) {
        (void)found_read(&ask->in, biz_ids[i], &answer->found[i]); /* in.failed says it too */
    }
    return wire_message_finish(&ask->in, &ask->head, why);
}

static_assert(HERALD_CLIENT_QUERY_MAX == WIRE_QUERY_MAX, "one frame asks for all");

static err_t
ids_check(const char *const *biz_ids, size_t count, struct why *why)
{
    if (count == 0 || count > WIRE_QUERY_MAX) {
        return why_set(why, ERR_INVALID, "biz_ids: %zu, must be 1 to %d", count, WIRE_QUERY_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(biz_ids[i]);
        if (size == 0 || size > LIMIT_BIZ_ID_BYTES) {
            return why_set(why, ERR_INVALID, "biz_id: %zu bytes, must be 1 to %d", size,
                           LIMIT_BIZ_ID_BYTES);
        }
    }
    return ERR_OK;
}

err_t
herald_client_query(herald_client_t *self, const char *const *biz_ids, size_t count,
                    struct herald_client_answer *answer, struct why *why)
{
    *answer = (struct herald_client_answer){0};
    err_t rc = ids_check(biz_ids, count, why);
    if (rc != ERR_OK) {
        return rc;
    }
    struct wire_out out;
    wire_out_init(&out, 64 + count * LIMIT_BIZ_ID_BYTES);
    struct wire_ids_out ids = wire_query_begin(&out, client_ask_request(self));
    for (size_t i = 0; i < count; i++) {
        wire_ids_add(&ids, biz_ids[i], strlen(biz_ids[i]));
    }
    wire_ids_end(&ids);
    rc = client_ask(self, &out, WIRE_ANSWER, why);
    if (rc != ERR_OK) {
        return rc;
    }
    answer->found = mem_array(count, sizeof *answer->found);
    answer->count = count;
    rc = answer_read(&self->ask, biz_ids, answer, why);
    if (rc != ERR_OK) {
        herald_client_answer_fini(answer);
    }
    return rc;
}

void
herald_client_answer_fini(struct herald_client_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct herald_client_found *found = &answer->found[i];
        for (size_t j = 0; j < found->delivery_count; j++) {
            mem_free(found->deliveries[j].attempts_list);
        }
        mem_free(found->deliveries);
    }
    mem_free(answer->found);
    *answer = (struct herald_client_answer){0};
}
