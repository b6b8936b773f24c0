/*
 * How answers are said: JSON lines, times, and bytes of somebody else's that may hold anything.
 */
#ifndef HERALDCTL_CTL_PRINT_H
#define HERALDCTL_CTL_PRINT_H

#include "wire/wire_in.h"

#include <jansson.h>
#include <stdint.h>

/* A JSON text; what is not UTF-8 becomes "?". */
json_t *ctl_json_text(const char *data, size_t size);
json_t *ctl_json_string(const char *text);
json_t *ctl_json_uint(uint64_t value);

/* One line on stdout; the object is consumed. */
void ctl_json_line(json_t *object);

/*
 * The same with the member "payload" behind the others: JSON as it stands, byte for byte but for
 * line breaks between its values; anything else as "payload_hex".
 */
void ctl_json_line_payload(json_t *object, const void *payload, size_t size);

/* A payload for people: text as it is, control characters as '?', bytes that are no UTF-8 in hex.
 */
void ctl_print_payload(const void *payload, size_t size);

/* "-" for 0. Returns text; at least CLOCK_TEXT_SIZE bytes. */
char *ctl_time(int64_t unix_ms, char *text);

/* A wire text as (int, char *) for "%.*s". */
#define CTL_TEXT(text) (int)(text).size, (text).data == NULL ? "" : (text).data

/* A copy, terminated; cut where it is too long. */
void ctl_copy(char *to, size_t size, struct wire_text text);

#endif
