#include "ctl_service.h"

#include "ctl_print.h"
#include "runtime/exit_code.h"
#include "seal/seal_keys.h"
#include "wire/wire_said.h"
#include "wire/wire_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

struct ctl_place {
    const char *service;
    const char *socket; /* in DATA/run, and its name in the producer's WELCOME */
    enum ctl_option option;
    const char *variable; /* of the environment */
};

static const struct ctl_place ctl_places[CTL_SERVICE_COUNT] = {
    [CTL_SERVICE_PRODUCER] = {"producer", "producer", CTL_PRODUCER, "HERALD_PRODUCER"},
    [CTL_SERVICE_SCHEDULER] = {"retry-scheduler", "scheduler", CTL_SCHEDULER, "HERALD_SCHEDULER"},
    [CTL_SERVICE_COMPENSATOR] = {"compensator", "compensator", CTL_COMPENSATOR,
                                 "HERALD_COMPENSATOR"},
    [CTL_SERVICE_CONSUMER] = {"order-consumer", "order-consumer", CTL_CONSUMER,
                              "HERALD_ORDER_CONSUMER"},
};

const char *
ctl_service_name(enum ctl_service service)
{
    return ctl_places[service].service;
}

err_t
ctl_service_of(const char *name, enum ctl_service *service, struct why *why)
{
    for (int i = 0; i < CTL_SERVICE_COUNT; i++) {
        if (strcmp(ctl_places[i].service, name) == 0 || strcmp(ctl_places[i].socket, name) == 0) {
            *service = (enum ctl_service)i;
            return ERR_OK;
        }
    }
    return why_set(why, ERR_INVALID,
                   "%s: no such service; there are producer, retry-scheduler, compensator and "
                   "order-consumer",
                   name);
}

static const char *
ctl_data(const struct ctl *ctl)
{
    const char *data = ctl->values[CTL_DATA];
    if (data == NULL) {
        data = getenv("HERALD_DATA");
    }
    return data == NULL || *data == '\0' ? "./var" : data;
}

const char *
ctl_keys(const struct ctl *ctl)
{
    const char *keys = ctl->values[CTL_KEYS];
    if (keys == NULL) {
        keys = getenv("HERALD_KEYS");
    }
    if (keys == NULL || *keys == '\0') {
        return NULL;
    }
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none); /* no key in a core file, nor for another's debugger */
    (void)prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
    return keys;
}

err_t
ctl_keys_check(const struct ctl *ctl, struct why *why)
{
    const char *directory = ctl_keys(ctl);
    seal_keys_t *keys = NULL;
    err_t rc = directory == NULL ? ERR_OK : seal_keys_open(&keys, directory, SEAL_SECRET_FILE, why);
    seal_keys_close(&keys);
    return rc;
}

/* Where an option says that it is, or, without --data, the environment. NULL: neither does. */
static const char *
ctl_given(const struct ctl *ctl, enum ctl_service service)
{
    const char *given = ctl->values[ctl_places[service].option];
    if (given == NULL && ctl->values[CTL_DATA] == NULL) {
        given = getenv(ctl_places[service].variable);
        given = given == NULL || *given == '\0' ? NULL : given;
    }
    return given;
}

err_t
ctl_endpoint(const struct ctl *ctl, enum ctl_service service,
             char endpoint[LIMIT_ENDPOINT_BYTES + 1], struct why *why)
{
    const char *given = ctl->values[CTL_ENDPOINT];
    if (given == NULL) {
        given = ctl_given(ctl, service);
    }
    int size = given != NULL ? snprintf(endpoint, LIMIT_ENDPOINT_BYTES + 1, "%s", given)
                             : snprintf(endpoint, LIMIT_ENDPOINT_BYTES + 1, "ipc://%s/run/%s.front",
                                        ctl_data(ctl), ctl_places[service].socket);
    if (size < 0 || size > LIMIT_ENDPOINT_BYTES) {
        return why_set(why, ERR_INVALID, "the endpoint of %s is longer than %d bytes",
                       ctl_places[service].service, LIMIT_ENDPOINT_BYTES);
    }
    return ERR_OK;
}

err_t
ctl_client(const struct ctl *ctl, struct herald_client_options *options, herald_client_t **client_p,
           struct why *why)
{
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    err_t rc = ctl_endpoint(ctl, CTL_SERVICE_PRODUCER, endpoint, why);
    if (rc == ERR_OK) {
        options->producer = endpoint;
        options->name = "heraldctl";
        options->keys = ctl_keys(ctl);
        options->timeout_ms = options->timeout_ms == 0 ? ctl->timeout_ms : options->timeout_ms;
        rc = herald_client_new(client_p, options, why);
        options->producer = NULL; /* it was copied; the text ends here */
    }
    return rc;
}

/* When only the producer's place is given, it says where the others are. */
static err_t
ctl_learn(const struct ctl *ctl, enum ctl_service service, struct herald_client_place *place,
          struct why *why)
{
    struct herald_client_options options = {0};
    herald_client_t *client = NULL;
    err_t rc = ctl_client(ctl, &options, &client, why);
    if (rc == ERR_OK) {
        rc = herald_client_place(client, ctl_places[service].socket, place, why);
    }
    herald_client_destroy(&client);
    return rc;
}

/* The server's key is the one that we have of it, else what the producer said. */
static err_t
ctl_dial(const struct ctl *ctl, enum ctl_service service, const struct herald_client_place *place,
         struct ctl_question *question, struct why *why)
{
    const char *directory = ctl_keys(ctl);
    seal_keys_t *keys = NULL;
    err_t rc = directory == NULL ? ERR_OK : seal_keys_open(&keys, directory, SEAL_SECRET_FILE, why);
    if (rc != ERR_OK) {
        return rc;
    }
    const uint8_t *key = place->has_key ? place->key : NULL;
    if (keys != NULL && seal_keys_server(keys, ctl_places[service].service) != NULL) {
        key = seal_keys_server(keys, ctl_places[service].service);
    }
    const struct wire_bytes said = {.data = key, .size = key == NULL ? 0 : SEAL_KEY_BYTES};
    rc = client_call_new(&question->call, place->endpoint,
                         keys == NULL ? NULL : seal_keys_secret(keys), said, why);
    seal_keys_close(&keys); /* the socket has its own copy */
    return rc;
}

err_t
ctl_question_open(const struct ctl *ctl, enum ctl_service service, struct ctl_question *question,
                  struct why *why)
{
    struct herald_client_place place = {.has_key = false};
    bool named = service == CTL_SERVICE_SCHEDULER || service == CTL_SERVICE_COMPENSATOR;
    bool given = ctl->values[CTL_ENDPOINT] != NULL || ctl_given(ctl, service) != NULL;
    memset(question, 0, sizeof *question);
    err_t rc = named && !given && ctl_given(ctl, CTL_SERVICE_PRODUCER) != NULL
                   ? ctl_learn(ctl, service, &place, why)
                   : ctl_endpoint(ctl, service, place.endpoint, why);
    if (rc == ERR_OK) {
        rc = ctl_dial(ctl, service, &place, question, why);
    }
    if (rc == ERR_OK) {
        ctl_question_begin(question);
    }
    return rc;
}

void
ctl_question_begin(struct ctl_question *question)
{
    wire_out_fini(&question->out);
    wire_out_init(&question->out, 256);
    question->request = client_call_request(question->call);
}

void
ctl_question_close(struct ctl_question *question)
{
    wire_out_fini(&question->out);
    client_call_destroy(&question->call);
}

static err_t
ctl_call(const struct ctl *ctl, struct ctl_question *question, struct why *why)
{
    struct client_call_question asked = {
        .request = question->request,
        .timeout_ms = ctl->timeout_ms,
    };
    asked.body = wire_out_take(&question->out, &asked.size);
    return client_call(question->call, &asked, &question->answer, why);
}

err_t
ctl_ask(const struct ctl *ctl, struct ctl_question *question, enum wire_type type, struct why *why)
{
    err_t rc = ctl_call(ctl, question, why);
    if (rc != ERR_OK || question->answer.head.type == type) {
        return rc;
    }
    if (question->answer.head.type != WIRE_STATUS) {
        return why_set(why, ERR_INVALID, "answered with %s instead of %s",
                       wire_type_name(question->answer.head.type), wire_type_name(type));
    }
    uint8_t status = 0;
    struct wire_text text = {NULL, 0};
    rc = wire_status_decode(&question->answer.in, &question->answer.head, &status, &text, why);
    if (rc != ERR_OK) {
        return rc;
    }
    return why_set(why, status == WIRE_NOT_FOUND ? ERR_NOT_FOUND : ERR_INVALID, "%s: %.*s",
                   wire_status_name(status), CTL_TEXT(text));
}

static bool
ctl_is_yes(uint8_t status)
{
    return status == WIRE_OK || status == WIRE_ACCEPTED || status == WIRE_DUPLICATE ||
           status == WIRE_CANCELLED || status == WIRE_REQUESTED;
}

/* The facts are members of the object, beside what every answer has. */
static void
ctl_said_json(const struct wire_said *said)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "status", ctl_json_string(wire_status_name(said->status)));
    (void)json_object_set_new(object, "text", ctl_json_text(said->text.data, said->text.size));
    for (uint32_t i = 0; i < said->fact_count; i++) {
        const struct wire_fact *fact = &said->facts[i];
        char name[LIMIT_NAME_BYTES + 1];
        ctl_copy(name, sizeof name, fact->name);
        json_t *value = fact->kind == WIRE_FACT_TEXT
                            ? ctl_json_text(fact->text.data, fact->text.size)
                        : fact->kind == WIRE_FACT_BOOL ? json_boolean(fact->number != 0)
                                                       : ctl_json_uint(fact->number);
        (void)json_object_set_new(object, name, value);
    }
    ctl_json_line(object);
}

int
ctl_decide(const struct ctl *ctl, struct ctl_question *question)
{
    struct why why = {{0}};
    struct wire_said said = {0};
    err_t rc = ctl_call(ctl, question, &why);
    if (rc == ERR_OK && question->answer.head.type != WIRE_STATUS) {
        rc = why_set(&why, ERR_INVALID, "answered with %s",
                     wire_type_name(question->answer.head.type));
    }
    if (rc == ERR_OK) {
        rc = wire_said_decode(&question->answer.in, &question->answer.head, &said, &why);
    }
    if (rc != ERR_OK) {
        return ctl_failed(rc, &why);
    }
    bool good = ctl_is_yes(said.status);
    if (ctl->json) {
        ctl_said_json(&said);
    } else {
        (void)fprintf(good ? stdout : stderr, "%s%s%.*s\n", wire_status_name(said.status),
                      said.text.size == 0 ? "" : ": ", CTL_TEXT(said.text));
    }
    if (!good && said.status == WIRE_BUSY) {
        return EXIT_CODE_UNAVAILABLE;
    }
    return good ? EXIT_CODE_OK : EXIT_CODE_NOT_ALL;
}
