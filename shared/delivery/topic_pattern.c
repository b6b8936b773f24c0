#include "delivery/topic_pattern.h"

#include "base/limits.h"

#include <string.h>

static bool
topic_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

/* Levels of plain bytes; wildcards where they are allowed. */
static err_t
check_levels(const char *text, size_t size, bool wildcards, struct why *why)
{
    const char *what = wildcards ? "pattern" : "topic";
    if (size < 1 || size > LIMIT_TOPIC_BYTES) {
        return why_set(why, ERR_INVALID, "%s: %zu bytes, must be 1 to %d", what, size,
                       LIMIT_TOPIC_BYTES);
    }
    size_t level = 0;
    for (size_t i = 0; i <= size; i++) {
        bool end = i == size || text[i] == '.';
        if (end && level == 0) {
            return why_set(why, ERR_INVALID, "%s: \"%.*s\" has an empty level", what, (int)size,
                           text);
        }
        bool wild = !end && wildcards && level == 0 &&
                    ((text[i] == '*' && (i + 1 == size || text[i + 1] == '.')) ||
                     (text[i] == '#' && i + 1 == size));
        if (!end && !topic_byte(text[i]) && !wild) {
            return why_set(why, ERR_INVALID, "%s: only letters, digits and . _ - (byte %zu)", what,
                           i + 1);
        }
        level = end ? 0 : level + 1;
    }
    return ERR_OK;
}

err_t
topic_pattern_check_topic(const char *topic, size_t size, struct why *why)
{
    return check_levels(topic, size, false, why);
}

err_t
topic_pattern_check(const char *patterns, struct why *why)
{
    bool any = false;
    while (*patterns != '\0') {
        size_t size = strcspn(patterns, " ");
        if (size > 0) {
            err_t rc = check_levels(patterns, size, true, why);
            if (rc != ERR_OK) {
                return rc;
            }
            any = true;
        }
        patterns += size + strspn(patterns + size, " ");
    }
    return any ? ERR_OK : why_set(why, ERR_INVALID, "pattern: is empty");
}

static size_t
level_size(const char *text, size_t size)
{
    const char *dot = size == 0 ? NULL : memchr(text, '.', size);
    return dot == NULL ? size : (size_t)(dot - text);
}

static bool
match_one(const char *pattern, size_t pattern_size, const char *topic, size_t size)
{
    while (pattern_size > 0) {
        size_t wanted = level_size(pattern, pattern_size);
        if (wanted == 1 && pattern[0] == '#') {
            return true;
        }
        size_t level = level_size(topic, size);
        bool any = wanted == 1 && pattern[0] == '*';
        if (level == 0 || (!any && (level != wanted || memcmp(pattern, topic, level) != 0))) {
            return false;
        }
        pattern += wanted;
        pattern_size -= wanted;
        topic += level;
        size -= level;
        if (pattern_size > 0) { /* the dot */
            pattern++;
            pattern_size--;
            if (size > 0) {
                topic++;
                size--;
            }
        }
    }
    return size == 0;
}

bool
topic_pattern_match(const char *patterns, size_t patterns_size, const char *topic, size_t size)
{
    const char *end = patterns + patterns_size;
    while (patterns < end) {
        const char *space = memchr(patterns, ' ', (size_t)(end - patterns));
        const char *stop = space == NULL ? end : space;
        if (stop > patterns && match_one(patterns, (size_t)(stop - patterns), topic, size)) {
            return true;
        }
        patterns = stop + 1;
    }
    return false;
}
