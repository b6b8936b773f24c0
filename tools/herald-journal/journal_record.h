/*
 * Log records in words: the kinds' names, and a record's fields as a JSON object.
 */
#ifndef HERALD_TOOLS_JOURNAL_RECORD_H
#define HERALD_TOOLS_JOURNAL_RECORD_H

#include "journal/log.h"

#include <jansson.h>

/* "notification", "done" ...; NULL for a kind that has no name here. */
const char *journal_record_kind_name(uint8_t kind);

/* 0: no such name or number. */
uint8_t journal_record_kind_by_name(const char *name);

/* A new object: position, kind, and the fields of the kinds that are known. What cannot be decoded
 * has a field "malformed" that says why. with_body: the body in hexadecimal too. */
json_t *journal_record_describe(const struct log_record *record, bool with_body);

/* One line of "key=value", fields in the object's order. */
void journal_record_print(const json_t *object);

#endif
