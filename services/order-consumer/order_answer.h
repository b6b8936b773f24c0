/*
 * What the order database says of one notification.
 */
#ifndef HERALD_ORDER_ANSWER_H
#define HERALD_ORDER_ANSWER_H

#include "base/limits.h"

#include <stdint.h>

enum order_answer_outcome {
    ORDER_ANSWER_DONE = 0,  /* the effect is committed (or superseded by a newer one) */
    ORDER_ANSWER_DUPLICATE, /* it was committed before */
    ORDER_ANSWER_RETRY,     /* not now: what it needs may still arrive; burns an attempt */
    ORDER_ANSWER_DOWN,      /* not now: the database is at fault; burns no attempt */
    ORDER_ANSWER_REJECT,    /* never */
    ORDER_ANSWER_FENCED,    /* a fence stands where the effect would: never */
    ORDER_ANSWER_UNDONE,    /* fenced, and the undoing action has run; reason: its result */
    ORDER_ANSWER_OUTCOME_COUNT,
};

struct order_answer {
    enum order_answer_outcome outcome;
    char reason[LIMIT_REASON_BYTES + 1]; /* one short sentence; empty where DONE says it all */
};

/* Fill the answer; the reason (printf form) is cut at LIMIT_REASON_BYTES. */
void order_answer_set(struct order_answer *answer, enum order_answer_outcome outcome,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The outcome's name, as in "RETRY". Static storage. */
const char *order_answer_name(enum order_answer_outcome outcome);

#endif
