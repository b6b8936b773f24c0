/* What the files of wire_echo share; nobody else includes it. */
#ifndef HERALD_TESTS_WIRE_ECHO_PRIVATE_H
#define HERALD_TESTS_WIRE_ECHO_PRIVATE_H

#include "support/wire_echo.h"

#include "wire/wire_message.h"

struct echo {
    struct wire_in in;
    struct wire_head head;
    struct wire_out *out; /* borrowed */
    struct why *why;      /* borrowed */
};

/* wire_echo_session.c: the messages of wire_session.h. */
err_t echo_hello(struct echo *self);
err_t echo_welcome(struct echo *self);
err_t echo_ping(struct echo *self);
err_t echo_pong(struct echo *self);
err_t echo_status(struct echo *self);
err_t echo_said(struct echo *self);
err_t echo_plain(struct echo *self);
err_t echo_counters(struct echo *self);
err_t echo_leave(struct echo *self);
err_t echo_wake(struct echo *self);

/* A text as the encoders of notes want it: terminated, empty when there is none. */
void echo_text(char copy[WIRE_TEXT_BYTES + 1], struct wire_text text);

#endif
