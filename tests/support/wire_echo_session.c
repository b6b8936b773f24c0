#include "support/wire_echo_private.h"

#include "wire/wire_said.h"
#include "wire/wire_session.h"

#include <string.h>

err_t
echo_hello(struct echo *self)
{
    struct wire_hello hello;
    err_t rc = wire_hello_decode(&self->in, &self->head, &hello, self->why);
    if (rc == ERR_OK) {
        wire_hello_encode(self->out, self->head.request, &hello);
    }
    return rc;
}

err_t
echo_welcome(struct echo *self)
{
    struct wire_welcome welcome;
    err_t rc = wire_welcome_decode(&self->in, &self->head, &welcome, self->why);
    if (rc == ERR_OK) {
        wire_welcome_encode(self->out, self->head.request, &welcome);
    }
    return rc;
}

err_t
echo_ping(struct echo *self)
{
    struct wire_ping ping;
    err_t rc = wire_ping_decode(&self->in, &self->head, &ping, self->why);
    if (rc == ERR_OK) {
        wire_ping_encode(self->out, self->head.request, &ping);
    }
    return rc;
}

err_t
echo_pong(struct echo *self)
{
    struct wire_pong pong;
    err_t rc = wire_pong_decode(&self->in, &self->head, &pong, self->why);
    if (rc == ERR_OK) {
        wire_pong_encode(self->out, self->head.request, &pong);
    }
    return rc;
}

void
echo_text(char copy[WIRE_TEXT_BYTES + 1], struct wire_text text)
{
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
}

err_t
echo_status(struct echo *self)
{
    uint8_t status = 0;
    struct wire_text text;
    err_t rc = wire_status_decode(&self->in, &self->head, &status, &text, self->why);
    if (rc == ERR_OK) {
        char copy[WIRE_TEXT_BYTES + 1];
        echo_text(copy, text);
        wire_status_encode(self->out, self->head.type, self->head.request, status, copy);
    }
    return rc;
}

err_t
echo_said(struct echo *self)
{
    struct wire_said said;
    err_t rc = wire_said_decode(&self->in, &self->head, &said, self->why);
    if (rc == ERR_OK) {
        wire_said_encode(self->out, self->head.request, &said);
    }
    return rc;
}

/* STATS and RELOAD. */
err_t
echo_plain(struct echo *self)
{
    wire_plain_encode(self->out, self->head.type, self->head.request);
    return wire_message_finish(&self->in, &self->head, self->why);
}

err_t
echo_counters(struct echo *self)
{
    struct wire_counters counters;
    err_t rc = wire_counters_decode(&self->in, &self->head, &counters, self->why);
    if (rc == ERR_OK) {
        char name[LIMIT_NAME_BYTES + 1] = {0};
        memcpy(name, counters.service.data, counters.service.size);
        wire_counters_encode(self->out, self->head.request, name, counters.list, counters.count);
    }
    return rc;
}

err_t
echo_leave(struct echo *self)
{
    struct wire_ping session;
    err_t rc = wire_leave_decode(&self->in, &self->head, &session, self->why);
    if (rc == ERR_OK) {
        wire_leave_encode(self->out, &session);
    }
    return rc;
}

err_t
echo_wake(struct echo *self)
{
    uint8_t log = 0;
    uint64_t position = 0;
    err_t rc = wire_wake_decode(&self->in, &self->head, &log, &position, self->why);
    if (rc == ERR_OK) {
        wire_wake_encode(self->out, log, position);
    }
    return rc;
}
