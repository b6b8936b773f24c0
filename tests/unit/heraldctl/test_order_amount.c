#include "heraldctl/order_amount.h"

#include <criterion/criterion.h>

static uint64_t
minor_of(const char *text, const char *currency)
{
    uint64_t minor = UINT64_MAX;
    struct why why = {{0}};
    err_t rc = order_amount_parse(text, currency, &minor, &why);
    cr_assert_eq(rc, ERR_OK, "%s %s: %s", text, currency, why.text);
    return minor;
}

static void
refuse(const char *text, const char *currency, const char *sentence)
{
    uint64_t minor = 5;
    struct why why = {{0}};
    cr_assert_eq(order_amount_parse(text, currency, &minor, &why), ERR_INVALID, "%s", text);
    cr_assert_str_eq(why.text, sentence);
    cr_assert_eq(minor, 5);
}

Test(order_amount, decimals_are_the_currency_s)
{
    cr_assert_eq(minor_of("10.99", "usd"), 1099);
    cr_assert_eq(minor_of("10.9", "EUR"), 1090);
    cr_assert_eq(minor_of("10", "eur"), 1000);
    cr_assert_eq(minor_of("0.07", "usd"), 7);
    cr_assert_eq(minor_of("0", "usd"), 0);
    cr_assert_eq(minor_of("500", "jpy"), 500);
    cr_assert_eq(minor_of("1.234", "kwd"), 1234);
    cr_assert_eq(minor_of("1", "TND"), 1000);
    cr_assert_eq(minor_of("1", "XPF"), 1);
}

Test(order_amount, what_floating_point_would_round_is_exact)
{
    cr_assert_eq(minor_of("1.15", "usd"), 115);
    cr_assert_eq(minor_of("4.35", "usd"), 435);
    cr_assert_eq(minor_of("10000000000000.00", "usd"), 1000000000000000);
}

Test(order_amount, anything_else_is_refused_with_its_reason)
{
    refuse("10.999", "usd", "10.999: usd has 2 decimals");
    refuse("1.5", "jpy", "1.5: jpy has 0 decimals");
    refuse("", "usd", ": must be an amount, as in 10.99");
    refuse(".5", "usd", ".5: must be an amount, as in 10.99");
    refuse("5.", "usd", "5.: must be an amount, as in 10.99");
    refuse("-5", "usd", "-5: must be an amount, as in 10.99");
    refuse("1,5", "usd", "1,5: must be an amount, as in 10.99");
    refuse("1e3", "usd", "1e3: must be an amount, as in 10.99");
    refuse("10000000000000.01", "usd", "10000000000000.01: too large");
    refuse("99999999999999999999999", "usd", "99999999999999999999999: too large");
    refuse("1", "dollar", "dollar: must be a currency's three letters, as in usd");
    refuse("1", "u$d", "u$d: must be a currency's three letters, as in usd");
}
