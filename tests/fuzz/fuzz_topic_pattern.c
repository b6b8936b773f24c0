/* Patterns, a line feed, a topic: where both are well-formed, a match is what the plain definition
 * of `*` and `#` says. */
#include "fuzz.h"

#include "base/check.h"
#include "base/mem.h"
#include "delivery/topic_pattern.h"

#include <string.h>

struct span {
    const char *data;
    size_t size;
};

/* The first level of `rest`, which then begins behind its dot; false: there is none. */
static bool
take_level(struct span *rest, struct span *level)
{
    if (rest->data == NULL) {
        return false;
    }
    const char *dot = memchr(rest->data, '.', rest->size);
    level->data = rest->data;
    level->size = dot == NULL ? rest->size : (size_t)(dot - rest->data);
    if (dot == NULL) {
        *rest = (struct span){0};
    } else {
        *rest = (struct span){.data = dot + 1, .size = rest->size - level->size - 1};
    }
    return true;
}

static bool
one_matches(struct span pattern, struct span topic)
{
    struct span wanted;
    struct span level;
    while (take_level(&pattern, &wanted)) {
        if (wanted.size == 1 && wanted.data[0] == '#') {
            return true;
        }
        if (!take_level(&topic, &level)) {
            return false;
        }
        bool any = wanted.size == 1 && wanted.data[0] == '*';
        if (!any &&
            (wanted.size != level.size || memcmp(wanted.data, level.data, level.size) != 0)) {
            return false;
        }
    }
    return !take_level(&topic, &level);
}

static bool
any_matches(const char *patterns, struct span topic)
{
    while (*patterns != '\0') {
        size_t size = strcspn(patterns, " ");
        if (size > 0 && one_matches((struct span){patterns, size}, topic)) {
            return true;
        }
        patterns += size + (patterns[size] == ' ');
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *feed = size == 0 ? NULL : memchr(data, '\n', size);
    size_t patterns_size = feed == NULL ? size : (size_t)(feed - data);
    struct span topic = {.data = feed == NULL ? "" : (const char *)feed + 1,
                         .size = feed == NULL ? 0 : size - patterns_size - 1};
    char *patterns = mem_zeroed(patterns_size + 1);
    if (patterns_size > 0) {
        memcpy(patterns, data, patterns_size);
    }
    struct why why = {{0}};
    bool good = topic_pattern_check(patterns, &why) == ERR_OK &&
                topic_pattern_check_topic(topic.data, topic.size, &why) == ERR_OK;
    CHECK(good || why.text[0] != '\0');
    bool matches = topic_pattern_match(patterns, strlen(patterns), topic.data, topic.size);
    CHECK(!good || matches == any_matches(patterns, topic));
    (void)topic_pattern_match(patterns, patterns_size, topic.data, topic.size); /* with zeros */
    mem_free(patterns);
    return 0;
}
