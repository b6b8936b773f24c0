/*
 * An amount of money as people write it ("10.99" usd, "500" jpy) as a whole number of the
 * currency's minor units (1099, 500), exactly: no floating point anywhere.
 */
#ifndef HERALDCTL_ORDER_AMOUNT_H
#define HERALDCTL_ORDER_AMOUNT_H

#include "base/why.h"

#include <stdint.h>

/* ERR_INVALID: not an amount, more decimals than the currency has, or too large; why. */
err_t order_amount_parse(const char *text, const char *currency, uint64_t *minor, struct why *why);

#endif
