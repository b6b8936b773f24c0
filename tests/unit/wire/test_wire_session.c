#include "wire/wire_session.h"

#include "base/mem.h"
#include "wire/wire_deliver.h"
#include "wire/wire_said.h"
#include "wire_samples.h"

#include <criterion/criterion.h>
#include <string.h>

static struct wire_in in;
static struct wire_head head;
static struct why why;

static err_t
open_bytes(const char *bytes, size_t size)
{
    return wire_message_open(&in, bytes, size, &head, &why);
}

#define OPEN(literal) open_bytes((literal), sizeof(literal) - 1)

Test(wire_session, another_version_is_refused_and_told_which_is_spoken)
{
    cr_assert_eq(OPEN("\x93\x02\x0e\x2a"), ERR_UNSUPPORTED);
    cr_assert_str_eq(why.text, "version: 2 is not spoken here, 1 is");
    cr_assert_eq(head.request, 42, "so that the answer reaches who asked");
}

Test(wire_session, what_is_no_message_is_refused)
{
    cr_assert_eq(OPEN(""), ERR_INVALID);
    cr_assert_eq(OPEN("GET / HTTP/1.1\r\n\r\n"), ERR_INVALID);
    cr_assert_eq(OPEN("\xc0"), ERR_INVALID);
    cr_assert_str_eq(why.text, "message: must be an array");
    cr_assert_eq(OPEN("\x92\x01\x0e"), ERR_INVALID);
    cr_assert_str_eq(why.text, "message: 2 elements, must be 3 to 32");
    cr_assert_eq(OPEN("\x93\xa1"
                      "1\x0e\x01"),
                 ERR_INVALID);
    cr_assert_str_eq(why.text, "version: must be an integer");
    cr_assert_eq(OPEN("\x93\x01\x0e\xff"), ERR_INVALID);
    cr_assert_str_eq(why.text, "request: must not be negative");
}

Test(wire_session, a_missing_field_is_named)
{
    struct wire_ping ping;
    cr_assert_eq(OPEN("\x95\x01\x04\x07\xc0\x00"), ERR_OK);
    cr_assert_eq(wire_ping_decode(&in, &head, &ping, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "lane: the message ends in the middle");
}

static err_t
hello_with(uint8_t party, const char *group, size_t identity_size)
{
    static const uint8_t identity[32];
    const struct wire_hello hello = {.party = party,
                                     .name = {"x", 1},
                                     .group = {group, strlen(group)},
                                     .identity = {identity, identity_size}};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_hello_encode(&out, 1, &hello);
    struct wire_hello read;
    cr_assert_eq(open_bytes((const char *)out.data, out.size), ERR_OK);
    err_t rc = wire_hello_decode(&in, &head, &read, &why);
    wire_out_fini(&out);
    return rc;
}

Test(wire_session, a_hello_says_who_it_is_from)
{
    cr_assert_eq(hello_with(WIRE_PARTY_CLIENT, "", 0), ERR_OK);
    cr_assert_eq(hello_with(WIRE_PARTY_CONSUMER, "g", 16), ERR_OK);
    cr_assert_eq(hello_with(3, "g", 0), ERR_INVALID);
    cr_assert_str_eq(why.text, "party: must be 1 (client) or 2 (consumer)");
    cr_assert_eq(hello_with(WIRE_PARTY_CONSUMER, "", 0), ERR_INVALID);
    cr_assert_str_eq(why.text, "group: a consumer names its receiver group");
    cr_assert_eq(hello_with(WIRE_PARTY_CONSUMER, "g", 15), ERR_INVALID);
    cr_assert_str_eq(why.text, "identity: 15 bytes, must be 16 to 16");
}

Test(wire_session, a_welcome_states_the_limits)
{
    const struct wire_welcome welcome = {.service = {"producer", 8}};
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_welcome_encode(&out, 1, &welcome);
    struct wire_welcome read;
    cr_assert_eq(open_bytes((const char *)out.data, out.size), ERR_OK);
    cr_assert_eq(wire_welcome_decode(&in, &head, &read, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(read.limits.payload_bytes, LIMIT_PAYLOAD_BYTES);
    cr_assert_eq(read.limits.biz_id_bytes, LIMIT_BIZ_ID_BYTES);
    cr_assert_eq(read.limits.batch_count, LIMIT_FRAME_NOTIFICATIONS);
    cr_assert_eq(read.limits.frame_bytes, LIMIT_FRAME_BYTES);
    wire_out_fini(&out);
}

static const char *
outcome_fault(const struct wire_outcome *outcome)
{
    const struct wire_outcomes sender = {.run = 1, .receiver = {"x", 1}};
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_outcomes_out list = wire_outcomes_begin(&out, &sender);
    wire_outcomes_add(&list, outcome);
    wire_outcomes_end(&list);
    if (outcome->count == 0) { /* the encoder leaves it out: write what it would not */
        wire_out_fini(&out);
        wire_out_init(&out, 64);
        list = wire_outcomes_begin(&out, &sender);
        wire_out_raw(&out, "\x95\x01\x00\x01\x00\xc0", 6);
        list.count = 1;
        wire_outcomes_end(&list);
    }
    struct wire_outcomes read_head;
    struct wire_outcome read;
    cr_assert_eq(open_bytes((const char *)out.data, out.size), ERR_OK);
    cr_assert(wire_outcomes_open(&in, &read_head));
    cr_assert_eq(read_head.count, 1);
    bool good = wire_outcome_next(&in, &read);
    wire_out_fini(&out);
    return good ? "" : in.why.text;
}

Test(wire_session, a_receiver_says_only_what_receivers_may_say)
{
    struct wire_outcome outcome = {.first_token = 1, .count = 1};
    for (unsigned code = 1; code < WIRE_OUTCOME_CODE_COUNT; code++) {
        outcome.outcome = (uint8_t)code;
        cr_assert_str_eq(outcome_fault(&outcome), "");
    }
    static const uint8_t forged[] = {0, 10, 16, 17, 18, 19, 20, 255};
    for (size_t i = 0; i < sizeof forged; i++) {
        outcome.outcome = forged[i];
        cr_assert_not_null(strstr(outcome_fault(&outcome), "must be 1 to 9"));
    }
}

Test(wire_session, a_run_of_outcomes_has_a_size_and_does_not_overflow)
{
    struct wire_outcome outcome = {.first_token = 1, .outcome = WIRE_OUTCOME_DONE};
    cr_assert_str_eq(outcome_fault(&outcome), "count: must be at least 1");
    outcome.count = LIMIT_FRAME_NOTIFICATIONS + 1;
    cr_assert_str_eq(outcome_fault(&outcome), "count: 1025 is over 1024");
    outcome.count = 2;
    outcome.first_token = UINT64_MAX - 1;
    cr_assert_str_eq(outcome_fault(&outcome), "first_token: the run of tokens overflows");
}

Test(wire_session, every_type_and_status_has_a_name)
{
    for (unsigned type = WIRE_ERROR; type < WIRE_TYPE_COUNT; type++) {
        cr_assert_str_neq(wire_type_name(type), "?");
    }
    for (unsigned status = 0; status < WIRE_STATUS_COUNT; status++) {
        cr_assert_str_neq(wire_status_name(status), "?");
    }
    cr_assert_str_eq(wire_type_name(0), "?");
    cr_assert_str_eq(wire_type_name(WIRE_TYPE_COUNT), "?");
    cr_assert_str_eq(wire_status_name(WIRE_STATUS_COUNT), "?");
}

Test(wire_session, facts_are_read_by_those_who_know_them_and_passed_over_by_others)
{
    struct wire_said said = {.status = WIRE_REFUSED, .text = {"no", 2}};
    wire_said_text(&said, "text", "");
    wire_said_text(&said, "cut", "a\xff");
    wire_said_number(&said, "number", UINT64_MAX);
    wire_said_bool(&said, "bool", false);
    struct wire_out out;
    wire_out_init(&out, 64);
    wire_said_encode(&out, 7, &said);
    struct wire_said read;
    cr_assert_eq(open_bytes((const char *)out.data, out.size), ERR_OK);
    cr_assert_eq(wire_said_decode(&in, &head, &read, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(read.status, WIRE_REFUSED);
    cr_assert_eq(read.fact_count, 4);
    cr_assert(read.facts[0].kind == WIRE_FACT_TEXT && read.facts[0].text.size == 0);
    cr_assert(read.facts[1].kind == WIRE_FACT_TEXT && read.facts[1].text.size == 1);
    cr_assert(read.facts[2].kind == WIRE_FACT_NUMBER && read.facts[2].number == UINT64_MAX);
    cr_assert(read.facts[3].kind == WIRE_FACT_BOOL && read.facts[3].number == 0);
    uint8_t status = 0;
    struct wire_text text;
    cr_assert_eq(open_bytes((const char *)out.data, out.size), ERR_OK);
    cr_assert_eq(wire_status_decode(&in, &head, &status, &text, &why), ERR_OK, "%s", why.text);
    cr_assert(status == WIRE_REFUSED && text.size == 2);
    wire_out_fini(&out);
}

Test(wire_session, an_answer_of_before_the_facts_has_none)
{
    struct wire_said said;
    cr_assert_eq(OPEN("\x95\x01\x13\x07\x00\xc0"), ERR_OK);
    cr_assert_eq(wire_said_decode(&in, &head, &said, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(said.fact_count, 0);
    cr_assert_eq(OPEN("\x96\x01\x13\x07\x00\xc0\xdc\x00\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
                 ERR_OK);
    cr_assert_eq(wire_said_decode(&in, &head, &said, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "facts: 17 elements, must be 0 to 16");
    cr_assert_eq(OPEN("\x96\x01\x13\x07\x00\xc0\x91\x90"), ERR_OK);
    cr_assert_eq(wire_said_decode(&in, &head, &said, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "fact: 0 elements, must be 2 to 32");
}

static uint32_t
outcome_runs(const struct wire_outcome *outcomes, size_t count, bool jobs)
{
    const struct wire_outcomes sender = {.run = 1, .receiver = {"x", 1}};
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_outcomes_out list =
        jobs ? wire_results_of_jobs(&out, &sender) : wire_outcomes_begin(&out, &sender);
    for (size_t i = 0; i < count; i++) {
        wire_outcomes_add(&list, &outcomes[i]);
    }
    wire_outcomes_end(&list);
    wire_out_fini(&out);
    return list.count;
}

Test(wire_session, outcomes_share_a_run_only_when_nothing_is_lost_by_it)
{
    const struct wire_outcome first = {.first_token = 5, .count = 1, .outcome = WIRE_OUTCOME_DONE};
    struct wire_outcome pair[] = {first, first};
    pair[1].first_token = 6;
    cr_assert_eq(outcome_runs(pair, 2, false), 1);
    cr_assert_eq(outcome_runs(pair, 2, true), 2, "each job has its own");
    pair[1].first_token = 7;
    cr_assert_eq(outcome_runs(pair, 2, false), 2, "a gap");
    pair[1].first_token = 6;
    pair[1].outcome = WIRE_OUTCOME_DONE + 1;
    cr_assert_eq(outcome_runs(pair, 2, false), 2, "another outcome");
    pair[1].outcome = WIRE_OUTCOME_DONE;
    pair[1].not_before_ms = 1;
    cr_assert_eq(outcome_runs(pair, 2, false), 2, "a time");
}

/* As a provider's library may write it; the reader decides what to do with it. */
Test(wire_session, an_item_without_a_notification_is_written_as_it_is)
{
    const uint8_t hash[WIRE_HASH_BYTES] = {0};
    const struct wire_item item = {.position = 1, .hash = hash};
    const struct wire_deliver deliver = {.run = 1, .group = {"g", 1}};
    struct wire_out out;
    wire_out_init(&out, 64);
    struct wire_deliver_out list = wire_deliver_begin(&out, &deliver);
    wire_deliver_add(&list, &item);
    wire_deliver_end(&list);
    cr_assert_eq(open_bytes((const char *)out.data, out.size), ERR_INVALID, "an element is short");
    wire_out_fini(&out);
}
