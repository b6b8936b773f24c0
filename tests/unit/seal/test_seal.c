/* The whole seal over real sockets: who gets in, who does not, and what a reload changes. */
#include "seal_fixture.h"

#include "base/clock.h"
#include "seal/seal_socket.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define PATIENCE_MS 30000

static struct seal_fixture fixture;
static void *context;
static void *server;
static seal_t *seal;
static char endpoint[128];
static atomic_uint told;

static void
refused(void *nothing, const struct seal_refused *one)
{
    (void)nothing;
    (void)one;
    atomic_fetch_add(&told, 1);
}

static void
begin(void)
{
    struct why why = {{0}};
    seal_fixture_open(&fixture);
    context = zmq_ctx_new();
    const struct seal_settings settings = {
        .directory = fixture.directory, .context = context, .refused = refused};
    cr_assert_eq(seal_open(&seal, &settings, &why), ERR_OK, "%s", why.text);
    int none = 0;
    size_t size = sizeof endpoint;
    int patience_of_server_ms = 1000;
    server = zmq_socket(context, ZMQ_ROUTER);
    cr_assert_eq(zmq_setsockopt(server, ZMQ_HANDSHAKE_IVL, &patience_of_server_ms, sizeof(int)), 0);
    cr_assert_eq(zmq_setsockopt(server, ZMQ_LINGER, &none, sizeof none), 0);
    cr_assert_eq(seal_bind(seal, server, SEAL_FRONT, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(zmq_bind(server, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
}

static void
end(void)
{
    (void)zmq_close(server);
    seal_close(&seal);
    cr_assert_eq(zmq_ctx_term(context), 0);
    seal_fixture_close(&fixture);
}

TestSuite(seal, .init = begin, .fini = end);

static int patience_ms = 30000;

/* What becomes of a client's handshake: an event of libzmq, 0 for none. secret NULL: without CURVE.
 */
static int
handshake(const seal_secret_t *secret, const uint8_t *server_key)
{
    static int number;
    char address[64];
    int none = 0;
    void *client = zmq_socket(context, ZMQ_DEALER);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    (void)snprintf(address, sizeof address, "inproc://test-%d", number++);
    cr_assert_eq(zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof none), 0);
    cr_assert_eq(zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof none), 0);
    if (secret != NULL) {
        cr_assert_eq(seal_socket_connect(client, secret, server_key, NULL), ERR_OK);
    }
    cr_assert_eq(zmq_socket_monitor(client, address,
                                    ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                                        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL),
                 0);
    cr_assert_eq(zmq_connect(monitor, address), 0);
    cr_assert_eq(zmq_connect(client, endpoint), 0);
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    uint8_t event[6] = {0};
    uint16_t what = 0;
    if (zmq_poll(&item, 1, patience_ms) == 1) {
        cr_assert_eq(zmq_recv(monitor, event, sizeof event, 0), 6);
        memcpy(&what, event, sizeof what);
    }
    (void)zmq_socket_monitor(client, NULL, 0);
    (void)zmq_close(monitor);
    (void)zmq_close(client);
    return what;
}

static struct seal_counts
counts(void)
{
    struct seal_counts now;
    seal_count(seal, &now);
    return now;
}

Test(seal, admits_known_keys_and_refuses_all_others)
{
    const uint8_t *key = seal_secret_public(fixture.server);
    cr_assert_eq(handshake(fixture.submit, key), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    cr_assert_eq(handshake(fixture.service, key), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    cr_assert_eq(counts().admitted, 2);
    cr_assert_eq(atomic_load(&told), 0, "the self-test's refusal is not told");
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(handshake(fixture.stranger, key), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    }
    cr_assert_geq(counts().refused, 5);
    cr_assert_eq(atomic_load(&told), 1, "said once, counted after that");
    cr_assert_neq(handshake(NULL, NULL), ZMQ_EVENT_HANDSHAKE_SUCCEEDED, "without CURVE");
    cr_assert_neq(handshake(fixture.submit, seal_secret_public(fixture.stranger)),
                  ZMQ_EVENT_HANDSHAKE_SUCCEEDED, "for another server");
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (counts().unsealed < 2 && clock_mono_ms() < until_ms) {
        (void)zmq_poll(NULL, 0, 10);
    }
    cr_assert_geq(counts().unsealed, 2, "counted although the handler was never asked");
    cr_assert_eq(counts().admitted, 2);
}

/* A message from a key, and whose the seal says that it is; NULL: nobody's. */
static const struct seal_allowed *
sender_of(const seal_secret_t *secret, const char *routing_id, const char *body, void **client_p)
{
    int none = 0;
    void *client = zmq_socket(context, ZMQ_DEALER);
    cr_assert_eq(zmq_setsockopt(client, ZMQ_LINGER, &none, sizeof none), 0);
    cr_assert_eq(zmq_setsockopt(client, ZMQ_ROUTING_ID, routing_id, strlen(routing_id)), 0);
    cr_assert_eq(seal_socket_connect(client, secret, seal_secret_public(fixture.server), NULL),
                 ERR_OK);
    cr_assert_eq(zmq_connect(client, endpoint), 0);
    cr_assert_eq(zmq_send(client, body, strlen(body), 0), (int)strlen(body));
    zmq_msg_t message;
    zmq_pollitem_t item = {.socket = server, .events = ZMQ_POLLIN};
    cr_assert_eq(zmq_msg_init(&message), 0);
    cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
    cr_assert_gt(zmq_msg_recv(&message, server, 0), 0); /* the route */
    cr_assert_gt(zmq_msg_recv(&message, server, 0), 0);
    const struct seal_allowed *sender = seal_sender(seal, &message);
    cr_assert_eq(zmq_msg_close(&message), 0);
    *client_p = client;
    return sender;
}

Test(seal, knows_the_sender_by_its_key_whatever_it_calls_itself)
{
    void *shop = NULL;
    void *orders = NULL;
    const struct seal_allowed *sender = sender_of(fixture.submit, "orders", "I am orders", &shop);
    cr_assert_not_null(sender);
    cr_assert_str_eq(sender->user, "shop");
    cr_assert_eq(sender->role, SEAL_SUBMIT);
    sender = sender_of(fixture.consume, "shop", "I am shop", &orders);
    cr_assert_str_eq(sender->user, "orders");
    cr_assert_eq(sender->role, SEAL_CONSUME);
    (void)zmq_close(shop);
    (void)zmq_close(orders);
}

Test(seal, a_second_client_with_the_same_routing_id_takes_nothing_from_the_first)
{
    void *shop = NULL;
    int none = 0;
    const uint8_t *key = seal_secret_public(fixture.server);
    cr_assert_str_eq(sender_of(fixture.submit, "x", "mine", &shop)->user, "shop");
    void *thief = zmq_socket(context, ZMQ_DEALER);
    cr_assert_eq(zmq_setsockopt(thief, ZMQ_LINGER, &none, sizeof none), 0);
    cr_assert_eq(zmq_setsockopt(thief, ZMQ_ROUTING_ID, "x", 1), 0);
    cr_assert_eq(seal_socket_connect(thief, fixture.consume, key, NULL), ERR_OK);
    cr_assert_eq(zmq_connect(thief, endpoint), 0);
    cr_assert_eq(zmq_send(thief, "thief's", 7, 0), 7);
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (counts().admitted < 2 && clock_mono_ms() < until_ms) {
        (void)zmq_poll(NULL, 0, 10);
    }
    cr_assert_eq(counts().admitted, 2, "its key is good");

    /* What goes to x is the first one's, and what comes from x too. */
    cr_assert_eq(zmq_send(server, "x", 1, ZMQ_SNDMORE), 1);
    cr_assert_eq(zmq_send(server, "answer", 6, 0), 6);
    zmq_pollitem_t items[] = {{.socket = shop, .events = ZMQ_POLLIN},
                              {.socket = thief, .events = ZMQ_POLLIN}};
    cr_assert_eq(zmq_poll(items, 2, PATIENCE_MS), 1);
    cr_assert_neq(items[0].revents & ZMQ_POLLIN, 0);
    cr_assert_eq(zmq_send(shop, "mine too", 8, 0), 8);
    zmq_msg_t message;
    zmq_pollitem_t item = {.socket = server, .events = ZMQ_POLLIN};
    cr_assert_eq(zmq_msg_init(&message), 0);
    cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
    cr_assert_eq(zmq_msg_recv(&message, server, 0), 1);
    cr_assert_eq(zmq_msg_recv(&message, server, 0), 8, "not the thief's");
    cr_assert_str_eq(seal_sender(seal, &message)->user, "shop");
    cr_assert_eq(zmq_msg_close(&message), 0);
    (void)zmq_close(thief);
    (void)zmq_close(shop);
}

Test(seal, reads_its_list_again_and_keeps_the_old_one_when_the_new_one_is_broken)
{
    const uint8_t *key = seal_secret_public(fixture.server);
    char text[1024];
    char entry[256];
    struct why said = {{0}};
    void *client = NULL;
    cr_assert_eq(handshake(fixture.stranger, key), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);

    (void)strcpy(text, seal_fixture_entry("orders", "consume", fixture.consume, entry));
    (void)strcat(text, seal_fixture_entry("shop", "submit", fixture.stranger, entry));
    (void)strcat(text, "    key = \"oops\"\n");
    seal_fixture_write(&fixture, "allowed.zpl", text, 0644);
    cr_assert_eq(seal_reload(seal, &said), ERR_INVALID);
    cr_assert_not_null(strstr(said.text, "allowed.zpl:7"), "%s", said.text);
    cr_assert_eq(handshake(fixture.stranger, key), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    cr_assert_eq(handshake(fixture.submit, key), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);

    *strstr(text, "    key = \"oops\"") = '\0';
    seal_fixture_write(&fixture, "allowed.zpl", text, 0644);
    cr_assert_eq(seal_reload(seal, &said), ERR_OK, "%s", said.text);
    cr_assert_not_null(strstr(said.text, "2 keys"), "%s", said.text);
    cr_assert_eq(handshake(fixture.stranger, key), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    cr_assert_eq(handshake(fixture.submit, key), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);

    const struct seal_allowed *sender = sender_of(fixture.consume, "c", "x", &client);
    cr_assert_str_eq(sender->user, "orders");
    (void)zmq_close(client);
    (void)unlink(seal_fixture_path(&fixture, "allowed.zpl"));
    cr_assert_eq(seal_reload(seal, &said), ERR_NOT_FOUND);
    cr_assert_eq(handshake(fixture.stranger, key), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

Test(seal, a_connection_is_nobodys_once_its_key_has_left_the_list)
{
    void *client = NULL;
    cr_assert_not_null(sender_of(fixture.submit, "a", "x", &client));
    seal_fixture_write(&fixture, "allowed.zpl", "", 0644);
    cr_assert_eq(seal_reload(seal, &(struct why){{0}}), ERR_OK);
    zmq_msg_t message;
    zmq_pollitem_t item = {.socket = server, .events = ZMQ_POLLIN};
    cr_assert_eq(zmq_send(client, "y", 1, 0), 1);
    cr_assert_eq(zmq_msg_init(&message), 0);
    cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
    cr_assert_gt(zmq_msg_recv(&message, server, 0), 0);
    cr_assert_gt(zmq_msg_recv(&message, server, 0), 0);
    cr_assert_null(seal_sender(seal, &message));
    cr_assert_eq(zmq_msg_close(&message), 0);
    (void)zmq_close(client);
}

Test(seal, never_opens_up_when_its_handler_dies)
{
    const uint8_t *key = seal_secret_public(fixture.server);
    cr_assert(seal_lives(seal));
    seal_break(seal);
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (seal_lives(seal) && clock_mono_ms() < until_ms) {
        (void)zmq_poll(NULL, 0, 10);
    }
    cr_assert_not(seal_lives(seal), "whoever asks ends the process");
    patience_ms = 5000; /* of a client by itself it is 30 s */
    cr_assert_eq(handshake(fixture.submit, key), ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    cr_assert_eq(handshake(fixture.stranger, key), ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                 "the server's connections go on after the first refusal");
}

Test(seal, serves_more_sockets_than_it_can_watch)
{
    static void *sockets[SEAL_MONITORS_MAX];
    struct why why = {{0}};
    int none = 0;
    for (size_t i = 0; i < SEAL_MONITORS_MAX; i++) { /* and `server`: one too many */
        sockets[i] = zmq_socket(context, ZMQ_PULL);
        cr_assert_not_null(sockets[i]);
        cr_assert_eq(zmq_setsockopt(sockets[i], ZMQ_LINGER, &none, sizeof none), 0);
        cr_assert_eq(seal_bind(seal, sockets[i], SEAL_LANE, &why), ERR_OK, "%s", why.text);
    }
    char front[sizeof endpoint];
    size_t size = sizeof endpoint;
    memcpy(front, endpoint, sizeof front);
    void *last = sockets[SEAL_MONITORS_MAX - 1];
    cr_assert_eq(zmq_bind(last, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(last, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    const uint8_t *key = seal_secret_public(fixture.server);
    cr_assert_neq(handshake(NULL, NULL), ZMQ_EVENT_HANDSHAKE_SUCCEEDED, "to the unwatched one");
    memcpy(endpoint, front, sizeof front);
    cr_assert_eq(handshake(fixture.submit, key), ZMQ_EVENT_HANDSHAKE_SUCCEEDED, "it goes on");
    for (size_t i = 0; i < SEAL_MONITORS_MAX; i++) {
        (void)zmq_close(sockets[i]);
    }
}

Test(seal, a_check_refuses_the_files_that_a_start_refuses)
{
    static const char *const known[] = {"producer", NULL};
    static const char *const unknown[] = {"producer", "compensator", NULL};
    struct seal_settings settings = {.directory = fixture.directory};
    struct why why = {{0}};
    cr_assert_eq(seal_check(&settings, known, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(seal_check(&settings, unknown, &why), ERR_NOT_FOUND);
    cr_assert_not_null(strstr(why.text, "compensator"), "%s", why.text);
    settings.secret = "front.key";
    cr_assert_eq(seal_check(&settings, known, &why), ERR_NOT_FOUND);
    cr_assert_not_null(strstr(why.text, "front.key"), "%s", why.text);
    settings.secret = NULL;
    seal_fixture_write(&fixture, "allowed.zpl", "shop\n    role = \"king\"\n", 0644);
    cr_assert_eq(seal_check(&settings, known, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "king"), "%s", why.text);
    cr_assert_eq(chmod(seal_fixture_path(&fixture, "secret.key"), 0440), 0);
    cr_assert_eq(seal_check(&settings, known, &why), ERR_DENIED);
    cr_assert_not_null(strstr(why.text, "0400"), "%s", why.text);
}

Test(seal, one_context_has_one_handler)
{
    seal_t *second = NULL;
    struct why why = {{0}};
    const struct seal_settings settings = {
        .directory = fixture.directory, .context = context, .refused = refused};
    cr_assert_eq(seal_open(&second, &settings, &why), ERR_CONFLICT);
    cr_assert_null(second);
}
