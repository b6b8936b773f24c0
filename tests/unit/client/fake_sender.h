/*
 * A service that sends work, driven by the test step by step: a front door, a lane and an outcome
 * socket in a temporary directory. Whatever is waited for is waited for up to FAKE_SENDER_WAIT_MS.
 */
#ifndef HERALD_TESTS_FAKE_SENDER_H
#define HERALD_TESTS_FAKE_SENDER_H

#include "wire/wire_deliver.h"
#include "wire/wire_session.h"

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#define FAKE_SENDER_WAIT_MS 20000
#define FAKE_SENDER_RUN 7

struct fake_sender {
    char dir[32];
    char front_endpoint[64];
    char lane_endpoint[64];
    char outcome_endpoint[64];
    void *context;
    void *front;
    void *lane;
    void *outcome;
    uint8_t route[32]; /* of who spoke last at the front door */
    size_t route_size;
    zmq_msg_t message; /* the last one received */
    struct wire_in in; /* over it, behind its head */
    struct wire_head head;
    struct wire_hello hello; /* the last one; its texts live in the message */
    uint64_t run;
    uint32_t ping_ms;        /* in WELCOME */
    const char *compensator; /* in WELCOME; NULL: none */
    bool plain;              /* WELCOME names neither lane nor outcome */
};

void fake_sender_open(struct fake_sender *self);
void fake_sender_close(struct fake_sender *self);
void fake_sender_bind_outcome(struct fake_sender *self); /* part of open but in `late` tests */
void fake_sender_open_without_outcome(struct fake_sender *self);

/* As another process at the same place: a front door that knows nobody, and the next run. */
void fake_sender_restart(struct fake_sender *self);

/* Wait for a message of this type at the front door; others are passed over, PING answered. */
bool fake_sender_expect(struct fake_sender *self, enum wire_type type);
/* False: whoever said HELLO has closed its connection meanwhile. */
bool fake_sender_welcome(struct fake_sender *self, uint8_t status, const char *text);
void fake_sender_join(struct fake_sender *self); /* expect HELLO, say WELCOME */
void fake_sender_pong(struct fake_sender *self, bool known);

/* What is sent: `count` notifications "b<token>" from first_token on. */
struct fake_load {
    uint64_t first_token;
    uint32_t count;
    const char *group; /* NULL: "orders" */
    uint32_t lease_ms; /* 0: a minute */
    bool alone;
    uint32_t spoilt; /* so many of the first have a wrong hash */
    bool unsound;    /* the first has its right hash, and a map, which no notification has */
};
void fake_sender_deliver(struct fake_sender *self, const struct fake_load *load);
void fake_sender_lane_bytes(struct fake_sender *self, const void *bytes, size_t size);
void fake_sender_job(struct fake_sender *self, uint64_t token, enum wire_action action);

/* The next OUTCOME, or RESULT at the front door, opened; outcomes follow with wire_outcome_next. */
bool fake_sender_outcomes(struct fake_sender *self, struct wire_outcomes *head);
bool fake_sender_results(struct fake_sender *self, struct wire_outcomes *head);
/* Whether the next OUTCOME frame is exactly this one run. */
bool fake_sender_says(struct fake_sender *self, uint64_t first_token, uint32_t count,
                      enum wire_outcome_code outcome);

#endif
