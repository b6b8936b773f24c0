/*
 * Topics and the patterns of subscriptions. A topic is 1 to LIMIT_TOPIC_BYTES letters, digits and
 * ". _ -", in levels between dots, none of them empty. In a pattern a level `*` stands for any one
 * level, and a last level `#` for any number of levels, also none. A subscription may have several
 * patterns, with spaces between them.
 */
#ifndef HERALD_DELIVERY_TOPIC_PATTERN_H
#define HERALD_DELIVERY_TOPIC_PATTERN_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>

err_t topic_pattern_check_topic(const char *topic, size_t size, struct why *why);
err_t topic_pattern_check(const char *patterns, struct why *why);
bool topic_pattern_match(const char *patterns, size_t patterns_size, const char *topic,
                         size_t size);

#endif
