/*
 * Holding commits back while room on disk is short: every commit is a block, which is padded, and
 * few records in a block would eat the room that is kept for what was accepted.
 *
 * A commit waits until it is worth a block, or for a pause. The pause doubles with every
 * THRIFT_COMMITS commits that were not worth one, so that their padding stays below what
 * delivery_cost sets aside for it: at 64 MiB a log, for two days of nothing but lone records; from
 * then on it grows by 16 MB a day. What a commit holds back waits with it, so the longest pause is
 * well below a standard lease and the silence after which a consumer counts as lost. Pure.
 */
#ifndef HERALD_RUNTIME_THRIFT_H
#define HERALD_RUNTIME_THRIFT_H

#include <stdbool.h>
#include <stdint.h>

#define THRIFT_PAUSE_MS 100
#define THRIFT_COMMITS 14336U /* 8 MiB of headers and padding */
#define THRIFT_DOUBLED_MAX 5U

struct thrift {
    int64_t since_ms;      /* when something to commit was seen first; 0: there is nothing */
    uint64_t lone_commits; /* commits of few records since room became short */
};

/*
 * Whether this round's commit is to wait.
 *
 * gathered   bytes of records that wait for it
 * is_short   room is short now
 */
bool thrift_waits(struct thrift *self, uint64_t gathered, bool is_short, int64_t now_ms);

/* This round's commit goes at once all the same, since somebody waits for it. It counts as one that
 * has waited would: the pauses grow with it. */
void thrift_hurries(struct thrift *self, uint64_t gathered, bool is_short);

/* When a commit that waits is wanted at the latest; INT64_MAX: none waits. */
int64_t thrift_until_ms(const struct thrift *self);

#endif
