/*
 * A strict scanner for JSON text (RFC 8259) that keeps bytes as they are: it says where a value
 * ends and where the members of an object are, and converts nothing. So a payload can be passed on
 * byte for byte, with numbers of any size and its own spacing.
 *
 * Strings must be UTF-8 and hold no raw control characters; nesting goes to JSON_SCAN_DEPTH.
 */
#ifndef HERALDCTL_JSON_SCAN_H
#define HERALDCTL_JSON_SCAN_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>

#define JSON_SCAN_DEPTH 64

struct json_span {
    const char *data; /* borrowed from the scanned text */
    size_t size;
};

struct json_scan {
    const char *start; /* borrowed from the caller */
    const char *next;
    const char *end;
};

struct json_scan json_scan_over(const char *text, size_t size);

/*
 * One value of any kind, spaces around it skipped.
 *
 * value        its bytes, without the spaces
 *
 * ERR_INVALID  why says what was expected and at which byte
 */
err_t json_scan_value(struct json_scan *scan, struct json_span *value, struct why *why);

/* Nothing but spaces is left. */
bool json_scan_done(struct json_scan *scan);

/*
 * The members of an object, one a call; begin with the scan at the object's first byte.
 *
 * key          with its quotes and escapes, as it stands
 *
 * ERR_AGAIN    the object has ended
 * ERR_INVALID  as json_scan_value
 */
err_t json_scan_object(struct json_scan *scan, struct why *why);
err_t json_scan_member(struct json_scan *scan, bool first, struct json_span *key,
                       struct json_span *value, struct why *why);

#endif
