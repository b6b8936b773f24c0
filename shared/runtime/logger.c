#include "runtime/logger.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *const level_names[] = {"debug", "info", "warn", "error", "fatal"};

static struct {
    const char *service; /* borrowed, static */
    atomic_int least;    /* a reload sets both while other threads write lines */
    atomic_bool json;
    atomic_uint_fast64_t dropped;
} logger = {.service = "herald", .least = LOGGER_INFO};

void
logger_setup(const char *service, enum logger_level least, bool json)
{
    logger.service = service;
    atomic_store(&logger.least, (int)least);
    atomic_store(&logger.json, json);
}

uint64_t
logger_dropped(void)
{
    return atomic_load(&logger.dropped);
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

/* A line that grows up to LINE_BYTES - 1; what does not fit is cut. */
struct line {
    char bytes[LINE_BYTES];
    size_t used;
};

static void
line_byte(struct line *line, char byte)
{
    if (line->used < LINE_BYTES - 4) { /* room for the last quote, brace and line feed */
        line->bytes[line->used++] = byte;
    }
}

static void
line_plain(struct line *line, const char *text)
{
    while (*text != '\0') {
        line_byte(line, *text++);
    }
}

/* Quoted with escapes that both logfmt readers and JSON understand. */
static void
line_quoted(struct line *line, const char *text)
{
    line_byte(line, '"');
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            line_byte(line, '\\');
            line_byte(line, (char)byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            char escape[8];
            (void)snprintf(escape, sizeof escape, "\\u%04x", byte); /* fits */
            line_plain(line, escape);
        } else {
            line_byte(line, (char)byte);
        }
    }
    line->bytes[line->used++] = '"';
}

static void
line_field(struct line *line, const char *key, const char *text)
{
    bool simple = !logger.json && *text != '\0' && strpbrk(text, " =\"\\\t\r\n") == NULL;
    for (const char *at = text; simple && *at != '\0'; at++) {
        simple = (unsigned char)*at >= 0x20 && *at != 0x7f;
    }
    if (logger.json) {
        line_byte(line, line->used == 1 ? ' ' : ',');
        line_quoted(line, key);
        line_byte(line, ':');
    } else {
        if (line->used > 0) {
            line_byte(line, ' ');
        }
        line_plain(line, key);
        line_byte(line, '=');
    }
    if (simple) {
        line_plain(line, text);
    } else {
        line_quoted(line, text);
    }
}

void
logger_event(enum logger_level level, const char *event, const struct logger_field *fields)
{
    if ((int)level < atomic_load(&logger.least)) {
        return;
    }
    struct line line = {.used = 0};
    char text[CLOCK_TEXT_SIZE];
    if (logger.json) {
        line_byte(&line, '{');
    }
    line_field(&line, "time", clock_text(clock_unix_ms(), text));
    line_field(&line, "level", level_names[level]);
    line_field(&line, "service", logger.service);
    line_field(&line, "event", event);
    for (; fields->key != NULL; fields++) {
        (void)snprintf(text, sizeof text, "%lld", (long long)fields->number); /* fits */
        line_field(&line, fields->key, fields->text != NULL ? fields->text : text);
    }
    if (logger.json) {
        line.bytes[line.used++] = '}';
    }
    line.bytes[line.used++] = '\n';
    if (write(STDERR_FILENO, line.bytes, line.used) != (ssize_t)line.used) {
        atomic_fetch_add(&logger.dropped, 1);
    }
}
