/* Values as texts and as numbers. */
#include "delivery/policy.h"
#include "runtime/settings_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool
parse_integer(const char *text, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *number = value;
    return errno == 0 && end != text && *end == '\0';
}

static bool
parse_size(const char *text, int64_t *number)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}};
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool sound = errno == 0 && end != text && value >= 0;
    for (size_t i = 0; sound && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0 && value <= INT64_MAX / units[i].bytes) {
            *number = value * units[i].bytes;
            return true;
        }
    }
    return false;
}

static bool
is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (const char *at = choices; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if (word == size && memcmp(at, text, size) == 0) {
            return true;
        }
        at += word;
    }
    return false;
}

const char *
settings_expectation(const struct setting *setting, char *text, size_t size)
{
    char low[POLICY_DURATION_SIZE];
    char high[POLICY_DURATION_SIZE];
    switch (setting->type) {
    case SETTING_INTEGER:
        (void)snprintf(text, size, "a number from %lld to %lld", (long long)setting->min,
                       (long long)setting->max);
        break;
    case SETTING_DURATION:
        (void)snprintf(text, size, "a duration from %s to %s",
                       policy_duration_text(setting->min, low),
                       policy_duration_text(setting->max, high));
        break;
    case SETTING_SIZE:
        (void)snprintf(text, size, "a size in bytes (KiB, MiB, GiB) from %lld to %lld",
                       (long long)setting->min, (long long)setting->max);
        break;
    case SETTING_BOOLEAN:
        (void)snprintf(text, size, "true or false");
        break;
    case SETTING_CHOICE:
        (void)snprintf(text, size, "one of: %s", setting->choices);
        break;
    case SETTING_TEXT:
    default:
        (void)snprintf(text, size, "text");
        break;
    }
    return text;
}

bool
settings_parse(const struct setting *setting, const char *text, int64_t *number)
{
    bool good = true;
    *number = 0;
    switch (setting->type) {
    case SETTING_INTEGER:
        good = parse_integer(text, number);
        break;
    case SETTING_DURATION:
        good = policy_duration_parse(text, strlen(text), number, NULL) == ERR_OK;
        break;
    case SETTING_SIZE:
        good = parse_size(text, number);
        break;
    case SETTING_BOOLEAN:
        *number = strcmp(text, "true") == 0;
        return *number == 1 || strcmp(text, "false") == 0;
    case SETTING_CHOICE:
        return is_choice(setting->choices, text);
    case SETTING_TEXT:
    default:
        return true;
    }
    return good && *number >= setting->min && *number <= setting->max;
}
