/* What the tests of the sender share: one with counted answers, and both ends of its lanes. */
#ifndef HERALD_TESTS_UNIT_RUNTIME_SENDER_FIXTURE_H
#define HERALD_TESTS_UNIT_RUNTIME_SENDER_FIXTURE_H

#include "runtime/sender.h"

struct answers {
    uint32_t lost;
    uint32_t leases;
    uint32_t done;
    uint32_t late;
};

void sender_fixture_answered(void *owner, const struct sender_entry *entry,
                             const struct wire_outcome *outcome, bool outstanding);
sender_t *sender_fixture_open_with(const struct sender_settings *settings, outbox_t *outbox);
sender_t *sender_fixture_open(struct answers *answers, outbox_t *outbox); /* 4 lanes, 8 each */

struct wire_text sender_fixture_text(const char *text); /* borrowed */
/* Somebody of the group joins; returns its lane. */
uint32_t sender_fixture_join(sender_t *sender, const char *group, const char *name, int64_t now_ms);
/* The same, node-1. */
uint32_t sender_fixture_hello(sender_t *sender, const char *group, uint64_t nonce, int64_t now_ms);
struct sender_offer sender_fixture_offer(const char *group, uint64_t user);
bool sender_fixture_send(sender_t *sender, const char *group, int64_t now_ms);
/* The sync that the oldest messages waited for has ended; count 0: that of all. */
void sender_fixture_leave(outbox_t *outbox, size_t count);

/* A run of outcomes by its first token's counter. */
struct sender_fixture_run {
    const char *from; /* who says it; NULL: node-1 */
    uint32_t lane;
    uint64_t counter;
    uint32_t count;
    uint8_t said;
};
void sender_fixture_outcomes_at(sender_t *sender, struct sender_fixture_run run, int64_t now_ms);
/* On lane 0. */
void sender_fixture_outcomes(sender_t *sender, uint64_t counter, uint32_t count, uint8_t said);
void sender_fixture_outcome(sender_t *sender, uint64_t counter, uint8_t said);

#endif
