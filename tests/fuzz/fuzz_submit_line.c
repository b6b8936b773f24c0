/*
 * Any line of a submit file. The scanner agrees with another parser of JSON on what is JSON, all
 * that it points at lies inside the text, and what a line yields keeps the limits.
 */
#include "fuzz.h"

#include "base/check.h"
#include "heraldctl/submit_line.h"

#include <jansson.h>
#include <string.h>

static void
check_inside(const char *text, size_t size, struct json_span span)
{
    CHECK(span.data >= text && span.size >= 1 && span.size <= (size_t)(text + size - span.data));
}

static bool
has_escaped_unit(const char *text, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] == '\\' && text[i + 1] == 'u') {
            return true;
        }
    }
    return false;
}

/* What it refuses although the grammar allows it: NUL and half a surrogate pair in a text, numbers
 * that do not fit. */
static bool
may_differ(const char *text, size_t size, const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_character ||
           has_escaped_unit(text, size);
}

static bool
is_deep(const char *text, size_t size)
{
    size_t open = 0;
    for (size_t i = 0; i < size; i++) {
        open += text[i] == '[' || text[i] == '{';
    }
    return open > JSON_SCAN_DEPTH;
}

static void
compare(const char *text, size_t size)
{
    struct json_scan scan = json_scan_over(text, size);
    struct json_span value;
    struct why why = {{0}};
    json_error_t error = {0};
    bool scanned = json_scan_value(&scan, &value, &why) == ERR_OK;
    if (scanned) {
        check_inside(text, size, value);
    }
    bool whole = scanned && json_scan_done(&scan);
    if (memchr(text, '\0', size) != NULL) {
        return; /* the other parser takes it for the end */
    }
    json_t *json = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (json != NULL) {
        CHECK(whole || is_deep(text, size));
    } else {
        CHECK(!whole || may_differ(text, size, &error));
    }
    json_decref(json);
}

static void
check_members(const char *text, size_t size)
{
    struct json_scan scan = json_scan_over(text, size);
    struct json_span key;
    struct json_span value;
    struct why why = {{0}};
    if (json_scan_object(&scan, &why) != ERR_OK) {
        return;
    }
    for (bool first = true; json_scan_member(&scan, first, &key, &value, &why) == ERR_OK;) {
        check_inside(text, size, key);
        check_inside(text, size, value);
        first = false;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct submit_line line;
    struct why why = {{0}};
    if (size == 0) {
        return 0;
    }
    compare(text, size);
    check_members(text, size);
    if (submit_line_parse(&line, text, size, &why) != ERR_OK) {
        CHECK(why.text[0] != '\0');
        return 0;
    }
    check_inside(text, size, line.payload);
    CHECK(line.payload.size <= LIMIT_PAYLOAD_BYTES && line.deadline_unix_ms >= 0);
    CHECK(strlen(line.topic) <= LIMIT_TOPIC_BYTES && strlen(line.biz_id) <= LIMIT_BIZ_ID_BYTES);
    struct json_scan scan = json_scan_over(line.payload.data, line.payload.size);
    struct json_span again;
    CHECK(json_scan_value(&scan, &again, &why) == ERR_OK && again.size == line.payload.size);
    return 0;
}
