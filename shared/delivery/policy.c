#include "delivery/policy.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct policy_preset presets[] = {
    {"default", "1s,2s,4s"},
    {"textbook", "1s,2s,4s"},
    {"alipay", "4m,10m,10m,1h,2h,6h,15h"},
    {"wechatpay", "15s,15s,30s,3m,10m,20m,30m,30m,30m,60m,3h,3h,3h,6h,6h"},
    {"rocketmq", "10s,30s,1m,2m,3m,4m,5m,6m,7m,8m,9m,10m,20m,30m,1h,2h"},
    {"standard-webhooks", "5s,5m,30m,2h,5h,10h,14h,20h,24h"},
    {NULL, NULL},
};

const struct policy_preset *
policy_presets(void)
{
    return presets;
}

/* As much as one number and a unit can say, so that every duration can be written. */
#define DURATION_MAX_MS (999999999 * INT64_C(86400000))

struct span {
    const char *data;
    size_t size;
};

static bool
span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.data, text, span.size) == 0;
}

/* Cut the part up to any of `ends` off the front; the separator goes too. */
static struct span
span_cut(struct span *rest, char end)
{
    const char *at = memchr(rest->data, end, rest->size);
    size_t size = at == NULL ? rest->size : (size_t)(at - rest->data);
    struct span part = {.data = rest->data, .size = size};
    size_t gone = at == NULL ? size : size + 1;
    rest->data += gone;
    rest->size -= gone;
    return part;
}

/* A decimal number of at most 9 digits with at most 3 behind the point, in thousandths. */
static bool
span_milli(struct span *span, int64_t *milli)
{
    int64_t value = 0;
    size_t digits = 0;
    while (span->size > 0 && span->data[0] >= '0' && span->data[0] <= '9' && digits < 9) {
        value = value * 10 + (span->data[0] - '0');
        span->data++;
        span->size--;
        digits++;
    }
    value *= 1000;
    if (digits > 0 && span->size > 1 && span->data[0] == '.') {
        int64_t scale = 100;
        span->data++;
        span->size--;
        for (; span->size > 0 && span->data[0] >= '0' && span->data[0] <= '9' && scale > 0;
             scale /= 10, span->data++, span->size--) {
            value += (span->data[0] - '0') * scale;
        }
    }
    *milli = value;
    return digits > 0;
}

err_t
policy_duration_parse(const char *text, size_t size, int64_t *ms, struct why *why)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    struct span rest = {.data = text, .size = size};
    int64_t total = 0;
    bool any = false;
    while (rest.size > 0) {
        int64_t milli = 0;
        if (!span_milli(&rest, &milli)) {
            any = false;
            break;
        }
        size_t letters = 0;
        while (letters < rest.size && rest.data[letters] >= 'a' && rest.data[letters] <= 'z') {
            letters++;
        }
        struct span unit = {.data = rest.data, .size = letters};
        any = false;
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (span_is(unit, units[i].name)) {
                /* Apart, since a thousand times a day need not fit. */
                total += milli / 1000 * units[i].ms + milli % 1000 * units[i].ms / 1000;
                any = true;
            }
        }
        rest.data += letters;
        rest.size -= letters;
        any = any && total <= DURATION_MAX_MS;
        if (!any) {
            break;
        }
    }
    if (!any) {
        return why_set(why, ERR_INVALID, "\"%.*s\" is no duration like 250ms, 10s, 1h30m, 2d",
                       (int)(size < 40 ? size : 40), text);
    }
    *ms = total;
    return ERR_OK;
}

char *
policy_duration_text(int64_t ms, char text[POLICY_DURATION_SIZE])
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t count = ms / units[i].ms;
        ms %= units[i].ms;
        if (count > 0) {
            CHECK(used < POLICY_DURATION_SIZE); /* INT64_MAX takes 26 */
            int wrote = snprintf(text + used, POLICY_DURATION_SIZE - used, "%lld%s",
                                 (long long)count, units[i].name);
            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
    if (text[0] == '\0') {
        (void)snprintf(text, POLICY_DURATION_SIZE, "0s"); /* fits */
    }
    return text;
}

static err_t
parse_delay(struct span part, const char *field, int64_t *ms, struct why *why)
{
    struct why inner;
    if (policy_duration_parse(part.data, part.size, ms, &inner) != ERR_OK) {
        return why_set(why, ERR_INVALID, "policy: %s: %s", field, inner.text);
    }
    if (*ms < 1 || *ms > LIMIT_POLICY_DELAY_MS) {
        return why_set(why, ERR_INVALID, "policy: %s: \"%.*s\" must be 1ms to 7d", field,
                       (int)part.size, part.data);
    }
    return ERR_OK;
}

static err_t
parse_jitter(struct policy *policy, struct span part, struct why *why)
{
    int64_t milli = 0;
    struct span rest = part;
    if (!span_milli(&rest, &milli) || rest.size != 0 || milli > 500) {
        return why_set(why, ERR_INVALID, "policy: jitter: \"%.*s\" must be 0 to 0.5",
                       (int)(part.size < 40 ? part.size : 40), part.data);
    }
    policy->jitter_permille = (uint16_t)milli;
    return ERR_OK;
}

static err_t
parse_list(struct policy *policy, struct span list, struct why *why)
{
    while (list.size > 0) {
        if (policy->delay_count == LIMIT_POLICY_DELAYS) {
            return why_set(why, ERR_INVALID, "policy: more than %d delays", LIMIT_POLICY_DELAYS);
        }
        err_t rc = parse_delay(span_cut(&list, ','), "delay",
                               &policy->delays_ms[policy->delay_count], why);
        if (rc != ERR_OK) {
            return rc;
        }
        policy->delay_count++;
    }
    return ERR_OK;
}

struct exponential {
    int64_t first_ms;
    int64_t factor_milli;
    int64_t cap_ms;
    int64_t attempts;
};

static err_t
parse_option(struct policy *policy, struct exponential *growth, struct span option, struct why *why)
{
    struct span value = option;
    struct span name = span_cut(&value, '=');
    struct span number = value;
    int64_t milli = 0;
    if (span_is(name, "jitter")) {
        return parse_jitter(policy, value, why);
    }
    if (growth != NULL && span_is(name, "first")) {
        return parse_delay(value, "first", &growth->first_ms, why);
    }
    if (growth != NULL && span_is(name, "cap")) {
        return parse_delay(value, "cap", &growth->cap_ms, why);
    }
    if (growth != NULL && span_is(name, "factor")) {
        if (!span_milli(&number, &milli) || number.size != 0 || milli < 1000 || milli > 10000) {
            return why_set(why, ERR_INVALID, "policy: factor: must be 1 to 10");
        }
        growth->factor_milli = milli;
        return ERR_OK;
    }
    if (growth != NULL && span_is(name, "attempts")) {
        if (!span_milli(&number, &milli) || number.size != 0 || milli % 1000 != 0 || milli < 1000 ||
            milli > (LIMIT_POLICY_DELAYS + 1) * 1000) {
            return why_set(why, ERR_INVALID, "policy: attempts: must be 1 to %d",
                           LIMIT_POLICY_DELAYS + 1);
        }
        growth->attempts = milli / 1000;
        return ERR_OK;
    }
    return why_set(why, ERR_INVALID, "policy: \"%.*s\" is not known here",
                   (int)(option.size < 40 ? option.size : 40), option.data);
}

static void
expand(struct policy *policy, const struct exponential *growth)
{
    int64_t cap_ms = growth->cap_ms > 0 ? growth->cap_ms : LIMIT_POLICY_DELAY_MS;
    int64_t delay_ms = growth->first_ms;
    policy->uncapped = growth->cap_ms == 0 && growth->factor_milli > 1000;
    policy->delay_count = (uint16_t)(growth->attempts - 1);
    for (unsigned i = 0; i < policy->delay_count; i++) {
        policy->delays_ms[i] = delay_ms < cap_ms ? delay_ms : cap_ms;
        delay_ms = policy->delays_ms[i] * growth->factor_milli / 1000;
    }
}

static bool
is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* A word that stands where a preset's name would: say which there are. */
static err_t
refuse_name(struct span name, struct why *why)
{
    char names[160] = "";
    for (const struct policy_preset *preset = presets; preset->name != NULL; preset++) {
        size_t used = strlen(names);
        (void)snprintf(names + used, sizeof names - used, "%s, ", preset->name); /* they fit */
    }
    return why_set(why, ERR_INVALID,
                   "policy: \"%.*s\" is neither a preset (%snone), nor exponential, nor a list of "
                   "durations like 1s,30s,5m",
                   (int)(name.size < 40 ? name.size : 40), name.data, names);
}

err_t
policy_parse(struct policy *policy, const char *text, size_t size, struct why *why)
{
    *policy = (struct policy){0};
    struct span rest = {.data = text, .size = size};
    struct span first = span_cut(&rest, ' ');
    for (const struct policy_preset *preset = presets; preset->name != NULL; preset++) {
        if (span_is(first, preset->name)) {
            first = (struct span){.data = preset->text, .size = strlen(preset->text)};
        }
    }
    struct exponential growth = {.first_ms = 1000, .factor_milli = 2000, .attempts = 4};
    bool exponential = span_is(first, "exponential");
    if (first.size == 0) {
        return why_set(why, ERR_INVALID, "policy: is empty");
    }
    if (span_is(first, "none")) {
        first.size = 0; /* one attempt */
    } else if (!exponential && is_letter(first.data[0])) {
        return refuse_name(first, why);
    }
    err_t rc = exponential ? ERR_OK : parse_list(policy, first, why);
    while (rc == ERR_OK && rest.size > 0) {
        struct span option = span_cut(&rest, ' ');
        if (option.size > 0) {
            rc = parse_option(policy, exponential ? &growth : NULL, option, why);
        }
    }
    if (rc == ERR_OK && exponential) {
        expand(policy, &growth);
    }
    return rc;
}

uint16_t
policy_attempts(const struct policy *policy)
{
    return (uint16_t)(policy->delay_count + 1);
}

int64_t
policy_delay_ms(const struct policy *policy, uint16_t failed_attempts, uint64_t random)
{
    if (failed_attempts == 0 || failed_attempts > policy->delay_count) {
        return -1;
    }
    int64_t delay_ms = policy->delays_ms[failed_attempts - 1];
    int64_t spread_ms = delay_ms * policy->jitter_permille / 1000;
    if (spread_ms > 0) {
        delay_ms += (int64_t)(random % (uint64_t)(2 * spread_ms + 1)) - spread_ms;
    }
    return delay_ms;
}

int64_t
policy_longest_ms(const struct policy *policy)
{
    int64_t longest_ms = 0;
    for (unsigned i = 0; i < policy->delay_count; i++) {
        longest_ms = policy->delays_ms[i] > longest_ms ? policy->delays_ms[i] : longest_ms;
    }
    return longest_ms + longest_ms * policy->jitter_permille / 1000;
}

int64_t
policy_window_ms(const struct policy *policy)
{
    int64_t total_ms = 0;
    for (unsigned i = 0; i < policy->delay_count; i++) {
        total_ms += policy->delays_ms[i];
    }
    return total_ms;
}
