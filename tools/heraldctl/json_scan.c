#include "json_scan.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct json_scan
json_scan_over(const char *text, size_t size)
{
    return (struct json_scan){.start = text, .next = text, .end = text + size};
}

static err_t
json_scan_fault(const struct json_scan *scan, const char *expected, struct why *why)
{
    return why_set(why, ERR_INVALID, "not JSON: expected %s at byte %zu", expected,
                   (size_t)(scan->next - scan->start) + 1);
}

static void
json_scan_spaces(struct json_scan *scan)
{
    while (scan->next < scan->end && (*scan->next == ' ' || *scan->next == '\t' ||
                                      *scan->next == '\n' || *scan->next == '\r')) {
        scan->next++;
    }
}

static bool
json_scan_take(struct json_scan *scan, char wanted)
{
    if (scan->next < scan->end && *scan->next == wanted) {
        scan->next++;
        return true;
    }
    return false;
}

static bool
json_scan_digits(struct json_scan *scan)
{
    const char *from = scan->next;
    while (scan->next < scan->end && *scan->next >= '0' && *scan->next <= '9') {
        scan->next++;
    }
    return scan->next > from;
}

static err_t
json_scan_number(struct json_scan *scan, struct why *why)
{
    (void)json_scan_take(scan, '-'); /* a sign may be there */
    if (!json_scan_take(scan, '0') && !json_scan_digits(scan)) {
        return json_scan_fault(scan, "a digit", why);
    }
    if (json_scan_take(scan, '.') && !json_scan_digits(scan)) {
        return json_scan_fault(scan, "a digit after the point", why);
    }
    if (json_scan_take(scan, 'e') || json_scan_take(scan, 'E')) {
        if (!json_scan_take(scan, '+')) {
            (void)json_scan_take(scan, '-'); /* a sign may be there */
        }
        if (!json_scan_digits(scan)) {
            return json_scan_fault(scan, "a digit in the exponent", why);
        }
    }
    return ERR_OK;
}

/* One UTF-8 sequence of two to four bytes; the shortest form only, no surrogates. */
static bool
json_scan_utf8(struct json_scan *scan)
{
    const unsigned char *at = (const unsigned char *)scan->next;
    size_t left = (size_t)(scan->end - scan->next);
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < size) {
        return false;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0U) != 0x80U) {
            return false;
        }
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) {
        return false;
    }
    scan->next += size;
    return true;
}

static bool
json_scan_escape(struct json_scan *scan)
{
    if (scan->next == scan->end) {
        return false;
    }
    char kind = *scan->next++;
    if (kind != 'u') {
        return strchr("\"\\/bfnrt", kind) != NULL && kind != '\0';
    }
    for (int i = 0; i < 4; i++, scan->next++) {
        if (scan->next == scan->end || *scan->next == '\0' ||
            strchr("0123456789abcdefABCDEF", *scan->next) == NULL) {
            return false;
        }
    }
    return true;
}

static err_t
json_scan_string(struct json_scan *scan, struct why *why)
{
    if (!json_scan_take(scan, '"')) {
        return json_scan_fault(scan, "a string", why);
    }
    while (scan->next < scan->end) {
        unsigned char byte = (unsigned char)*scan->next;
        if (byte == '"') {
            scan->next++;
            return ERR_OK;
        }
        if (byte < 0x20) {
            return json_scan_fault(scan, "an escaped control character", why);
        }
        if (byte >= 0x80) {
            if (!json_scan_utf8(scan)) {
                return json_scan_fault(scan, "UTF-8", why);
            }
        } else {
            scan->next++;
            if (byte == '\\' && !json_scan_escape(scan)) {
                return json_scan_fault(scan, "a valid escape", why);
            }
        }
    }
    return json_scan_fault(scan, "the end of a string", why);
}

static err_t
json_scan_word(struct json_scan *scan, struct why *why)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(scan->end - scan->next) >= size && memcmp(scan->next, words[i], size) == 0) {
            scan->next += size;
            return ERR_OK;
        }
    }
    return json_scan_fault(scan, "a value", why);
}

static err_t
json_scan_scalar(struct json_scan *scan, struct why *why)
{
    char byte = *scan->next;
    if (byte == '"') {
        return json_scan_string(scan, why);
    }
    if (byte == '-' || (byte >= '0' && byte <= '9')) {
        return json_scan_number(scan, why);
    }
    return json_scan_word(scan, why);
}

/* What stands before a value in an object: its key and the colon. */
static err_t
json_scan_key(struct json_scan *scan, struct json_span *key, struct why *why)
{
    json_scan_spaces(scan);
    key->data = scan->next;
    err_t rc = json_scan_string(scan, why);
    if (rc != ERR_OK) {
        return rc;
    }
    key->size = (size_t)(scan->next - key->data);
    json_scan_spaces(scan);
    return json_scan_take(scan, ':') ? ERR_OK : json_scan_fault(scan, "a colon", why);
}

/* Containers without recursion: one bit a level says whether it is an object. */
struct json_nest {
    uint64_t objects;
    int depth;
};
static_assert(JSON_SCAN_DEPTH <= 64, "one bit a level");

static err_t
json_scan_open(struct json_scan *scan, struct json_nest *nest, bool *closed, struct why *why)
{
    if (nest->depth == JSON_SCAN_DEPTH) {
        return json_scan_fault(scan, "at most 64 levels", why);
    }
    bool object = *scan->next++ == '{';
    nest->objects = (nest->objects << 1) | (object ? 1 : 0);
    nest->depth++;
    json_scan_spaces(scan);
    *closed = json_scan_take(scan, object ? '}' : ']');
    struct json_span key;
    return !*closed && object ? json_scan_key(scan, &key, why) : ERR_OK;
}

/* After a value: a comma and the next one, or the ends of containers. */
static err_t
json_scan_after(struct json_scan *scan, struct json_nest *nest, bool ended, struct why *why)
{
    if (ended) {
        nest->depth--;
        nest->objects >>= 1;
    }
    while (nest->depth > 0) {
        bool object = (nest->objects & 1) != 0;
        json_scan_spaces(scan);
        if (json_scan_take(scan, ',')) {
            struct json_span key;
            return object ? json_scan_key(scan, &key, why) : ERR_OK;
        }
        if (!json_scan_take(scan, object ? '}' : ']')) {
            return json_scan_fault(scan, object ? "a comma or }" : "a comma or ]", why);
        }
        nest->depth--;
        nest->objects >>= 1;
    }
    return ERR_OK;
}

err_t
json_scan_value(struct json_scan *scan, struct json_span *value, struct why *why)
{
    struct json_nest nest = {0};
    json_scan_spaces(scan);
    value->data = scan->next;
    do {
        json_scan_spaces(scan);
        if (scan->next == scan->end) {
            return json_scan_fault(scan, "a value", why);
        }
        bool container = *scan->next == '{' || *scan->next == '[';
        bool closed = false;
        err_t rc =
            container ? json_scan_open(scan, &nest, &closed, why) : json_scan_scalar(scan, why);
        if (rc == ERR_OK && (!container || closed)) {
            rc = json_scan_after(scan, &nest, closed, why);
        }
        if (rc != ERR_OK) {
            return rc;
        }
    } while (nest.depth > 0);
    value->size = (size_t)(scan->next - value->data);
    return ERR_OK;
}

bool
json_scan_done(struct json_scan *scan)
{
    json_scan_spaces(scan);
    return scan->next == scan->end;
}

err_t
json_scan_object(struct json_scan *scan, struct why *why)
{
    json_scan_spaces(scan);
    return json_scan_take(scan, '{') ? ERR_OK : json_scan_fault(scan, "an object", why);
}

err_t
json_scan_member(struct json_scan *scan, bool first, struct json_span *key, struct json_span *value,
                 struct why *why)
{
    json_scan_spaces(scan);
    if (json_scan_take(scan, '}')) {
        return ERR_AGAIN;
    }
    if (!first && !json_scan_take(scan, ',')) {
        return json_scan_fault(scan, "a comma or }", why);
    }
    err_t rc = json_scan_key(scan, key, why);
    return rc == ERR_OK ? json_scan_value(scan, value, why) : rc;
}
