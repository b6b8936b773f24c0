/* The functions that the producer core's files share; nobody else includes it. */
#ifndef HERALD_PRODUCER_PRIVATE_H
#define HERALD_PRODUCER_PRIVATE_H

#include "producer_room.h"
#include "producer_state.h"

/* A stored notification, decoded. The block holds its bytes until producer_stored_release. */
struct producer_stored {
    log_block_t *block; /* owned */
    struct record_notification record;
    struct wire_notification notification;
};

/* producer_store.c: reading notifications, and the chain of records of each. */
err_t producer_stored_read(producer_core_t *self, uint64_t position, struct producer_stored *stored,
                           struct why *why);
/* The same; false: it is not kept any more, or, which is a fault, cannot be read. */
bool producer_stored_get(producer_core_t *self, uint64_t position, struct producer_stored *stored);
void producer_stored_release(struct producer_stored *stored);
/* Sync up to here at once, where something must be read back in the round that wrote it. */
err_t producer_make_durable(producer_core_t *self, uint64_t position);
/* The entry of the notification with this biz_id; NULL: none. ERR_... only when a log fails. */
struct producer_index_entry *producer_find(producer_core_t *self, struct wire_text biz_id,
                                           struct producer_stored *stored);
struct producer_index_entry *producer_find_hashed(producer_core_t *self, uint64_t hash,
                                                  struct wire_text biz_id,
                                                  struct producer_stored *stored);
/* The entry of the notification at this position; NULL: it is not kept. */
struct producer_index_entry *producer_entry_of(producer_core_t *self, uint64_t hash,
                                               uint64_t position);
/* The record after which one about this notification comes, for `previous`; 0: none. */
uint64_t producer_previous(const producer_core_t *self, uint64_t notification);
/* The record that is appended next is the notification's newest. hash: of its biz_id; 0: it is not
 * kept any more, and nothing is noted. */
void producer_relink(producer_core_t *self, uint64_t hash, uint64_t notification);
/* Append an event or custody record, linked to the notification's records before it. */
uint64_t producer_append_event(producer_core_t *self, uint64_t hash, struct record_event *event);
uint64_t producer_append_custody(producer_core_t *self, uint64_t hash,
                                 struct record_custody *custody);
void producer_touch(producer_core_t *self, uint64_t hash, uint64_t position);

/* producer_core.c: something that a person should look at, once what it follows from is durable.
 * kind is static. */
void producer_alarm(producer_core_t *self, const char *kind, const char *group, const char *text);

/* producer_admission.c */
void producer_submit(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                     const struct wire_head *head);

/* producer_dispatch.c: first attempts and what becomes of them. */
struct producer_queue *producer_queue_of(producer_core_t *self, uint16_t subscription);
bool producer_is_for(const struct record_notification *record, uint16_t subscription);
err_t producer_dispatch(producer_core_t *self, struct why *why);
/* Whether something is durable that could be sent now: then nothing else must be waited for. */
bool producer_can_dispatch(const producer_core_t *self);
void producer_answered(void *self, const struct sender_entry *entry,
                       const struct wire_outcome *outcome, bool outstanding);
/* Give a delivery of our custody to another; custody->to, cause and what else is set. */
void producer_move(producer_core_t *self, uint64_t hash, struct record_custody *custody,
                   uint32_t weight);
/* It is in our custody no more. ended_weight: it has ended, and weighed so much; 0: it lives on
 * elsewhere. */
void producer_close(producer_core_t *self, struct delivery_key key, uint32_t ended_weight);

/* Tell who watches it: it has reached this state. */
void producer_told(producer_core_t *self, struct delivery_key key, uint8_t state, uint32_t turn);

/* producer_done.c: the receiver has them. */
void producer_done(void *self, const struct sender_entry *entries, uint32_t count, uint8_t outcome);
/* It says so of one that is not in our custody any more. */
void producer_done_late(producer_core_t *self, const struct sender_entry *entry, uint8_t outcome);

/* producer_deadline.c */
void producer_deadlines_init(struct producer_deadlines *self);
void producer_deadlines_fini(struct producer_deadlines *self);
void producer_deadline_add(producer_core_t *self, uint64_t position, int64_t deadline_unix_ms);
void producer_deadline_expire(producer_core_t *self);
/* Whether one is due of something that is open still; those that are done are forgotten. */
bool producer_deadline_is_due(producer_core_t *self);
int64_t producer_deadline_next_ms(const producer_core_t *self); /* when expire is wanted */
/* Forget those of what has left our custody. */
void producer_deadline_prune(producer_core_t *self);

/* producer_follow.c: what the other services' logs say. */
err_t producer_follow(producer_core_t *self, uint32_t max, struct why *why);
/* The hash of a kept notification's biz_id; 0: as producer_stored_get's false. */
uint64_t producer_hash_of(producer_core_t *self, uint64_t position);
/* Whether its index entry must outlive retention follows the delivery's state. */
void producer_pin(producer_core_t *self, const struct producer_moved_entry *moved);
/* A record of a delivery that has left our custody: an end is told, and noted in the own log. */
void producer_learned(producer_core_t *self, struct producer_moved_entry *moved, enum log_id log,
                      uint64_t position, const struct record_event *event);
/* producer_session.c, producer_query.c, producer_cancel.c: one message each. */
void producer_hello(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_ping(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                   const struct wire_head *head);
void producer_leave(producer_core_t *self, struct wire_in *in, const struct wire_head *head);
void producer_group(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_query(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_watch(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                    const struct wire_head *head);
void producer_cancel(producer_core_t *self, const struct outbox_route *route, struct wire_in *in,
                     const struct wire_head *head);

/* Answers that all of them give. */
void producer_answer(producer_core_t *self, const struct outbox_route *route, struct wire_out *out);
void producer_refuse(producer_core_t *self, const struct outbox_route *route, uint64_t request,
                     uint8_t status, const char *text);

/* producer_retention.c: once in a while. */
err_t producer_retain(producer_core_t *self, struct why *why);
/* Where the log was at that time, unless a mark is near. */
void producer_mark(producer_core_t *self, uint64_t position, int64_t unix_ms);

/* producer_checkpoint.c */
void producer_checkpoint_write(producer_core_t *self);
/* producer_restore.c: ERR_NOT_FOUND: there is none. *from: where to read the own log on from;
 * read: how far the others' logs were read by then. */
err_t producer_checkpoint_read(producer_core_t *self, uint64_t *from, uint64_t read[LOG_ID_COUNT],
                               struct why *why);

/* producer_salvaged.c: the index of all before the checkpoint, whose chain a salvage has cut; and,
 * after the replay: what is open and was lost is closed, and told. */
err_t producer_reindex(producer_core_t *self, struct why *why);
err_t producer_close_lost(producer_core_t *self, struct why *why);

/* What an INDEX record says of one notification. */
struct producer_indexed {
    uint64_t hash;
    uint64_t position;
    uint64_t newest; /* record */
};

/* What a CHECKPOINT_ITEM holds; the formats are drawn in producer_checkpoint.c. */
enum producer_item {
    PRODUCER_ITEM_OPEN = 1,
    PRODUCER_ITEM_MOVED = 2,
    PRODUCER_ITEM_DEADLINE = 3,
    PRODUCER_ITEM_SUBSCRIPTION = 4,
    PRODUCER_ITEM_GROUP = 5,
    PRODUCER_ITEM_MARK = 6,
};

#endif
