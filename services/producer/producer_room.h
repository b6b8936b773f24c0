/*
 * Room on disk, for the producer core's own files: what all that is open may still need is counted
 * when it is accepted and when it ends. A weight is delivery_cost_weight's.
 */
#ifndef HERALD_PRODUCER_ROOM_H
#define HERALD_PRODUCER_ROOM_H

#include "producer_state.h"

uint32_t producer_weight(const struct wire_notification *notification, size_t encoded_size);
uint32_t producer_weight_of(const struct record_notification *record);
void producer_load_add(producer_core_t *self, struct producer_queue *queue, uint32_t weight);
/* So many deliveries of it, which weighed so much together, have ended. */
void producer_load_remove(producer_core_t *self, uint16_t subscription, uint32_t count,
                          uint64_t weight);
/* How many retries a delivery of it may need in all, for the load. */
uint64_t producer_retries(const producer_core_t *self, uint16_t subscription);
/* From what the queues hold, when policies have changed. */
void producer_load_recount(producer_core_t *self);
/* Before a frame, once the log was asked how much room there is: so much can be given out without
 * counting anew for each notification, as long as nothing but producer_room_for gives it out. */
void producer_room_look(producer_core_t *self);
/* What deliveries to these subscriptions may cost at most, for producer_topic.most. */
uint64_t producer_room_most(producer_core_t *self, const struct producer_topic *topic);
/* Whether one more notification for these subscriptions finds room above what is kept; true: it is
 * given to it. */
bool producer_room_for(producer_core_t *self, const struct producer_topic *topic, uint32_t weight,
                       size_t encoded_size);
uint64_t producer_room(const producer_core_t *self); /* above what is kept */
void producer_room_keep(producer_core_t *self); /* once a round: tell the log, and the others */

#endif
