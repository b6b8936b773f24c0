/* What people and consumers say to the core, and its answers. */
#include "compensator_fixture.h"

#include <stdio.h>
#include <string.h>

static const struct outbox_route route = {.size = 3, .id = {1, 2, 3}};

struct wire_hello
fixture_consumer(const struct fixture *self, const char *group)
{
    return (struct wire_hello){
        .party = WIRE_PARTY_CONSUMER,
        .name = {.data = group, .size = strlen(group)},
        .group = {.data = group, .size = strlen(group)},
        .capabilities = WIRE_CAN_FENCE,
        .nonce = self->nonce,
    };
}

void
fixture_say_hello(struct fixture *self, const struct wire_hello *said)
{
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_hello_encode(&out, 1, said);
    compensator_front(self->core, &route, out.data, out.size);
    wire_out_fini(&out);
}

uint8_t
fixture_welcome(struct fixture *self, const struct wire_hello *said)
{
    bool present = self->present;
    fixture_say_hello(self, said);
    self->present = false;
    fixture_step(self);
    self->present = present;
    struct wire_head head;
    struct wire_welcome welcome;
    struct why why = {{0}};
    struct wire_in in = fixture_answered(self, WIRE_WELCOME, &head);
    cr_assert_eq(wire_welcome_decode(&in, &head, &welcome, &why), ERR_OK, "%s", why.text);
    return welcome.status;
}

uint8_t
fixture_hello(struct fixture *self, const char *group, uint8_t identity)
{
    uint8_t bytes[WIRE_IDENTITY_BYTES];
    memset(bytes, identity, sizeof bytes);
    struct wire_hello said = fixture_consumer(self, group);
    said.identity = (struct wire_bytes){bytes, identity == 0 ? 0 : sizeof bytes};
    return fixture_welcome(self, &said);
}

void
fixture_answer_to(struct fixture *self, uint32_t number, uint8_t outcome, const char *reason)
{
    cr_assert_lt(number, self->count);
    struct wire_outcomes head = {
        .run = log_run(peers_own(self->peers)),
        .receiver = {.data = "r", .size = 1},
    };
    struct wire_outcome said = {
        .first_token = self->jobs[number].token,
        .count = 1,
        .outcome = outcome,
        .reason = {.data = reason, .size = reason == NULL ? 0 : strlen(reason)},
    };
    struct wire_out out;
    wire_out_init(&out, 256);
    struct wire_outcomes_out list = wire_results_of_jobs(&out, &head);
    wire_outcomes_add(&list, &said);
    wire_outcomes_end(&list);
    fixture_front(self, &out);
}

void
fixture_answer(struct fixture *self, uint8_t outcome)
{
    cr_assert_gt(self->count, 0);
    fixture_answer_to(self, self->count - 1, outcome, "said so");
}

void
fixture_front(struct fixture *self, struct wire_out *out)
{
    bool present = self->present;
    compensator_front(self->core, &route, out->data, out->size);
    wire_out_fini(out);
    self->present = false; /* so that the answer stays the last one */
    fixture_step(self);
    self->present = present;
}

struct wire_in
fixture_answered(struct fixture *self, uint8_t type, struct wire_head *head)
{
    struct wire_in in;
    struct why why = {{0}};
    cr_assert_eq(wire_message_open(&in, self->answer, self->answer_size, head, &why), ERR_OK, "%s",
                 why.text);
    cr_assert_eq(head->type, type);
    return in;
}

void
fixture_ask(struct fixture *self, const struct wire_case_order *order)
{
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_case_order_encode(&out, 7, order);
    fixture_front(self, &out);
}

uint8_t
fixture_status(struct fixture *self)
{
    struct wire_head head;
    struct wire_text text;
    struct why why = {{0}};
    uint8_t status = 0;
    struct wire_in in = fixture_answered(self, WIRE_STATUS, &head);
    cr_assert_eq(wire_status_decode(&in, &head, &status, &text, &why), ERR_OK, "%s", why.text);
    return status;
}

uint8_t
fixture_order(struct fixture *self, uint64_t id, uint8_t action, bool unfenced)
{
    const struct wire_case_order order = {
        .action = action,
        .id = id,
        .by = {.data = "ada", .size = 3},
        .reason = {.data = "it is right", .size = 11},
        .unfenced = unfenced,
    };
    fixture_ask(self, &order);
    return fixture_status(self);
}

uint32_t
fixture_list(struct fixture *self, const struct wire_cases_ask *ask, struct wire_case *found,
             bool *more)
{
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_cases_encode(&out, 3, ask);
    fixture_front(self, &out);
    struct wire_head head;
    struct wire_in in = fixture_answered(self, WIRE_CASE_LIST, &head);
    uint32_t count = wire_case_list_open(&in, more);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(wire_case_get(&in, &found[i]), "%s", in.why.text);
    }
    return count;
}

const char *
fixture_show(struct fixture *self, uint64_t id, struct wire_case *found, size_t *payload_size)
{
    static char text[FIXTURE_SHOWN];
    struct wire_case_order order = {
        .action = WIRE_CASE_SHOW, .id = id, .by = {.data = "ada", .size = 3}};
    fixture_ask(self, &order);
    struct wire_head head;
    struct wire_bytes payload;
    struct wire_in in = fixture_answered(self, WIRE_CASE_DETAIL, &head);
    uint32_t count = wire_case_detail_open(&in, found, &payload);
    *payload_size = payload.size;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        struct wire_attempt attempt;
        cr_assert(wire_attempt_get(&in, &attempt), "%s", in.why.text);
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%u %u %u %u;", attempt.turn,
                       attempt.custodian, attempt.number, attempt.outcome); /* fits */
    }
    return text;
}
