#include "base/limits.h"
#include "delivery/topic_pattern.h"

#include <criterion/criterion.h>
#include <string.h>

static bool
match(const char *patterns, const char *topic)
{
    return topic_pattern_match(patterns, strlen(patterns), topic, strlen(topic));
}

Test(topic_pattern, a_topic_without_wildcards_matches_itself_alone)
{
    cr_assert(match("order.created", "order.created"));
    cr_assert(!match("order.created", "order.create"));
    cr_assert(!match("order.create", "order.created"));
    cr_assert(!match("order.created", "order"));
    cr_assert(!match("order", "order.created"));
    cr_assert(!match("order.created", "Order.created"));
}

Test(topic_pattern, a_star_is_exactly_one_level)
{
    cr_assert(match("order.*", "order.created"));
    cr_assert(!match("order.*", "order"));
    cr_assert(!match("order.*", "order.a.b"));
    cr_assert(match("*.created", "order.created"));
    cr_assert(match("a.*.c", "a.b.c"));
    cr_assert(!match("a.*.c", "a.c"));
    cr_assert(match("*", "order"));
    cr_assert(!match("*", "order.created"));
    cr_assert(match("*.*", "a.b"));
}

Test(topic_pattern, a_hash_is_any_number_of_levels_also_none)
{
    cr_assert(match("#", "a"));
    cr_assert(match("#", "a.b.c"));
    cr_assert(match("order.#", "order"));
    cr_assert(match("order.#", "order.created"));
    cr_assert(match("order.#", "order.a.b.c"));
    cr_assert(!match("order.#", "orders"));
    cr_assert(!match("order.#", "payment.x"));
    cr_assert(match("*.b.#", "a.b"));
}

Test(topic_pattern, any_of_several_patterns_is_enough)
{
    cr_assert(match("order.* payment.#", "payment.a.b"));
    cr_assert(match("  order.*   payment.#  ", "order.a"));
    cr_assert(!match("order.* payment.#", "refund"));
    cr_assert(!match("", "a"));
    cr_assert(!match("  ", "a"));
    cr_assert(!topic_pattern_match("order.created", 5, "order.created", 13), "size counts");
}

Test(topic_pattern, topics_have_plain_levels_none_empty)
{
    static const char *const good[] = {"a", "order.created", "A-b_9.x", "0"};
    static const char *const bad[] = {"",  ".", ".a",  "a.",  "a..b",       "a b",
                                      "*", "#", "a.*", "a/b", "caf\xc3\xa9"};
    struct why why = {{0}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(topic_pattern_check_topic(good[i], strlen(good[i]), &why), ERR_OK, "%s",
                     good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(topic_pattern_check_topic(bad[i], strlen(bad[i]), &why), ERR_INVALID, "\"%s\"",
                     bad[i]);
        cr_assert_neq(why.text[0], '\0');
    }
    char longest[LIMIT_TOPIC_BYTES + 1];
    memset(longest, 'x', sizeof longest);
    cr_assert_eq(topic_pattern_check_topic(longest, LIMIT_TOPIC_BYTES, &why), ERR_OK);
    cr_assert_eq(topic_pattern_check_topic(longest, LIMIT_TOPIC_BYTES + 1, &why), ERR_INVALID);
}

Test(topic_pattern, wildcards_stand_for_whole_levels_and_a_hash_comes_last)
{
    static const char *const good[] = {"a", "*", "#", "a.*.b", "a.#", "*.#", "a b.* c.#", " a "};
    static const char *const bad[] = {"",     " ",    "a*",   "*a", "#.a", "a.#.b",
                                      "a.#b", "a..b", "a.*b", ".",  "a .b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(topic_pattern_check(good[i], NULL), ERR_OK, "\"%s\"", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(topic_pattern_check(bad[i], NULL), ERR_INVALID, "\"%s\"", bad[i]);
    }
}

/* The same rule written by recursion over levels. */
static bool
model(const char *pattern, const char *topic)
{
    if (strcmp(pattern, "#") == 0) {
        return true;
    }
    if (pattern[0] == '\0' || topic[0] == '\0') {
        return pattern[0] == topic[0];
    }
    size_t wanted = strcspn(pattern, ".");
    size_t level = strcspn(topic, ".");
    bool fits = (wanted == 1 && pattern[0] == '*') ||
                (wanted == level && memcmp(pattern, topic, level) == 0);
    return fits && model(pattern + wanted + (pattern[wanted] == '.'),
                         topic + level + (topic[level] == '.'));
}

/* Up to three levels of each, of two names and the wildcards. */
Test(topic_pattern, all_short_patterns_match_all_short_topics_as_the_rule_says)
{
    static const char *const levels[] = {"", "a", "bb", "*", "#"};
    for (unsigned p = 1; p < 125; p++) {
        for (unsigned t = 1; t < 27; t++) {
            char pattern[16] = "";
            char topic[16] = "";
            for (unsigned i = 0, pp = p, tt = t; i < 3; i++, pp /= 5, tt /= 3) {
                const char *level = levels[pp % 5];
                (void)strcat(
                    level[0] != '\0' && pattern[0] != '\0' ? strcat(pattern, ".") : pattern, level);
                level = levels[tt % 3];
                (void)strcat(level[0] != '\0' && topic[0] != '\0' ? strcat(topic, ".") : topic,
                             level);
            }
            if (topic_pattern_check(pattern, NULL) == ERR_OK) {
                cr_assert_eq(match(pattern, topic), model(pattern, topic), "%s on %s", pattern,
                             topic);
            }
        }
    }
}
