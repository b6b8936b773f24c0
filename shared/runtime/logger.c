#include "runtime/logger.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *const level_names[] = {"debug", "info", "warn", "error", "fatal"};

static struct {
    const char *_Atomic service; /* borrowed, static */
    atomic_int least;            /* a reload sets all three while other threads write lines */
    atomic_bool json;
    atomic_uint_fast64_t dropped;
} logger = {.service = "herald", .least = LOGGER_INFO};

void
logger_setup(const char *service, enum logger_level least, bool json)
{
    atomic_store(&logger.service, service);
    atomic_store(&logger.least, (int)least);
    atomic_store(&logger.json, json);
}

uint64_t
logger_dropped(void)
{
    return atomic_load(&logger.dropped);
}

const char *
logger_level_name(enum logger_level level)
{
    return level_names[level];
}

bool
logger_level_parse(const char *text, enum logger_level *level)
{
    for (int i = LOGGER_DEBUG; i <= LOGGER_FATAL; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum logger_level)i;
            return true;
        }
    }
    return false;
}

/* A line of whole fields; what does not fit is cut: of a value its end, of fields the last ones. */
struct line {
    char bytes[LINE_BYTES];
    size_t used;
    bool json; /* of all its fields: a reload may change the logger's meanwhile */
};

#define CLOSING_BYTES 3 /* the last quote, brace and line feed always have room */

/* All of these bytes, or none. */
static bool
line_add(struct line *line, const char *bytes, size_t size)
{
    if (line->used + size > LINE_BYTES - CLOSING_BYTES) {
        return false;
    }
    memcpy(line->bytes + line->used, bytes, size);
    line->used += size;
    return true;
}

/* One of those that always have room. */
static void
line_byte(struct line *line, char byte)
{
    CHECK(line->used < LINE_BYTES);
    line->bytes[line->used++] = byte;
}

/* A value was cut: not in the middle of a character. */
static void
line_cut(struct line *line, size_t from)
{
    while (line->used > from && (line->bytes[line->used - 1] & 0xc0) == 0x80) {
        line->used--;
    }
    if (line->used > from && (line->bytes[line->used - 1] & 0x80) != 0) {
        line->used--;
    }
}

/* Quoted with escapes that both logfmt readers and JSON understand; behind its opening quote. */
static void
line_quoted(struct line *line, const char *text)
{
    size_t from = line->used;
    bool fits = true;
    for (; fits && *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        char escape[8] = {(char)byte};
        if (byte == '"' || byte == '\\') {
            (void)snprintf(escape, sizeof escape, "\\%c", byte); /* fits */
        } else if (byte < 0x20 || byte == 0x7f) {
            (void)snprintf(escape, sizeof escape, "\\u%04x", byte); /* fits */
        }
        fits = line_add(line, escape, strlen(escape));
    }
    if (!fits) {
        line_cut(line, from);
    }
    line_byte(line, '"');
}

static bool
is_simple(const char *text)
{
    bool simple = *text != '\0' && strpbrk(text, " =\"\\\t\r\n") == NULL;
    for (const char *at = text; simple && *at != '\0'; at++) {
        simple = (unsigned char)*at >= 0x20 && *at != 0x7f;
    }
    return simple;
}

/* False: not even its name fits, and the line ends before it. */
static bool
line_field(struct line *line, const char *key, const char *text)
{
    bool simple = !line->json && is_simple(text);
    const char *before = line->used == 0 ? "" : line->json && line->used > 1 ? "," : " ";
    char name[LIMIT_NAME_BYTES + 1];
    int size = line->json ? snprintf(name, sizeof name, "%s\"%s\":\"", before, key)
                          : snprintf(name, sizeof name, "%s%s=%s", before, key, simple ? "" : "\"");
    CHECK(size > 0 && (size_t)size < sizeof name);
    if (!line_add(line, name, (size_t)size)) {
        return false;
    }
    if (!simple) {
        line_quoted(line, text);
    } else if (!line_add(line, text, strlen(text))) {
        size_t from = line->used;
        (void)line_add(line, text, LINE_BYTES - CLOSING_BYTES - line->used); /* as much as fits */
        line_cut(line, from);
    }
    return true;
}

void
logger_event(enum logger_level level, const char *event, const struct logger_field *fields)
{
    if ((int)level < atomic_load(&logger.least)) {
        return;
    }
    struct line line = {.json = atomic_load(&logger.json)};
    char text[CLOCK_TEXT_SIZE];
    if (line.json) {
        line_byte(&line, '{');
    }
    (void)line_field(&line, "time", clock_text(clock_unix_ms(), text)); /* the first four fit */
    (void)line_field(&line, "level", level_names[level]);
    (void)line_field(&line, "service", atomic_load(&logger.service));
    (void)line_field(&line, "event", event);
    bool fits = true;
    for (; fits && fields->key != NULL; fields++) {
        (void)snprintf(text, sizeof text, "%lld", (long long)fields->number); /* fits */
        fits = line_field(&line, fields->key, fields->text != NULL ? fields->text : text);
    }
    if (line.json) {
        line_byte(&line, '}');
    }
    line_byte(&line, '\n');
    if (write(STDERR_FILENO, line.bytes, line.used) != (ssize_t)line.used) {
        atomic_fetch_add(&logger.dropped, 1);
    }
}
