#include "compensator_answer.h"

void
compensator_answer(compensator_t *self, const struct outbox_route *route, struct wire_out *out)
{
    front_answer(&self->front, route, out);
}

void
compensator_answer_status(compensator_t *self, const struct outbox_route *route, uint64_t request,
                          uint8_t status, const char *text)
{
    front_status(&self->front, route, request, status, text);
}
