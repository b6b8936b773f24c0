#include "heraldctl/json_scan.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static err_t
scan_whole(const char *text, size_t size)
{
    struct json_scan scan = json_scan_over(text, size);
    struct json_span value;
    err_t rc = json_scan_value(&scan, &value, NULL);
    return rc == ERR_OK && !json_scan_done(&scan) ? ERR_INVALID : rc;
}

Test(json_scan, accepts_every_kind_of_value)
{
    static const char *const good[] = {
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "12",
        "-1.5e+10",
        "1E400",
        "123456789012345678901234567890",
        "\"\"",
        "\"a\\u00e9\\n\\\"\"",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "[]",
        "[ ]",
        "{}",
        "[1,[2,[3]],{\"a\":[]}]",
        "{\"a\":{\"b\":[1,2,{}]},\"c\":null}\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(scan_whole(good[i], strlen(good[i])), ERR_OK, "refused %s", good[i]);
    }
}

Test(json_scan, refuses_what_is_not_json)
{
    static const char *const bad[] = {
        "",
        " ",
        "nul",
        "truex",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "'a'",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "{} {}",
        "NaN",
        "Infinity",
        "\"\xc3\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xff\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(scan_whole(bad[i], strlen(bad[i])), ERR_INVALID, "accepted %s", bad[i]);
    }
}

Test(json_scan, every_truncation_of_a_container_is_refused)
{
    static const char text[] = "{\"a\":[1,2.5,{\"b\":\"c\\u0041\"}],\"d\":{\"e\":[true,null]}}";
    for (size_t cut = 0; cut + 1 < sizeof text; cut++) {
        char *exact = strndup(text, cut); /* so that ASan sees a read past the end */
        cr_assert_eq(scan_whole(exact, cut), ERR_INVALID, "accepted the first %zu bytes", cut);
        free(exact);
    }
    cr_assert_eq(scan_whole(text, sizeof text - 1), ERR_OK);
}

Test(json_scan, nesting_has_a_limit)
{
    char text[2 * (JSON_SCAN_DEPTH + 1)];
    memset(text, '[', JSON_SCAN_DEPTH);
    memset(text + JSON_SCAN_DEPTH, ']', JSON_SCAN_DEPTH);
    cr_assert_eq(scan_whole(text, (size_t)2 * JSON_SCAN_DEPTH), ERR_OK);
    memset(text, '[', JSON_SCAN_DEPTH + 1);
    memset(text + JSON_SCAN_DEPTH + 1, ']', JSON_SCAN_DEPTH + 1);
    cr_assert_eq(scan_whole(text, sizeof text), ERR_INVALID);
}

Test(json_scan, members_come_one_by_one_and_their_bytes_are_kept)
{
    static const char text[] = " { \"a\" : 1.50 , \"b\\u0062\":{ \"x\" : [ ] } } ";
    struct json_scan scan = json_scan_over(text, sizeof text - 1);
    struct json_span key;
    struct json_span value;
    cr_assert_eq(json_scan_object(&scan, NULL), ERR_OK);
    cr_assert_eq(json_scan_member(&scan, true, &key, &value, NULL), ERR_OK);
    cr_assert_arr_eq(key.data, "\"a\"", 3);
    cr_assert_eq(value.size, 4);
    cr_assert_arr_eq(value.data, "1.50", 4);
    cr_assert_eq(json_scan_member(&scan, false, &key, &value, NULL), ERR_OK);
    cr_assert_arr_eq(value.data, "{ \"x\" : [ ] }", 13);
    cr_assert_eq(json_scan_member(&scan, false, &key, &value, NULL), ERR_AGAIN);
    cr_assert(json_scan_done(&scan));
}

Test(json_scan, a_fault_names_the_byte)
{
    struct json_scan scan = json_scan_over("[1,x]", 5);
    struct json_span value;
    struct why why;
    cr_assert_eq(json_scan_value(&scan, &value, &why), ERR_INVALID);
    cr_assert_str_eq(why.text, "not JSON: expected a value at byte 4");
}
