#include "ctl.h"

#include "base/err_name.h"
#include "delivery/policy.h"
#include "runtime/exit_code.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile sig_atomic_t ctl_signals;

static const char *
ctl_name_of(enum ctl_option option)
{
    switch ((int)option) {
    case CTL_TIMEOUT:
        return "--timeout";
    case CTL_WAIT:
        return "--wait";
    case CTL_WINDOW:
        return "--window";
    case CTL_COUNT:
        return "--count";
    default:
        return "value";
    }
}

err_t
ctl_duration(const struct ctl *ctl, enum ctl_option option, uint32_t otherwise, uint32_t *ms,
             struct why *why)
{
    const char *text = ctl->values[option];
    *ms = otherwise;
    if (text == NULL) {
        return ERR_OK;
    }
    struct why inner = {{0}};
    int64_t value = 0;
    if (policy_duration_parse(text, strlen(text), &value, &inner) != ERR_OK) {
        return why_set(why, ERR_INVALID, "%s %s: %s", ctl_name_of(option), text, inner.text);
    }
    if (value <= 0 || value > LIMIT_POLICY_DELAY_MS) {
        return why_set(why, ERR_INVALID, "%s %s: must be more than nothing and at most 7d",
                       ctl_name_of(option), text);
    }
    *ms = (uint32_t)value;
    return ERR_OK;
}

err_t
ctl_digits(const char *text, uint64_t max, uint64_t *number, struct why *why)
{
    uint64_t value = 0;
    bool good = *text != '\0';
    for (const char *at = text; good && *at != '\0'; at++) {
        unsigned digit = (unsigned)(unsigned char)*at - '0';
        good = digit <= 9 && digit <= max && value <= (max - digit) / 10;
        value = value * 10 + digit;
    }
    if (!good) {
        return why_set(why, ERR_INVALID, "%s: must be a whole number up to %" PRIu64, text, max);
    }
    *number = value;
    return ERR_OK;
}

err_t
ctl_number(const struct ctl *ctl, enum ctl_option option, uint64_t max, uint64_t *number,
           struct why *why)
{
    const char *text = ctl->values[option];
    if (text == NULL) {
        return ERR_OK;
    }
    struct why inner = {{0}};
    if (ctl_digits(text, max, number, &inner) != ERR_OK || *number < 1) {
        return why_set(why, ERR_INVALID, "%s %s: must be a whole number from 1 to %" PRIu64,
                       ctl_name_of(option), text, max);
    }
    return ERR_OK;
}

err_t
ctl_person(const struct ctl *ctl, struct why *why)
{
    const char *by = ctl->values[CTL_BY];
    const char *reason = ctl->values[CTL_REASON];
    if (by == NULL || *by == '\0' || reason == NULL || *reason == '\0') {
        return why_set(why, ERR_INVALID, "--by and --reason are needed: both go on record");
    }
    if (strlen(by) > LIMIT_NAME_BYTES) {
        return why_set(why, ERR_INVALID, "--by: %zu bytes, at most %d", strlen(by),
                       LIMIT_NAME_BYTES);
    }
    if (strlen(reason) > LIMIT_REASON_BYTES) {
        return why_set(why, ERR_INVALID, "--reason: %zu bytes, at most %d", strlen(reason),
                       LIMIT_REASON_BYTES);
    }
    return ERR_OK;
}

int
ctl_usage(const struct ctl *ctl, const struct why *why)
{
    bool known = ctl->command != NULL;
    (void)fprintf(stderr, "heraldctl: %s (try heraldctl %s%s--help)\n", why->text,
                  known ? ctl->command->name : "", known ? " " : "");
    return EXIT_CODE_USAGE;
}

int
ctl_failed(err_t err, const struct why *why)
{
    (void)fprintf(stderr, "heraldctl: %s\n", why->text[0] == '\0' ? err_name(err) : why->text);
    switch (err) {
    case ERR_TIMEOUT:
        return EXIT_CODE_UNAVAILABLE;
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_CONFLICT:
    case ERR_FULL:
    case ERR_UNSUPPORTED:
        return EXIT_CODE_NOT_ALL; /* it was answered: no */
    default:
        return exit_code_of(err);
    }
}

static void
ctl_signal(int number)
{
    (void)number;
    ctl_signals++;
}

void
ctl_catch_signals(void)
{
    /* Without SA_RESTART: a read or poll that waits ends. */
    struct sigaction action = {.sa_handler = ctl_signal};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool
ctl_interrupted(void)
{
    return ctl_signals != 0;
}

int
ctl_interrupts(void)
{
    return (int)ctl_signals;
}
