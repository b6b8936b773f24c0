/*
 * One line of `heraldctl submit --file`: a JSON object with the members
 *
 *   topic     text                          required
 *   biz_id    text                          required
 *   payload   any JSON, passed on as it stands   required
 *   version   integer >= 0                  default 0
 *   policy    text, see `heraldctl policy explain`
 *   deadline  RFC 3339 time, or milliseconds since 1970
 *
 * An unknown or repeated member is refused: a misspelt "deadlin" would otherwise be ignored.
 */
#ifndef HERALDCTL_SUBMIT_LINE_H
#define HERALDCTL_SUBMIT_LINE_H

#include "base/limits.h"
#include "json_scan.h"

#include <stdint.h>

#define SUBMIT_LINE_POLICY_BYTES 512

struct submit_line {
    char topic[LIMIT_TOPIC_BYTES + 1];
    char biz_id[LIMIT_BIZ_ID_BYTES + 1];
    char policy[SUBMIT_LINE_POLICY_BYTES + 1]; /* empty: the subscription's */
    struct json_span payload;                  /* borrowed from the line */
    uint64_t version;
    int64_t deadline_unix_ms; /* 0: none */
};

/* ERR_INVALID  why names the member and the limit */
err_t submit_line_parse(struct submit_line *line, const char *text, size_t size, struct why *why);

/* RFC 3339 ("2026-11-23T08:07:30Z", with fraction or offset) as milliseconds since 1970. */
err_t submit_line_time(const char *text, int64_t *unix_ms, struct why *why);

#endif
