/*
 * The three logs of a journal as one service sees them: its own, and the two others that it
 * follows.
 *
 * At start: opens the others, finds how far they have seen the own log (`witnessed`), takes the own
 * log. Then hands out the others' records one by one, and writes into the own log how far they were
 * read: a POSITION record, at most one a step, after what it covers was appended, and only after
 * something other than POSITIONs and checkpoints was passed (or a log replies to nothing for ever),
 * or a thousand records of any kind.
 *
 * Room on disk is one for all three logs. The producer works out what everything open may still
 * need (delivery/delivery_cost.h) and publishes it with its log; the others keep the same free.
 * When what is free comes close to it, all are thrifty.
 *
 * One thread.
 */
#ifndef HERALD_RUNTIME_PEERS_H
#define HERALD_RUNTIME_PEERS_H

#include "delivery/record.h"
#include "journal/log.h"

/* What speaks of no delivery. */
#define PEERS_QUIET_KINDS                                                                          \
    (LOG_KIND_BIT(RECORD_POSITION) | LOG_KIND_BIT(RECORD_CHECKPOINT_BEGIN) |                       \
     LOG_KIND_BIT(RECORD_CHECKPOINT_ITEM) | LOG_KIND_BIT(RECORD_CHECKPOINT_END) |                  \
     LOG_KIND_BIT(RECORD_INDEX))

/* What the other services do not read of the producer's log: with these alone nobody is woken. */
#define PEERS_UNREAD_OF_PRODUCER                                                                   \
    (PEERS_QUIET_KINDS | LOG_KIND_BIT(RECORD_NOTIFICATION) | LOG_KIND_BIT(RECORD_DONE) |           \
     LOG_KIND_BIT(RECORD_ENDED))

typedef struct peers peers_t;

/*
 * ERR_... as log_own. `self_id` is the own log.
 *
 * ERR_TIMEOUT  another log cannot be read as far as it was read before: after a power cut, until
 *              its owner has started. By then the own log has been recovered, so that the others,
 *              who may wait for it, can go on; try again.
 */
err_t peers_open(peers_t **self_p, const struct log_settings *settings, enum log_id self_id,
                 struct why *why);
void peers_close(peers_t **self_p);

log_t *peers_own(peers_t *self);
log_t *peers_log(peers_t *self, enum log_id id);
const char *peers_name(enum log_id id); /* of the log: producer, scheduler, compensator */

/* Go on reading a peer's log from here (at start, from a checkpoint); only kinds of this mask. */
void peers_read_from(peers_t *self, enum log_id id, uint64_t position, uint32_t kinds);

/* How far a peer's log was read: the position after the last one handed out. */
uint64_t peers_read(const peers_t *self, enum log_id id);

/* Whether peers_refresh looks at the others' logs from now on; it does until it is told otherwise.
 * Who is woken by the others need not ask their files in every round. */
void peers_look(peers_t *self, bool look);

/* Look for what has become durable in the others' logs, and at the room on disk. */
err_t peers_refresh(peers_t *self, struct why *why);

/* Whether the last look at the others' logs found more in one of them: then there will be more, and
 * who looks again soon reads it in small pieces. A second's worth at once kept a busy machine from
 * everything else for 2 ms. */
bool peers_grow(const peers_t *self);

/* The next unread record of either peer. ERR_AGAIN: none. The body is valid until the next call. */
err_t peers_next(peers_t *self, enum log_id *id, struct log_record *record, struct why *why);

/* What was handed out so far is acted on: append a POSITION when there is something to say, at the
 * latest with the next commit. */
void peers_note(peers_t *self);

/* The same of all that was read, also where it was of no interest: at a clean end. */
void peers_note_all(peers_t *self);

/*
 * Commit what was appended, and sync or learn of syncs. While room is short this may wait for more
 * to commit (runtime/thrift.h). at_once: nothing waits, and what was committed is durable when this
 * returns. ERR_OK also when the disk is full: the next one tries the same records. Others:
 * log_commit's, log_reap's.
 */
err_t peers_commit(peers_t *self, bool at_once, int64_t now_ms, struct why *why);
/* Whether the next commit may wait for more: all that it would commit is of these kinds, and it has
 * not waited already since room is short. */
bool peers_may_wait(const peers_t *self, uint32_t kinds);

/* When peers_commit is wanted again at the latest; INT64_MAX: nothing waits. */
int64_t peers_commit_ms(const peers_t *self);

/* Whether room on disk was short at the last refresh; and as much of a reason as is recorded now.
 */
bool peers_short(const peers_t *self);
size_t peers_reason_bytes(const peers_t *self);

/* Position of the newest record of the own log, durable or not, that another service reads: without
 * a newer one than at the last wake there is nothing to wake for. What is not worth a wake
 * (POSITION for trimming, say) the others find when they look by themselves. While room is short
 * notifications are news too: the others must know at once how much the producer keeps free. */
uint64_t peers_news(const peers_t *self);

/* The smallest position of the own log that every reader has passed, for trimming. */
uint64_t peers_readers(const peers_t *self);

#endif
