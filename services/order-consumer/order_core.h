/*
 * Whether the order database may be used, and a count of what it answered. Pure.
 *
 *             passing             system             hard
 *   SERVING   WAITING             ENDED              ENDED
 *   WAITING   WAITING             WAITING            ENDED
 *   ENDED     -                   -                  -
 *
 * passing: the disk is full, or the database server is away. system: a sync failed, or the system
 * refused the file. hard: the file is damaged, another process has it, it is another database than
 * before. While WAITING every delivery is answered DOWN, which burns no attempt, and the database
 * is opened again now and then: 1, 2, 4 s and then every 8 s. ENDED: the process ends and answers
 * nothing more; after a failed sync nobody knows what the disk holds before it has been opened
 * anew.
 */
#ifndef HERALD_ORDER_CORE_H
#define HERALD_ORDER_CORE_H

#include "order_answer.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_CORE_WAIT_FIRST_MS 1000
#define ORDER_CORE_WAIT_CAP_MS 8000

enum order_core_state {
    ORDER_CORE_SERVING = 0,
    ORDER_CORE_WAITING,
    ORDER_CORE_ENDED,
    ORDER_CORE_STATE_COUNT,
};

struct order_core {
    enum order_core_state state;
    err_t fault;            /* the latest; ENDED: what ended it */
    int64_t wait_ms;        /* WAITING: the present pause */
    int64_t reopen_mono_ms; /* WAITING: not before */
    uint64_t batches;
    uint64_t fault_count;
    uint64_t answers[ORDER_ANSWER_OUTCOME_COUNT];
};

void order_core_init(struct order_core *self); /* SERVING: the database is open, or will be */

/* A call to the database, or opening it again, returned this error. Returns the new state. */
enum order_core_state order_core_fault(struct order_core *self, err_t err, int64_t now_ms);

/* It is time to try and open the database again. */
bool order_core_may_reopen(const struct order_core *self, int64_t now_ms);
void order_core_reopened(struct order_core *self);

/* Count a batch that was answered. */
void order_core_count(struct order_core *self, const struct order_answer *answers, size_t count);

/* The state's name, as in "SERVING". Static storage. */
const char *order_core_state_name(enum order_core_state state);

#endif
