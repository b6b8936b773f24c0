/*
 * The core's state, shared by the files that make it up, and what each of them offers the others.
 */
#ifndef HERALD_COMPENSATOR_STATE_H
#define HERALD_COMPENSATOR_STATE_H

#include "compensator_core.h"
#include "compensator_table.h"
#include "delivery/absence.h"
#include "delivery/catalog.h"
#include "delivery/deadline_heap.h"
#include "wire/wire_deliver.h"

#define COMPENSATOR_CLOSED_MAX 1024 /* closed cases and closed deliveries that are remembered */
#define COMPENSATOR_ASKED_MAX 1024  /* cancels of what may still be on its way to us */
#define COMPENSATOR_LATER_MAX 64    /* questions that wait for a sync */

struct compensator_consumer {
    uint64_t id; /* never used again; 0: the slot is free */
    uint64_t nonce;
    int64_t heard_ms;
    uint32_t group;
    uint32_t jobs_out;
    struct outbox_route route;
    struct wire_text name; /* into name_bytes */
    char name_bytes[LIMIT_NAME_BYTES];
    struct wire_out frame; /* gathered in this step; data NULL: none */
    struct wire_deliver_out jobs;
};

/* A token and what it stands for, also for a while after its lease ran out. */
struct compensator_token {
    uint64_t token; /* 0: never used */
    struct delivery_key key;
    bool is_out;
};

struct compensator_group {
    uint32_t first; /* of the entries that are due, in order; COMPENSATOR_NOWHERE: none */
    uint32_t last;
    uint32_t ready;
    uint32_t consumers;
    struct absence absence;
};

/* How a delivery ended here, for late news of it. */
struct compensator_closed {
    struct delivery_key key; /* position 0: empty */
    uint8_t end;             /* enum record_end */
    bool fenced;
};

struct compensator_later {
    struct outbox_route route;
    uint8_t *body; /* owned */
    size_t size;
    uint64_t after;
};

/* A cancel of what is not held, or not yet. */
struct compensator_asked {
    struct delivery_key key; /* position 0: empty */
    uint32_t turn;
};

struct compensator {
    struct compensator_settings settings;
    peers_t *peers;             /* borrowed */
    log_t *own;                 /* borrowed from peers */
    outbox_t *outbox;           /* borrowed */
    catalog_t *catalog;         /* owned */
    compensator_table_t *table; /* owned */
    struct deadline_heap heap;  /* of entries: when due, or the lease of the job that is out */
    struct compensator_group groups[LIMIT_GROUPS];
    struct compensator_consumer *consumers; /* owned; COMPENSATOR_CONSUMERS_MAX */
    uint32_t consumers_used;                /* slots beyond were never used */
    uint64_t consumer_id;
    struct compensator_token *tokens; /* owned; a ring by counter */
    uint64_t token_capacity;          /* a power of two */
    uint64_t token_counter;
    uint64_t token_left;       /* jobs up to it have left the outbox */
    uint64_t token_next;       /* and up to this, when so many answers have left it */
    uint64_t token_next_after; /* of outbox_left */
    int64_t token_next_ms;     /* what is behind token_next was put there later */
    int64_t token_after_ms;    /* and what is behind token_left later than this */
    uint32_t jobs_out;
    struct compensator_closed closed[COMPENSATOR_CLOSED_MAX]; /* a ring */
    uint64_t closed_count;
    struct compensator_info *infos[COMPENSATOR_CLOSED_MAX]; /* owned; a ring of closed cases */
    uint64_t info_count;
    struct compensator_asked asked[COMPENSATOR_ASKED_MAX]; /* a ring */
    uint64_t asked_count;
    struct compensator_later later[COMPENSATOR_LATER_MAX];
    uint32_t later_count;
    uint64_t checkpoint_since; /* own records are counted from here until the next one */
    int64_t trim_ms;
    uint64_t trim_keep;  /* what is to go once it may; 0: nothing */
    uint64_t trim_after; /* the own log must be durable up to here first */
    int64_t started_ms;
    int64_t now_ms;
    int64_t now_unix_ms;
    struct front front;
    bool more;        /* the others' logs hold more than one step reads */
    bool recovering;  /* no jobs; ended entries stay */
    uint64_t lost_at; /* the first record that a salvage lost behind the checkpoint; 0: none */
    err_t failure;    /* what ends the service at the next step */
    struct why failure_why;
    uint64_t counts[12]; /* enum compensator_count */
};

enum compensator_count {
    COUNT_TAKEN,
    COUNT_DONE,
    COUNT_UNDONE,
    COUNT_CANCELLED,
    COUNT_RESOLVED,
    COUNT_CASES,
    COUNT_REPLAYED,
    COUNT_JOBS,
    COUNT_RESULTS,
    COUNT_LEASES,
    COUNT_ALARMS,
    COUNT_LATE,
    COUNT_COUNT,
};
static_assert(COUNT_COUNT == 12, "the counts above and their names change together");

/* Any log error but "not there" ends the service at the next step. */
void compensator_fail(compensator_t *self, err_t rc, const struct why *why);

/* An alarm about a delivery, once all that was appended is durable. text: a sentence without the
 * group's name. */
void compensator_alarm(compensator_t *self, const char *kind, const struct compensator_entry *entry,
                       const char *text);

/* Another; after: the own position that it follows from, 0: none. */
void compensator_alarm_of(compensator_t *self, uint64_t after, const struct alarm_facts *facts);

/* The subscription and group of a delivery; NULL while the producer's log has not said them. */
const struct catalog_subscription *compensator_subscription(const compensator_t *self,
                                                            struct delivery_key key);
const struct catalog_group *compensator_group_of(const compensator_t *self,
                                                 struct delivery_key key);

#endif
