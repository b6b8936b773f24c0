#include "compensator_answer.h"

void
compensator_answer(compensator_t *self, const struct outbox_route *route, struct wire_out *out)
{
    size_t size = 0;
    uint8_t *body = wire_out_take(out, &size);
    outbox_front(self->outbox, log_next(self->own) - 1, route, body, size);
}

void
compensator_answer_status(compensator_t *self, const struct outbox_route *route, uint64_t request,
                          uint8_t status, const char *text)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_status_encode(&out, WIRE_STATUS, request, status, text);
    compensator_answer(self, route, &out);
}

void
compensator_answer_error(compensator_t *self, const struct outbox_route *route, uint64_t request,
                         uint8_t status, const char *text)
{
    struct wire_out out;
    wire_out_init(&out, 128);
    wire_status_encode(&out, WIRE_ERROR, request, status, text);
    compensator_answer(self, route, &out);
}
