/* Sockets of the bare pipeline: ipc, or TCP with CURVE on ports that the system chooses. */
#include "ceiling_pipeline.h"

#include "base/check.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define PATH_BYTES 256
#define APPEAR_MS 10000

/* Tell the other roles where a socket is bound; whole or not at all. */
static void
publish(void *socket, const char *path)
{
    char endpoint[PATH_BYTES];
    char draft[PATH_BYTES + 8];
    size_t size = sizeof endpoint;
    CHECK(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    (void)snprintf(draft, sizeof draft, "%s.new", path);
    FILE *file = fopen(draft, "we");
    CHECK(file != NULL && fputs(endpoint, file) >= 0 && fclose(file) == 0);
    CHECK(rename(draft, path) == 0);
}

static void
look_up(const char *path, char endpoint[PATH_BYTES])
{
    int64_t limit_ms = clock_mono_ms() + APPEAR_MS;
    FILE *file = NULL;
    while ((file = fopen(path, "re")) == NULL) {
        CHECK(clock_mono_ms() < limit_ms); /* the server has died */
        const struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL); /* an early end does not matter */
    }
    CHECK(fgets(endpoint, PATH_BYTES, file) != NULL);
    (void)fclose(file); /* read only */
}

/* The server has bound all its sockets: what is sent from now on waits for nothing but the
 * pipeline. Its last one is "acks". */
static void
wait_for_server(const struct ceiling_load *load)
{
    char path[PATH_BYTES];
    int64_t limit_ms = clock_mono_ms() + APPEAR_MS;
    (void)snprintf(path, sizeof path, "%s/acks%s", load->directory, load->curve ? ".tcp" : "");
    while (access(path, F_OK) != 0) {
        CHECK(clock_mono_ms() < limit_ms); /* the server has died */
        const struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL); /* an early end does not matter */
    }
}

static void
set_text(void *socket, int option, const char *text)
{
    CHECK(zmq_setsockopt(socket, option, text, strlen(text) + 1) == 0);
}

static void
set_curve(void *socket, bool server)
{
    const struct ceiling_keys *keys = ceiling_pipeline_keys();
    int yes = 1;
    if (server) {
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0);
        set_text(socket, ZMQ_CURVE_SECRETKEY, keys->server_secret);
    } else {
        set_text(socket, ZMQ_CURVE_SERVERKEY, keys->server_public);
        set_text(socket, ZMQ_CURVE_PUBLICKEY, keys->client_public);
        set_text(socket, ZMQ_CURVE_SECRETKEY, keys->client_secret);
    }
}

void *
ceiling_socket(void *context, int type, const struct ceiling_load *load, const char *name,
               bool bind)
{
    char endpoint[PATH_BYTES];
    char path[PATH_BYTES];
    int size = snprintf(path, sizeof path, "%s/%s.tcp", load->directory, name);
    CHECK(size > 0 && (size_t)size < sizeof path);
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", load->directory, name);
    void *socket = zmq_socket(context, type);
    CHECK(socket != NULL);
    int unlimited = 0; /* the window limits */
    int wait_ms = -1;  /* the last messages leave before the context ends */
    CHECK(zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) == 0);
    CHECK(zmq_setsockopt(socket, ZMQ_LINGER, &wait_ms, sizeof wait_ms) == 0);
    if (load->curve) {
        set_curve(socket, bind);
        if (bind) {
            memcpy(endpoint, "tcp://127.0.0.1:*", sizeof "tcp://127.0.0.1:*");
        } else {
            look_up(path, endpoint);
        }
    }
    if (!bind) {
        wait_for_server(load);
    }
    CHECK((bind ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint)) == 0);
    if (load->curve && bind) {
        publish(socket, path);
    }
    return socket;
}
