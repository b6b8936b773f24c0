#include "scheduler_fixture.h"

static struct fixture self;

static void
setup(void)
{
    fixture_open(&self, "1s");
    self.present = false;
}

static void
teardown(void)
{
    fixture_close(&self);
}

TestSuite(scheduler_front, .init = setup, .fini = teardown, .timeout = 60);

static struct wire_head
open_answer(struct wire_in *in)
{
    struct wire_head head;
    cr_assert_eq(wire_message_open(in, self.answer, self.answer_size, &head, NULL), ERR_OK);
    return head;
}

static struct wire_welcome
welcome_of(const char *group, uint8_t identity)
{
    struct wire_in in;
    struct wire_welcome welcome;
    self.nonce++;
    fixture_hello(&self, group, identity);
    struct wire_head head = open_answer(&in);
    cr_assert_eq(head.type, WIRE_WELCOME);
    cr_assert_eq(head.request, 9);
    cr_assert_eq(wire_welcome_decode(&in, &head, &welcome, NULL), ERR_OK);
    return welcome;
}

Test(scheduler_front, a_consumer_is_told_its_lane_and_where_outcomes_go)
{
    struct wire_welcome welcome = welcome_of("orders", 0);
    cr_assert_eq(welcome.status, WIRE_OK);
    cr_assert_eq(welcome.run, log_run(peers_own(self.peers)));
    cr_assert_eq(welcome.endpoint_count, 2);
    cr_assert_eq(fixture_counter(&self, "consumers"), 1);
}

Test(scheduler_front, a_group_that_no_subscription_has_is_refused)
{
    struct wire_welcome welcome = welcome_of("strangers", 0);
    cr_assert_eq(welcome.status, WIRE_NOT_FOUND);
    cr_assert_gt(welcome.text.size, 0);
}

Test(scheduler_front, a_consumer_over_another_database_than_the_groups_is_refused)
{
    fixture_identity(&self, "orders", 5);
    fixture_step(&self);
    cr_assert_eq(welcome_of("orders", 6).status, WIRE_DENIED);
    cr_assert_eq(welcome_of("orders", 0).status, WIRE_DENIED);
    cr_assert_eq(welcome_of("orders", 5).status, WIRE_OK);
}

static bool
ping_known(uint64_t nonce)
{
    struct wire_ping ping = {.name = {.data = "consumer", .size = 8}, .nonce = nonce};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_ping_encode(&out, 3, &ping);
    fixture_front(&self, &out);
    struct wire_in in;
    struct wire_head head = open_answer(&in);
    struct wire_pong pong;
    cr_assert_eq(head.type, WIRE_PONG);
    cr_assert_eq(wire_pong_decode(&in, &head, &pong, NULL), ERR_OK);
    return pong.known;
}

Test(scheduler_front, a_ping_says_whether_the_session_is_known)
{
    cr_assert_eq(welcome_of("orders", 0).lane, 0);
    cr_assert(ping_known(self.nonce));
    cr_assert_not(ping_known(self.nonce + 1));
    fixture_advance(&self, 3 * SENDER_PING_MS + 100);
    cr_assert_not(ping_known(self.nonce), "silent for too long");
}

Test(scheduler_front, what_belongs_to_another_service_is_answered_with_an_error)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_plain_encode(&out, WIRE_SUBMIT, 11);
    fixture_front(&self, &out);
    struct wire_in in;
    struct wire_head head = open_answer(&in);
    uint8_t status;
    struct wire_text text;
    cr_assert_eq(head.type, WIRE_ERROR);
    cr_assert_eq(head.request, 11);
    cr_assert_eq(wire_status_decode(&in, &head, &status, &text, NULL), ERR_OK);
    cr_assert_eq(status, WIRE_UNSUPPORTED);
    cr_assert_gt(text.size, 0);
}

Test(scheduler_front, a_malformed_hello_is_refused_with_a_sentence)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_plain_encode(&out, WIRE_HELLO, 12);
    fixture_front(&self, &out);
    struct wire_in in;
    struct wire_head head = open_answer(&in);
    uint8_t status;
    struct wire_text text;
    cr_assert_eq(wire_status_decode(&in, &head, &status, &text, NULL), ERR_OK);
    cr_assert_eq(status, WIRE_REFUSED);
    cr_assert_eq(fixture_counter(&self, "malformed"), 1);
}

Test(scheduler_front, a_group_is_its_whole_name_and_a_client_needs_none)
{
    uint64_t before = fixture_counter(&self, "consumers");
    cr_assert_eq(welcome_of("order", 0).status, WIRE_NOT_FOUND);
    cr_assert_eq(welcome_of("orderS", 0).status, WIRE_NOT_FOUND);
    struct wire_hello hello = {
        .party = WIRE_PARTY_CLIENT, .name = {.data = "c", .size = 1}, .nonce = 5};
    struct wire_out out;
    struct wire_in in;
    wire_out_init(&out, 128);
    wire_hello_encode(&out, 9, &hello);
    fixture_front(&self, &out);
    cr_assert_eq(open_answer(&in).type, WIRE_WELCOME);
    cr_assert_eq(fixture_counter(&self, "consumers"), before, "it receives nothing");
}

Test(scheduler_front, what_makes_no_sense_is_counted_and_changes_nothing)
{
    struct wire_out out;
    struct wire_in in;
    uint64_t before = fixture_counter(&self, "malformed");
    wire_out_init(&out, 128);
    wire_plain_encode(&out, WIRE_PING, 12);
    fixture_front(&self, &out);
    cr_assert_eq(open_answer(&in).type, WIRE_ERROR);
    cr_assert_eq(fixture_counter(&self, "malformed"), before + 1);
    self.answer_size = 0;
    wire_out_init(&out, 128);
    wire_plain_encode(&out, WIRE_LEAVE, 0);
    fixture_front(&self, &out);
    cr_assert_eq(self.answer_size, 0, "nobody waits for an answer to it");
}

Test(scheduler_front, who_leaves_is_no_consumer_any_more)
{
    cr_assert_eq(welcome_of("orders", 0).status, WIRE_OK);
    const struct wire_ping session = {.name = {.data = "consumer", .size = 8}, .nonce = self.nonce};
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_leave_encode(&out, &session);
    fixture_front(&self, &out);
    cr_assert_eq(fixture_counter(&self, "consumers"), 0);
}
