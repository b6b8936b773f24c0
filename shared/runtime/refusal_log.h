/*
 * Refused connections and denied commands as log lines.
 */
#ifndef HERALD_RUNTIME_REFUSAL_LOG_H
#define HERALD_RUNTIME_REFUSAL_LOG_H

#include "seal/seal_refusals.h"

/* Two seal_refused_fn: of connections, and of commands. context is not used. Any thread. */
void refusal_log(void *context, const struct seal_refused *refused);
void refusal_log_denied(void *context, const struct seal_refused *refused);

#endif
