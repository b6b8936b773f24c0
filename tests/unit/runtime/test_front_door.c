/* Messages of real connections at a front door: whose they are decides. */
#include "runtime/front_door.h"

#include "base/mem.h"
#include "seal/seal_socket.h"
#include "seal_fixture.h"
#include "wire/wire_case.h"
#include "wire/wire_deliver.h"
#include "wire/wire_query.h"
#include "wire/wire_submit.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zmq.h>

#define PATIENCE_MS 30000
#define NOW_MS 1000

static struct seal_fixture fixture;
static void *context;
static void *server;
static seal_t *seal;
static char endpoint[128];
static struct front_door door;

static void
refused(void *nothing, const struct seal_refused *one)
{
    (void)nothing;
    (void)one;
}

static void
begin(void)
{
    struct why why = {{0}};
    int none = 0;
    size_t size = sizeof endpoint;
    seal_fixture_open(&fixture);
    context = zmq_ctx_new();
    const struct seal_settings settings = {
        .directory = fixture.directory, .context = context, .refused = refused};
    cr_assert_eq(seal_open(&seal, &settings, &why), ERR_OK, "%s", why.text);
    server = zmq_socket(context, ZMQ_ROUTER);
    cr_assert_eq(zmq_setsockopt(server, ZMQ_LINGER, &none, sizeof none), 0);
    cr_assert_eq(seal_bind(seal, server, SEAL_FRONT, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(zmq_bind(server, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    door = (struct front_door){
        .service = "producer",
        .takes = FRONT_TAKES(WIRE_PING) | FRONT_TAKES(WIRE_HELLO) | FRONT_TAKES(WIRE_SUBMIT),
        .seal = seal,
    };
}

static void
end(void)
{
    (void)zmq_close(server);
    seal_close(&seal);
    cr_assert_eq(zmq_ctx_term(context), 0);
    seal_fixture_close(&fixture);
}

TestSuite(front_door, .init = begin, .fini = end);

/* What the door answers a PING of this key: WIRE_TYPE_COUNT when it is let through to the service.
 */
static unsigned
answer_to_ping(const seal_secret_t *secret, uint64_t nonce, int64_t now_ms)
{
    int none = 0;
    void *client = zmq_socket(context, ZMQ_DEALER);
    cr_assert_eq(zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof none), 0);
    cr_assert_eq(seal_socket_connect(client, secret, seal_secret_public(fixture.server), NULL),
                 ERR_OK);
    cr_assert_eq(zmq_connect(client, endpoint), 0);
    const struct wire_ping ping = {.name = {.data = "c", .size = 1}, .nonce = nonce};
    struct wire_out out;
    size_t size = 0;
    wire_out_init(&out, 128);
    wire_ping_encode(&out, 7, &ping);
    uint8_t *body = wire_out_take(&out, &size);
    cr_assert_eq(zmq_send(client, body, size, 0), (int)size);
    mem_free(body);

    zmq_msg_t message;
    zmq_pollitem_t item = {.socket = server, .events = ZMQ_POLLIN};
    cr_assert_eq(zmq_msg_init(&message), 0);
    cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
    cr_assert_gt(zmq_msg_recv(&message, server, 0), 0); /* the route */
    cr_assert_gt(zmq_msg_recv(&message, server, 0), 0);
    unsigned type = WIRE_TYPE_COUNT;
    if (front_door_answers(&door, &message, now_ms, &out)) {
        struct wire_in in;
        struct wire_head head;
        struct why why = {{0}};
        body = wire_out_take(&out, &size);
        cr_assert_eq(wire_message_open(&in, body, size, &head, &why), ERR_OK, "%s", why.text);
        type = head.type;
        mem_free(body);
    }
    cr_assert_eq(zmq_msg_close(&message), 0);
    (void)zmq_close(client);
    return type;
}

Test(front_door, a_consumers_session_is_kept_by_consumers_only)
{
    cr_assert_eq(answer_to_ping(fixture.submit, 0, NOW_MS), WIRE_PONG, "of anybody");
    cr_assert_eq(answer_to_ping(fixture.submit, 5, NOW_MS), WIRE_ERROR);
    cr_assert_eq(answer_to_ping(fixture.service, 5, NOW_MS), WIRE_ERROR);
    cr_assert_eq(answer_to_ping(fixture.consume, 5, NOW_MS), WIRE_TYPE_COUNT, "the service's");
    cr_assert_eq(door.denied, 2);
}

Test(front_door, tells_how_often_it_has_denied_although_nothing_more_is_denied)
{
    cr_assert_eq(answer_to_ping(fixture.submit, 5, NOW_MS), WIRE_ERROR);
    cr_assert_eq(answer_to_ping(fixture.submit, 5, NOW_MS), WIRE_ERROR);
    cr_assert_eq(door.denials.slots[0].more, 1, "counted, not told yet");
    cr_assert_eq(answer_to_ping(fixture.submit, 0, NOW_MS + SEAL_REFUSALS_PERIOD_MS), WIRE_PONG);
    cr_assert_eq(door.denials.slots[0].more, 0, "told");
}

/* What the door without CURVE answers this frame: the answer's type and status; WIRE_TYPE_COUNT
 * when it is let through. */
static unsigned
answer_to(const uint8_t *frame, size_t size, uint8_t *status)
{
    struct front_door open = {.service = "producer", .takes = UINT32_MAX};
    zmq_msg_t message;
    struct wire_out out;
    unsigned type = WIRE_TYPE_COUNT;
    cr_assert_eq(zmq_msg_init_size(&message, size), 0);
    if (size > 0) {
        memcpy(zmq_msg_data(&message), frame, size);
    }
    if (front_door_answers(&open, &message, NOW_MS, &out)) {
        struct wire_in in;
        struct wire_head head;
        struct wire_text text;
        size_t answer_size = 0;
        uint8_t *answer = wire_out_take(&out, &answer_size);
        cr_assert_eq(wire_message_open(&in, answer, answer_size, &head, NULL), ERR_OK);
        cr_assert_eq(wire_status_decode(&in, &head, status, &text, NULL), ERR_OK);
        cr_assert_gt(text.size, 0, "it says why");
        type = head.type;
        mem_free(answer);
        cr_assert_eq(open.refused, 1);
    }
    cr_assert_eq(zmq_msg_close(&message), 0);
    return type;
}

/* A message of each shape: none, few and many fields, nested lists. */
static void
encode(unsigned which, struct wire_out *out)
{
    const struct wire_hello hello = {.party = WIRE_PARTY_CONSUMER,
                                     .name = {.data = "c", .size = 1},
                                     .group = {.data = "shop", .size = 4},
                                     .nonce = 77};
    const struct wire_ping session = {.name = {.data = "c", .size = 1}, .nonce = 77};
    const struct wire_notification notification = {.topic = {.data = "order.paid", .size = 10},
                                                   .biz_id = {.data = "a", .size = 1}};
    const struct wire_case_order order = {.action = WIRE_CASE_REPLAY,
                                          .id = 5,
                                          .by = {.data = "ada", .size = 3},
                                          .reason = {.data = "why not", .size = 7}};
    wire_out_init(out, 256);
    if (which == 0) {
        wire_hello_encode(out, 1, &hello);
    } else if (which == 1) {
        wire_ping_encode(out, 1, &session);
    } else if (which == 2) {
        wire_leave_encode(out, &session);
    } else if (which == 3) {
        wire_case_order_encode(out, 1, &order);
    } else if (which == 4) {
        const struct wire_cases_ask ask = {.limit = 10};
        wire_cases_encode(out, 1, &ask);
    } else if (which == 5) {
        const struct wire_outcomes head = {.run = 7, .receiver = {.data = "r", .size = 1}};
        const struct wire_outcome said = {
            .first_token = 7, .count = 1, .outcome = WIRE_OUTCOME_DONE};
        struct wire_outcomes_out list = wire_results_of_jobs(out, &head);
        wire_outcomes_add(&list, &said);
        wire_outcomes_end(&list);
    } else if (which == 6) {
        struct wire_ids_out ids = wire_query_begin(out, 1);
        wire_ids_add(&ids, "a", 1);
        wire_ids_end(&ids);
    } else {
        struct wire_submit_out submit = wire_submit_begin(out, 1);
        wire_submit_add(&submit, &notification);
        wire_submit_add(&submit, &notification);
        wire_submit_end(&submit);
    }
}

Test(front_door, a_message_that_is_cut_anywhere_gets_no_further)
{
    for (unsigned which = 0; which < 8; which++) {
        struct wire_out whole;
        uint8_t status = 0;
        encode(which, &whole);
        size_t whole_size = wire_out_size(&whole);
        for (size_t size = 0; size < whole_size; size++) {
            cr_assert_eq(answer_to(whole.data, size, &status), WIRE_ERROR, "%u at %zu", which,
                         size);
            cr_assert_eq(status, WIRE_REFUSED);
        }
        cr_assert_eq(answer_to(whole.data, whole_size, &status), WIRE_TYPE_COUNT, "%u", which);
        wire_out_fini(&whole);
    }
}

Test(front_door, what_is_no_message_or_of_another_version_gets_no_further)
{
    static const uint8_t number[] = {7};
    struct wire_out out;
    uint8_t status = 0;
    cr_assert_eq(answer_to(number, sizeof number, &status), WIRE_ERROR);
    cr_assert_eq(status, WIRE_REFUSED);
    wire_out_init(&out, 64);
    wire_message_begin(&out, WIRE_PING, 5, 3);
    out.data[1] = 99; /* the version is the first field */
    cr_assert_eq(answer_to(out.data, wire_out_size(&out), &status), WIRE_ERROR);
    cr_assert_eq(status, WIRE_UNSUPPORTED);
    wire_out_fini(&out);
}
