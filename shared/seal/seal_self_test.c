#include "seal/seal_self_test.h"

#include "base/check.h"
#include "base/clock.h"
#include "seal/seal_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define PATIENCE_MS 10000 /* a handshake takes some milliseconds */
#define EVENTS                                                                                     \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |                             \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
#define EVENT_BYTES 6

/* A server with a client that tries to get in. */
struct trial {
    void *context;               /* borrowed, as the next */
    const seal_secret_t *secret; /* the server's */
    void *server;
    void *client;
    void *monitor;
};

static void *
new_socket(void *context, int type)
{
    int none = 0;
    void *socket = zmq_socket(context, type);
    CHECK(socket != NULL);
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0);
    return socket;
}

static void
close_trial(struct trial *trial)
{
    (void)zmq_socket_monitor(trial->client, NULL, 0); /* ends it */
    (void)zmq_close(trial->monitor);                  /* all three are ours, and open */
    (void)zmq_close(trial->client);
    (void)zmq_close(trial->server);
}

static err_t
open_trial(struct trial *trial, const seal_secret_t *client, const char *domain, struct why *why)
{
    char address[64];
    char endpoint[64];
    size_t size = sizeof endpoint;
    (void)snprintf(address, sizeof address, "inproc://seal-self-test-%s", domain); /* fits */
    trial->server = new_socket(trial->context, ZMQ_PULL);
    trial->client = new_socket(trial->context, ZMQ_PUSH);
    trial->monitor = new_socket(trial->context, ZMQ_PAIR);
    CHECK(zmq_socket_monitor(trial->client, address, EVENTS) == 0);
    CHECK(zmq_connect(trial->monitor, address) == 0);
    err_t rc = seal_socket_serve(trial->server, trial->secret, domain, why);
    if (rc == ERR_OK) {
        rc = seal_socket_connect(trial->client, client, seal_secret_public(trial->secret), why);
    }
    if (rc == ERR_OK && (zmq_bind(trial->server, "tcp://127.0.0.1:*") != 0 ||
                         zmq_getsockopt(trial->server, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0 ||
                         zmq_connect(trial->client, endpoint) != 0)) {
        rc = why_set(why, ERR_IO, "the seal's self-test needs the loopback interface: %s",
                     zmq_strerror(errno));
    }
    return rc;
}

/* The client's first event; 0: none came. */
static int
first_event(const struct trial *trial)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    int64_t left_ms = PATIENCE_MS;
    while (left_ms > 0) {
        zmq_pollitem_t item = {.socket = trial->monitor, .events = ZMQ_POLLIN};
        uint8_t event[EVENT_BYTES];
        if (zmq_poll(&item, 1, (long)left_ms) > 0 &&
            zmq_recv(trial->monitor, event, sizeof event, ZMQ_DONTWAIT) == EVENT_BYTES) {
            uint16_t number = 0;
            memcpy(&number, event, sizeof number);
            return number;
        }
        left_ms = until_ms - clock_mono_ms();
    }
    return 0;
}

/* *event: what became of the client's handshake. */
static err_t
try_key(struct trial *trial, const seal_secret_t *client, const char *domain, int *event,
        struct why *why)
{
    err_t rc = open_trial(trial, client, domain, why);
    *event = rc == ERR_OK ? first_event(trial) : 0;
    close_trial(trial);
    return rc;
}

err_t
seal_self_test(void *zmq_context, seal_zap_t *zap, const seal_secret_t *secret, struct why *why)
{
    seal_secret_t *stranger = seal_secret_new();
    seal_secret_t *guest = seal_secret_new();
    struct trial trial = {.context = zmq_context, .secret = secret};
    int refused = 0;
    int admitted = 0;
    seal_zap_expect(zap, seal_secret_public(stranger));
    err_t rc = try_key(&trial, stranger, seal_domain_name(SEAL_FRONT), &refused, why);
    seal_zap_lend(zap, seal_secret_public(guest));
    if (rc == ERR_OK) {
        rc = try_key(&trial, guest, SEAL_SELF_TEST_DOMAIN, &admitted, why);
    }
    seal_zap_lend(zap, NULL);
    seal_secret_close(&stranger);
    seal_secret_close(&guest);
    if (rc == ERR_OK && refused != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        rc = why_set(why, ERR_DENIED,
                     "self-test: a key that is not allowed was not refused (event %d): nothing is "
                     "bound",
                     refused);
    }
    if (rc == ERR_OK && admitted != ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        rc = why_set(why, ERR_DENIED, "self-test: an allowed key was refused (event %d)", admitted);
    }
    return rc;
}
