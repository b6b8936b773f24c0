/* Answers on the front door: each waits for everything that was appended before it. */
#ifndef HERALD_COMPENSATOR_ANSWER_H
#define HERALD_COMPENSATOR_ANSWER_H

#include "compensator_state.h"

/* out is consumed. */
void compensator_answer(compensator_t *self, const struct outbox_route *route,
                        struct wire_out *out);
void compensator_answer_status(compensator_t *self, const struct outbox_route *route,
                               uint64_t request, uint8_t status, const char *text);

#endif
