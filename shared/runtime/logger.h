/*
 * The log: one line an event on stderr, as key=value (logfmt) or JSON. A line that cannot be
 * written at once is dropped and counted: a full log disk must not stop a service.
 *
 * Process-wide, set up once by service_main; lines may come from any thread.
 */
#ifndef HERALD_RUNTIME_LOGGER_H
#define HERALD_RUNTIME_LOGGER_H

#include <stdbool.h>
#include <stdint.h>

enum logger_level {
    LOGGER_DEBUG,
    LOGGER_INFO,
    LOGGER_WARN,
    LOGGER_ERROR,
    LOGGER_FATAL,
};

struct logger_field {
    const char *key;  /* NULL ends the list */
    const char *text; /* NULL: the number counts */
    int64_t number;
};

#define LOGGER_TEXT(key_, text_) ((struct logger_field){.key = (key_), .text = (text_)})
#define LOGGER_INT(key_, number_)                                                                  \
    ((struct logger_field){.key = (key_), .number = (int64_t)(number_)})

/* LOGGER_EVENT(LOGGER_INFO, "lane_paused", LOGGER_INT("lane", 3)); at least one field. */
#define LOGGER_EVENT(level, event, ...)                                                            \
    logger_event((level), (event), (const struct logger_field[]){__VA_ARGS__, {.key = 0}})

void logger_setup(const char *service, enum logger_level least, bool json);
void logger_event(enum logger_level level, const char *event, const struct logger_field *fields);
uint64_t logger_dropped(void);
const char *logger_level_name(enum logger_level level);
bool logger_level_parse(const char *text, enum logger_level *level);

#endif
