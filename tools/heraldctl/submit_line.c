#include "submit_line.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum submit_member {
    MEMBER_TOPIC,
    MEMBER_BIZ_ID,
    MEMBER_PAYLOAD,
    MEMBER_VERSION,
    MEMBER_POLICY,
    MEMBER_DEADLINE,
    MEMBER_COUNT,
};

static const char *const member_names[MEMBER_COUNT] = {
    [MEMBER_TOPIC] = "topic",     [MEMBER_BIZ_ID] = "biz_id", [MEMBER_PAYLOAD] = "payload",
    [MEMBER_VERSION] = "version", [MEMBER_POLICY] = "policy", [MEMBER_DEADLINE] = "deadline",
};

static int
submit_line_member(struct json_span key)
{
    for (int i = 0; i < MEMBER_COUNT; i++) {
        size_t size = strlen(member_names[i]);
        if (key.size == size + 2 && memcmp(key.data + 1, member_names[i], size) == 0) {
            return i;
        }
    }
    return -1;
}

/* The text of a JSON string, its escapes resolved. */
static err_t
submit_line_text(const char *name, struct json_span span, char *to, size_t limit, struct why *why)
{
    json_error_t fault;
    json_t *value = json_loadb(span.data, span.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    err_t rc = ERR_OK;
    if (value == NULL) {
        rc = why_set(why, ERR_INVALID, "%s: %s", name, fault.text);
    } else if (!json_is_string(value)) {
        rc = why_set(why, ERR_INVALID, "%s: must be a text", name);
    } else if (json_string_length(value) > limit) {
        rc = why_set(why, ERR_INVALID, "%s: %zu bytes, at most %zu", name,
                     json_string_length(value), limit);
    } else if (strlen(json_string_value(value)) != json_string_length(value)) {
        rc = why_set(why, ERR_INVALID, "%s: must be without control characters", name);
    } else {
        memcpy(to, json_string_value(value), json_string_length(value) + 1);
    }
    json_decref(value);
    return rc;
}

static err_t
submit_line_integer(const char *name, struct json_span span, int64_t *to, struct why *why)
{
    json_error_t fault;
    json_t *value = json_loadb(span.data, span.size, JSON_DECODE_ANY, &fault);
    err_t rc = ERR_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        rc =
            why_set(why, ERR_INVALID, "%s: must be an integer from 0 to 9223372036854775807", name);
    } else {
        *to = json_integer_value(value);
    }
    json_decref(value);
    return rc;
}

err_t
submit_line_time(const char *text, int64_t *unix_ms, struct why *why)
{
    struct tm parts = {0};
    int used = 0;
    int milli = 0;
    if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon,
               &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 6 ||
        used != 19) {
        return why_set(why, ERR_INVALID, "deadline: %.64s is not like 2026-11-23T08:07:30Z", text);
    }
    const char *rest = text + used;
    if (*rest == '.') {
        int scale = 100;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10) {
            milli += (*rest - '0') * scale;
        }
    }
    int offset_min = 0;
    int hour = 0;
    int minute = 0;
    char sign[2] = "";
    if (sscanf(rest, "%1[+-]%2d:%2d%n", sign, &hour, &minute, &used) == 3 && rest[used] == '\0') {
        offset_min = (hour * 60 + minute) * (sign[0] == '-' ? -1 : 1);
    } else if (strcmp(rest, "Z") != 0 && strcmp(rest, "z") != 0) {
        return why_set(why, ERR_INVALID, "deadline: needs a zone, Z or like +08:00: %.64s", text);
    }
    bool sane = parts.tm_year >= 1970 && parts.tm_mon >= 1 && parts.tm_mon <= 12 &&
                parts.tm_mday >= 1 && parts.tm_mday <= 31 && parts.tm_hour >= 0 &&
                parts.tm_hour <= 23 && parts.tm_min >= 0 && parts.tm_min <= 59 &&
                parts.tm_sec >= 0 && parts.tm_sec <= 60 && hour >= 0 && hour <= 23 && minute >= 0 &&
                minute <= 59;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    int64_t ms = sane ? ((int64_t)timegm(&parts) - offset_min * 60) * 1000 + milli : -1;
    if (ms < 0) { /* also a zone's hours before 1970 */
        return why_set(why, ERR_INVALID, "deadline: no such time: %.64s", text);
    }
    *unix_ms = ms;
    return ERR_OK;
}

static err_t
submit_line_deadline(struct submit_line *line, struct json_span span, struct why *why)
{
    if (span.data[0] != '"') {
        return submit_line_integer("deadline", span, &line->deadline_unix_ms, why);
    }
    char text[65];
    err_t rc = submit_line_text("deadline", span, text, sizeof text - 1, why);
    return rc == ERR_OK ? submit_line_time(text, &line->deadline_unix_ms, why) : rc;
}

static err_t
submit_line_set(struct submit_line *line, int member, struct json_span span, struct why *why)
{
    int64_t version = 0;
    err_t rc = ERR_OK;
    switch (member) {
    case MEMBER_TOPIC:
        return submit_line_text("topic", span, line->topic, LIMIT_TOPIC_BYTES, why);
    case MEMBER_BIZ_ID:
        return submit_line_text("biz_id", span, line->biz_id, LIMIT_BIZ_ID_BYTES, why);
    case MEMBER_POLICY:
        return submit_line_text("policy", span, line->policy, SUBMIT_LINE_POLICY_BYTES, why);
    case MEMBER_VERSION:
        rc = submit_line_integer("version", span, &version, why);
        line->version = (uint64_t)version;
        return rc;
    case MEMBER_DEADLINE:
        return submit_line_deadline(line, span, why);
    default: /* MEMBER_PAYLOAD */
        if (span.size > LIMIT_PAYLOAD_BYTES) {
            return why_set(why, ERR_INVALID, "payload: %zu bytes, at most %d", span.size,
                           LIMIT_PAYLOAD_BYTES);
        }
        line->payload = span;
        return ERR_OK;
    }
}

static err_t
submit_line_members(struct submit_line *line, struct json_scan *scan, unsigned *seen,
                    struct why *why)
{
    err_t rc = json_scan_object(scan, why);
    for (bool first = true; rc == ERR_OK; first = false) {
        struct json_span key;
        struct json_span value;
        rc = json_scan_member(scan, first, &key, &value, why);
        if (rc != ERR_OK) {
            break;
        }
        int member = submit_line_member(key);
        if (member < 0) {
            return why_set(
                why, ERR_INVALID,
                "%.*s: unknown member (topic, biz_id, payload, version, policy, deadline)",
                (int)(key.size < 64 ? key.size : 64), key.data);
        }
        if ((*seen & (1U << member)) != 0) {
            return why_set(why, ERR_INVALID, "%s: stands twice", member_names[member]);
        }
        *seen |= 1U << member;
        rc = submit_line_set(line, member, value, why);
    }
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

err_t
submit_line_parse(struct submit_line *line, const char *text, size_t size, struct why *why)
{
    *line = (struct submit_line){0};
    struct json_scan scan = json_scan_over(text, size);
    unsigned seen = 0;
    err_t rc = submit_line_members(line, &scan, &seen, why);
    if (rc != ERR_OK) {
        return rc;
    }
    if (!json_scan_done(&scan)) {
        return why_set(why, ERR_INVALID, "something follows the object");
    }
    for (int i = MEMBER_TOPIC; i <= MEMBER_PAYLOAD; i++) {
        if ((seen & (1U << i)) == 0) {
            return why_set(why, ERR_INVALID, "%s: missing", member_names[i]);
        }
    }
    return ERR_OK;
}
