#include "seal_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define KEY "\"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIE\"" /* no published one: its last digit */

static err_t
parse(seal_allow_t **allow, const char *from, struct why *why)
{
    char *text = strdup(from);
    err_t rc = seal_allow_parse(allow, "allowed.zpl", text, why);
    free(text);
    return rc;
}

Test(seal_allow, knows_a_key_by_its_user_and_role_and_no_other)
{
    seal_secret_t *one = seal_secret_new();
    seal_secret_t *two = seal_secret_new();
    seal_secret_t *other = seal_secret_new();
    char text[1024] = "";
    char entry[256];
    char key[SEAL_KEY_TEXT + 1];
    strcat(text, seal_fixture_entry("shop", "submit", one, entry));
    seal_key_print(seal_secret_public(two), key);
    (void)snprintf(text + strlen(text), 256, "    key = \"%s\" # the next one\n", key);
    seal_allow_t *allow = NULL;
    struct why why = {{0}};
    cr_assert_eq(parse(&allow, text, &why), ERR_OK, "%s", why.text);
    cr_assert_eq(seal_allow_count(allow), 2, "two keys of one user, while they are changed");
    const seal_secret_t *known[] = {one, two};
    for (int i = 0; i < 2; i++) {
        const struct seal_allowed *found = seal_allow_find(allow, seal_secret_public(known[i]));
        cr_assert_not_null(found);
        cr_assert_str_eq(found->user, "shop");
        cr_assert_eq(found->role, SEAL_SUBMIT);
        char user_id[SEAL_USER_ID_BYTES + 1];
        seal_allow_print_user_id(found, user_id);
        cr_assert_eq(seal_allow_of_user_id(allow, user_id), found);
    }
    cr_assert_null(seal_allow_find(allow, seal_secret_public(other)));
    static const char *const nobody[] = {"",
                                         "shop",
                                         "0123",
                                         "000000000000000z shop",
                                         "0000000000000000 shop",
                                         "FFFFFFFFFFFFFFFF shop"};
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        cr_assert_null(seal_allow_of_user_id(allow, nobody[i]), "%s", nobody[i]);
    }
    seal_allow_close(&allow);
    seal_secret_close(&one);
    seal_secret_close(&two);
    seal_secret_close(&other);
}

Test(seal_allow, an_empty_list_allows_nobody)
{
    seal_allow_t *allow = NULL;
    cr_assert_eq(parse(&allow, "# nobody yet\n", NULL), ERR_OK);
    cr_assert_eq(seal_allow_count(allow), 0);
    cr_assert_null(seal_allow_find(allow, (const uint8_t[SEAL_KEY_BYTES]){0}));
    seal_allow_close(&allow);
}

Test(seal_allow, what_is_wrong_is_named_with_its_line)
{
    static const struct {
        const char *text;
        err_t err;
        const char *said;
    } rows[] = {
        {"a\n    role = \"submit\"\n", ERR_INVALID, "allowed.zpl:2: a has no key"},
        {"a\n    key = " KEY "\n", ERR_INVALID, "allowed.zpl:2: a has no role"},
        {"a\n    role = \"king\"\n", ERR_INVALID, "allowed.zpl:2: \"king\" is no role"},
        {"a\n    role = \"nobody\"\n", ERR_INVALID, "allowed.zpl:2: \"nobody\" is no role"},
        {"a\n    role = \"\"\n", ERR_INVALID, "allowed.zpl:2: \"\" is no role"},
        {"a\n    role = \"submit\"\n    role = \"operate\"\n", ERR_INVALID,
         "allowed.zpl:3: a has a"},
        {"a\n    key = short\n", ERR_INVALID, "allowed.zpl:2: a key has 40"},
        {"a\n    role = submit\n    key = " KEY "\n    key = " KEY "\n", ERR_INVALID,
         "allowed.zpl:4: this key is in the list before, for a"},
        {"a\n    age = 7\n", ERR_INVALID, "allowed.zpl:2: \"a/age\": must be"},
        {"key = " KEY "\n", ERR_INVALID, "allowed.zpl:1: \"key\": must be"},
        {"a\n    b\n        key = " KEY "\n", ERR_INVALID, "allowed.zpl:3: \"a/b/key\""},
        {"a\n  role = submit\n", ERR_INVALID, "allowed.zpl:2: indentation"},
        {"a\n    key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n", ERR_DENIED,
         "allowed.zpl:2: an example key of zmq_curve(7)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        seal_allow_t *allow = NULL;
        struct why why = {{0}};
        cr_assert_eq(parse(&allow, rows[i].text, &why), rows[i].err, "%zu: %s", i, why.text);
        cr_assert_null(allow);
        cr_assert_not_null(strstr(why.text, rows[i].said), "%zu: %s", i, why.text);
    }
}

Test(seal_allow, more_keys_than_it_takes_are_refused)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    (void)fputs("a\n    role = submit\n", to);
    for (int i = 0; i <= SEAL_ALLOW_MAX; i++) {
        uint8_t bytes[SEAL_KEY_BYTES] = {1, (uint8_t)i, (uint8_t)(i >> 8)};
        char key[SEAL_KEY_TEXT + 1];
        seal_key_print(bytes, key);
        (void)fprintf(to, "    key = \"%s\"\n", key);
    }
    (void)fclose(to);
    seal_allow_t *allow = NULL;
    struct why why = {{0}};
    cr_assert_eq(seal_allow_parse(&allow, "allowed.zpl", text, &why), ERR_INVALID);
    cr_assert_not_null(strstr(why.text, "more than 256 keys"), "%s", why.text);
    free(text);
}
