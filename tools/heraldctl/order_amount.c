#include "order_amount.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define ORDER_AMOUNT_MAX 1000000000000000ULL /* below 2^53: exact in every JSON reader */

/* ISO 4217: currencies whose minor unit is not a hundredth. */
static unsigned
order_amount_decimals(const char *currency)
{
    static const char none[] =
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
    static const char three[] = "BHD IQD JOD KWD LYD OMR TND";
    for (size_t i = 0; i + 3 < sizeof none; i += 4) {
        if (strncasecmp(none + i, currency, 3) == 0) {
            return 0;
        }
    }
    for (size_t i = 0; i + 3 < sizeof three; i += 4) {
        if (strncasecmp(three + i, currency, 3) == 0) {
            return 3;
        }
    }
    return 2;
}

static bool
order_amount_is_currency(const char *text)
{
    return strlen(text) == 3 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

err_t
order_amount_parse(const char *text, const char *currency, uint64_t *minor, struct why *why)
{
    if (!order_amount_is_currency(currency)) {
        return why_set(why, ERR_INVALID, "%s: must be a currency's three letters, as in usd",
                       currency);
    }
    unsigned decimals = order_amount_decimals(currency);
    size_t whole = strspn(text, "0123456789");
    bool point = text[whole] == '.';
    size_t fraction = point ? strspn(text + whole + 1, "0123456789") : 0;
    size_t size = whole + (point ? 1 + fraction : 0);
    if (whole == 0 || (point && fraction == 0) || text[size] != '\0') {
        return why_set(why, ERR_INVALID, "%s: must be an amount, as in 10.99", text);
    }
    if (fraction > decimals) {
        return why_set(why, ERR_INVALID, "%s: %s has %u decimals", text, currency, decimals);
    }
    uint64_t value = 0;
    for (size_t i = 0; i < whole + fraction + (decimals - fraction); i++) {
        size_t at = i < whole ? i : i + 1;
        unsigned digit = i < whole + fraction ? (unsigned)(text[at] - '0') : 0;
        if (value > (ORDER_AMOUNT_MAX - digit) / 10) {
            return why_set(why, ERR_INVALID, "%s: too large", text);
        }
        value = value * 10 + digit;
    }
    *minor = value;
    return ERR_OK;
}
