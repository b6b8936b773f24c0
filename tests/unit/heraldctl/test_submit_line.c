#include "heraldctl/submit_line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static err_t
parse(struct submit_line *line, const char *text, struct why *why)
{
    return submit_line_parse(line, text, strlen(text), why);
}

Test(submit_line, a_whole_line_is_read_and_the_payload_keeps_its_bytes)
{
    struct submit_line line;
    struct why why;
    cr_assert_eq(parse(&line,
                       "{\"topic\":\"payment.succeeded\",\"biz_id\":\"p\\u0031\",\"version\":3,"
                       "\"policy\":\"1s,2s\",\"deadline\":\"2026-11-23T08:07:30.5+08:00\","
                       "\"payload\":{ \"amount\" : 1.10, \"big\":12345678901234567890123 }}",
                       &why),
                 ERR_OK, "%s", why.text);
    cr_assert_str_eq(line.topic, "payment.succeeded");
    cr_assert_str_eq(line.biz_id, "p1");
    cr_assert_str_eq(line.policy, "1s,2s");
    cr_assert_eq(line.version, 3);
    cr_assert_eq(line.deadline_unix_ms, 1795392450500);
    static const char payload[] = "{ \"amount\" : 1.10, \"big\":12345678901234567890123 }";
    cr_assert_eq(line.payload.size, sizeof payload - 1);
    cr_assert_arr_eq(line.payload.data, payload, sizeof payload - 1);
}

struct refusal {
    const char *text;
    const char *says; /* a part of the reason */
};

Test(submit_line, each_fault_names_its_member)
{
    static const struct refusal faults[] = {
        {"{\"topic\":\"t\",\"payload\":1}", "biz_id: missing"},
        {"{\"biz_id\":\"b\",\"payload\":1}", "topic: missing"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\"}", "payload: missing"},
        {"{\"topic\":1,\"biz_id\":\"b\",\"payload\":1}", "topic: must be a text"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1,\"version\":-1}", "version: must be"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1,\"version\":1.5}", "version: must be"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1,\"payload\":2}", "payload: stands twice"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1,\"deadlin\":2}", "unknown member"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1,\"deadline\":\"soon\"}", "deadline:"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1,\"deadline\":\"2026-13-01T00:00:00Z\"}",
         "deadline: no such time"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1,\"deadline\":\"2026-11-23T08:07:30\"}",
         "deadline: needs a zone"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\\u0000c\",\"payload\":1}",
         "biz_id: must be without control characters"},
        {"{\"topic\":\"t\",\"biz_id\":\"b\",\"payload\":1} x", "something follows"},
        {"[]", "expected an object"},
        {"{\"topic\":\"t\",", "expected"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct submit_line line;
        struct why why = {{0}};
        cr_assert_eq(parse(&line, faults[i].text, &why), ERR_INVALID, "accepted %s",
                     faults[i].text);
        cr_assert_not_null(strstr(why.text, faults[i].says), "%s: said %s", faults[i].text,
                           why.text);
    }
}

Test(submit_line, limits_are_those_of_a_notification)
{
    char text[LIMIT_BIZ_ID_BYTES + 64];
    char biz_id[LIMIT_BIZ_ID_BYTES + 2];
    memset(biz_id, 'b', sizeof biz_id);
    biz_id[LIMIT_BIZ_ID_BYTES] = '\0';
    struct submit_line line;
    struct why why;
    (void)snprintf(text, sizeof text, "{\"topic\":\"t\",\"biz_id\":\"%s\",\"payload\":1}", biz_id);
    cr_assert_eq(parse(&line, text, &why), ERR_OK);
    biz_id[LIMIT_BIZ_ID_BYTES] = 'b';
    biz_id[LIMIT_BIZ_ID_BYTES + 1] = '\0';
    (void)snprintf(text, sizeof text, "{\"topic\":\"t\",\"biz_id\":\"%s\",\"payload\":1}", biz_id);
    cr_assert_eq(parse(&line, text, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "65 bytes, at most 64"));
}

Test(submit_line, times_are_read_as_rfc_3339)
{
    int64_t unix_ms = 0;
    cr_assert_eq(submit_line_time("1970-01-01T00:00:00Z", &unix_ms, NULL), ERR_OK);
    cr_assert_eq(unix_ms, 0);
    cr_assert_eq(submit_line_time("2026-11-23t08:07:30.123456Z", &unix_ms, NULL), ERR_OK);
    cr_assert_eq(unix_ms, 1795421250123);
    cr_assert_eq(submit_line_time("2026-11-23 08:07:30-05:30", &unix_ms, NULL), ERR_OK);
    cr_assert_eq(unix_ms, 1795421250000 + (5 * 60 + 30) * 60000);
    static const char *const wrong[] = {
        "2026-11-23T08:07:30Zx",     "2026-11-23T-8:07:30Z",      "2026-11-23T08:-7:30Z",
        "2026-11-23T08:07:30+-1:00", "2026-11-23T08:07:30+01:-1", "1970-01-01T00:00:00+08:00",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(submit_line_time(wrong[i], &unix_ms, NULL), ERR_INVALID, "%s", wrong[i]);
    }
}
