#include "base/why.h"

#include <criterion/criterion.h>
#include <string.h>

Test(why, returns_the_code_and_keeps_the_sentence)
{
    struct why why;
    cr_assert_eq(why_set(&why, ERR_INVALID, "biz_id: %d bytes, at most %d", 70, 64), ERR_INVALID);
    cr_assert_str_eq(why.text, "biz_id: 70 bytes, at most 64");
}

Test(why, a_long_sentence_is_cut_and_terminated)
{
    char longer[WHY_TEXT_SIZE * 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct why why;
    cr_assert_eq(why_set(&why, ERR_IO, "%s", longer), ERR_IO);
    cr_assert_eq(strlen(why.text), (size_t)WHY_TEXT_SIZE - 1);
}

Test(why, nobody_need_be_interested)
{
    cr_assert_eq(why_set(NULL, ERR_FULL, "unused"), ERR_FULL);
}
