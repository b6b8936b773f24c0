/*
 * The examples of the messages between services and receivers, and of STATUS with facts.
 */
#ifndef HERALD_TESTS_WIRE_SAMPLES_DELIVERY_H
#define HERALD_TESTS_WIRE_SAMPLES_DELIVERY_H

#include "wire/wire_out.h"

void wire_samples_delivery_deliver(struct wire_out *out);
void wire_samples_delivery_outcome(struct wire_out *out);
void wire_samples_delivery_job(struct wire_out *out);
void wire_samples_delivery_result(struct wire_out *out);
void wire_samples_delivery_status(struct wire_out *out);

#endif
