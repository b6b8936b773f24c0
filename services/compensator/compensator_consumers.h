/*
 * The consumers that are here: HELLO brings them, PING keeps them, silence takes them away. What
 * they have out then waits for its lease.
 */
#ifndef HERALD_COMPENSATOR_CONSUMERS_H
#define HERALD_COMPENSATOR_CONSUMERS_H

#include "compensator_state.h"

void compensator_consumers_hello(compensator_t *self, const struct outbox_route *route,
                                 uint64_t request, const struct wire_hello *hello);
void compensator_consumers_ping(compensator_t *self, const struct outbox_route *route,
                                uint64_t request, const struct wire_ping *ping);
void compensator_consumers_leave(compensator_t *self, const struct wire_ping *session);
void compensator_consumers_expire(compensator_t *self);

/* The one of the group with the fewest jobs out; NULL: nobody has room. */
struct compensator_consumer *compensator_consumers_pick(compensator_t *self, uint32_t group);

/* The one with this id, if it is still here. */
struct compensator_consumer *compensator_consumers_at(compensator_t *self, uint32_t slot,
                                                      uint64_t id);

uint32_t compensator_consumers_count(const compensator_t *self);

#endif
