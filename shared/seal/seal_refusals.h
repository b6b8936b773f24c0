/*
 * Who was refused, so that the first time is told and the rest is counted. Each (who, why) is told
 * once, and again after ten minutes with how often meanwhile; a flood of different ones is told as
 * one. No clock, no threads.
 */
#ifndef HERALD_SEAL_SEAL_REFUSALS_H
#define HERALD_SEAL_SEAL_REFUSALS_H

#include <stdint.h>

#define SEAL_REFUSALS_MAX 64 /* that are told apart in a period */
#define SEAL_REFUSALS_PERIOD_MS 600000

struct seal_refused {
    uint64_t key;        /* seal_key_id; 0: none was said */
    const char *domain;  /* "herald.front"; static */
    const char *reason;  /* "unknown_key"; static */
    const char *user;    /* "" when unknown */
    const char *address; /* "" when unknown */
    uint64_t count;      /* more than 1: so often since it was told the last time */
    uint64_t others;     /* not 0: this is about so many others, and the texts are empty */
};

/* Copies nothing: called for what is to be told. */
typedef void seal_refused_fn(void *context, const struct seal_refused *refused);

struct seal_refusal_slot {
    uint64_t hash; /* of all texts and the key; 0: free */
    uint64_t key;
    const char *domain;
    const char *reason;
    char user[64];
    char address[64];
    uint64_t more; /* since it was told */
};

struct seal_refusals {
    struct seal_refusal_slot slots[SEAL_REFUSALS_MAX];
    uint64_t others;
    int64_t period_ms; /* when it ends; 0: none has begun */
    seal_refused_fn *tell;
    void *context;
};

void seal_refusals_take(struct seal_refusals *self, const struct seal_refused *refused,
                        int64_t now_ms);
/* Tell what the period that has ended has had. */
void seal_refusals_tick(struct seal_refusals *self, int64_t now_ms);

#endif
