/*
 * Retry policies: when to try again.
 *
 * As text: a preset (default, textbook, alipay, wechatpay, rocketmq, standard-webhooks); a list of
 * delays ("15s,15s,30s,3m"); or "exponential first=1s factor=2 cap=1h attempts=10". A list and an
 * exponential one may add jitter=0.1 (a tenth, up or down). N delays make N + 1 attempts; a delay
 * runs from the recorded failure. Durations: ms, s, m, h, d.
 *
 * Pure: randomness is handed in.
 */
#ifndef HERALD_DELIVERY_POLICY_H
#define HERALD_DELIVERY_POLICY_H

#include "base/limits.h"
#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy {
    uint16_t delay_count;                   /* attempts are one more */
    uint16_t jitter_permille;               /* 0 to 500 */
    bool uncapped;                          /* exponential without a cap: worth a warning */
    int64_t delays_ms[LIMIT_POLICY_DELAYS]; /* expanded, also of an exponential one */
};

/* ERR_INVALID: why names what is wrong and the limit. */
err_t policy_parse(struct policy *policy, const char *text, size_t size, struct why *why);

uint16_t policy_attempts(const struct policy *policy);

/*
 * Delay after so many failed attempts (from 1), jitter applied; -1 when the schedule is used up.
 *
 * random   any 64 random bits
 */
int64_t policy_delay_ms(const struct policy *policy, uint16_t failed_attempts, uint64_t random);

int64_t policy_longest_ms(const struct policy *policy); /* with the largest jitter */
int64_t policy_window_ms(const struct policy *policy);  /* all delays, without jitter */

/* A duration as text: "1h30m", "250ms"; and back. */
#define POLICY_DURATION_SIZE 40
char *policy_duration_text(int64_t ms, char text[POLICY_DURATION_SIZE]);
err_t policy_duration_parse(const char *text, size_t size, int64_t *ms, struct why *why);

/* The presets' names and texts, ended by a NULL name. */
struct policy_preset {
    const char *name;
    const char *text;
};
const struct policy_preset *policy_presets(void);

#endif
