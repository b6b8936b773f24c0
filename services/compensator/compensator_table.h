/*
 * What the compensator holds, or will have to know the end of: a hash table by delivery.
 *
 * The states of an entry, and the only function that writes them (compensator_table_to):
 *
 *          take  open  replay  end    leave
 *   NONE   HELD  -     -       -      AWAY   (just added)
 *   HELD   -     CASE  -       ENDED  AWAY
 *   CASE   -     -     AWAY    ENDED  AWAY
 *   AWAY   HELD  -     -       ENDED  -      (replayed: the retry-scheduler has it)
 *   ENDED  -     -     -       -      -      (kept while the logs are read at start; then dropped)
 *
 * leave: it was replayed, and a salvage lost the record of that.
 *
 * Entries stay where they are until they are dropped. Pure.
 */
#ifndef HERALD_COMPENSATOR_TABLE_H
#define HERALD_COMPENSATOR_TABLE_H

#include "delivery/record.h"
#include "wire/wire_case.h"

#define COMPENSATOR_NOWHERE UINT32_MAX

enum compensator_state {
    COMPENSATOR_NONE,
    COMPENSATOR_HELD,
    COMPENSATOR_CASE,
    COMPENSATOR_AWAY,
    COMPENSATOR_ENDED,
    COMPENSATOR_STATE_COUNT,
};

enum compensator_event {
    COMPENSATOR_TAKE,
    COMPENSATOR_OPEN,
    COMPENSATOR_REPLAY,
    COMPENSATOR_END,
    COMPENSATOR_LEAVE,
    COMPENSATOR_EVENT_COUNT,
};

/* What is being done about it. */
enum compensator_plan {
    PLAN_NONE,          /* a case without an order, away, ended */
    PLAN_REAPPLY,       /* run the business logic again, a few tries */
    PLAN_UNDO,          /* fence and undo, a few tries */
    PLAN_CANCEL,        /* fence, without limit, until it is refused */
    PLAN_ORDER_UNDO,    /* a person ordered it: fence and undo, a few tries */
    PLAN_ORDER_RESOLVE, /* a person ordered it: fence, as above */
};

/* What is said of a case to people. */
struct compensator_info {
    struct delivery_key key;
    uint64_t id;   /* the CASE record's position */
    uint64_t last; /* the delivery's newest record in the own log, when this ended */
    int64_t opened_unix_ms;
    uint8_t cause; /* enum outcome */
    uint8_t state; /* enum wire_state; PENDING: replayed */
    bool fenced;
    bool lost; /* a salvage lost the notification: nobody can be asked for a fence, or sent it */
    uint8_t biz_id_size;
    uint8_t topic_size;
    uint16_t reason_size;
    char biz_id[LIMIT_BIZ_ID_BYTES];
    char topic[LIMIT_TOPIC_BYTES];
    char reason[LIMIT_REASON_BYTES];
};

struct compensator_entry {
    struct delivery_key key;
    uint64_t last;    /* newest record in the own log; 0: none */
    uint64_t taken;   /* of this turn's TAKEN */
    uint64_t case_id; /* newest CASE record, which has the notification; 0: none */
    uint64_t token;   /* of the job that is out; 0: none */
    int64_t first_sent_unix_ms;
    int64_t limit_ms;              /* WORKING extends the lease up to this */
    struct compensator_info *info; /* owned; while a case is open */
    uint32_t slot;
    uint32_t heap_place;
    uint32_t turn;
    uint32_t cancel_turn; /* highest in which a cancel was asked; 0: none */
    uint32_t waits;       /* unlimited plans: failed tries, for the delay */
    uint32_t ready_next;
    uint32_t ready_before;
    uint32_t ready_group; /* whose list it stands in; COMPENSATOR_NOWHERE: none */
    uint32_t consumer;    /* who has the job */
    uint64_t consumer_id;
    uint16_t attempts; /* burnt before it came here */
    uint16_t tries;    /* burnt here */
    uint8_t state;     /* enum compensator_state */
    uint8_t plan;      /* enum compensator_plan */
    uint8_t moved_for; /* enum outcome: why it came here */
    uint8_t cause;     /* enum outcome of the last failure */
    uint8_t action;    /* enum wire_action of the job that is out */
    uint8_t end;       /* enum record_end, when ENDED */
    bool sent;         /* it may have reached a receiver */
    bool alone;
    bool fenced;          /* the receiver has confirmed a fence */
    bool undo_out;        /* an undo try is on record and not answered */
    bool undo_unanswered; /* a lease of an undo try ran out: counts as fenced */
    bool ordered;         /* a person ordered undo or resolve: never replayed */
    bool instead;         /* reapplied because the group has no undo */
};

typedef struct compensator_table compensator_table_t;

compensator_table_t *compensator_table_new(void);
void compensator_table_destroy(compensator_table_t **self_p);

struct compensator_entry *compensator_table_find(const compensator_table_t *self,
                                                 struct delivery_key key); /* NULL: not there */
struct compensator_entry *compensator_table_add(compensator_table_t *self, struct delivery_key key);
void compensator_table_drop(compensator_table_t *self, struct compensator_entry *entry);

/* Walk all: slots 0 to compensator_table_slots - 1; NULL: an empty slot. */
uint32_t compensator_table_slots(const compensator_table_t *self);
struct compensator_entry *compensator_table_at(const compensator_table_t *self, uint32_t slot);
uint32_t compensator_table_count(const compensator_table_t *self);

/* Whether a cancel that was asked in this turn stands for the entry: delivery/fold.h. */
bool compensator_entry_cancel(const struct compensator_entry *entry, uint32_t cancel_turn);

/* False: refused, nothing changed. */
bool compensator_table_to(struct compensator_entry *entry, enum compensator_event event);

#endif
