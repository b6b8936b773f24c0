/*
 * Jobs: what is due goes to the consumer of its group that has the fewest jobs out; a lease that
 * runs out is an answer like any other.
 *
 * An entry waits in the heap until it is due, then in its group's list until a consumer has room,
 * then again in the heap for its lease.
 */
#ifndef HERALD_COMPENSATOR_JOBS_H
#define HERALD_COMPENSATOR_JOBS_H

#include "compensator_state.h"

/* The next job of this entry, which has none out, is due then. */
void compensator_jobs_schedule(compensator_t *self, struct compensator_entry *entry,
                               int64_t due_ms);

/* Nothing more is wanted for this entry; an answer to a job that is out will be late news. */
void compensator_jobs_forget(compensator_t *self, struct compensator_entry *entry);

/* The job that was out is answered. */
void compensator_jobs_answered(compensator_t *self, struct compensator_entry *entry);

/* What this consumer has out is due again, and no try is burnt: it has said that it leaves, after
 * its last answer. */
void compensator_jobs_return(compensator_t *self, uint64_t consumer_id);

/* WORKING: the lease begins again, up to the subscription's limit. */
void compensator_jobs_extend(compensator_t *self, struct compensator_entry *entry);

/* What a token stands for; NULL: not known any more. */
const struct compensator_token *compensator_jobs_token(const compensator_t *self, uint64_t token);

void compensator_jobs_expire(compensator_t *self); /* what is due, leases */
void compensator_jobs_send(compensator_t *self);

/* All jobs have left the outbox: now the leases of the new ones begin, however long their sync
 * took.
 */
void compensator_jobs_left(compensator_t *self, int64_t now_ms);

/* Whoever waits for a receiver too long raises an alarm, once a group until it answers again. */
void compensator_jobs_watch(compensator_t *self);

#endif
