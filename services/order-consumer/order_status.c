#include "order_status.h"

#include "base/check.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const words[] = {
    [ORDER_STATUS_UNKNOWN] = "UNKNOWN",     [ORDER_STATUS_CREATED] = "CREATED",
    [ORDER_STATUS_PAID] = "PAID",           [ORDER_STATUS_SHIPPED] = "SHIPPED",
    [ORDER_STATUS_DELIVERED] = "DELIVERED", [ORDER_STATUS_REFUNDED] = "REFUNDED",
    [ORDER_STATUS_ON_HOLD] = "ON_HOLD",
};
static_assert(sizeof words / sizeof words[0] == ORDER_STATUS_COUNT, "every status has its word");

const char *
order_status_word(enum order_status status)
{
    CHECK((unsigned)status < ORDER_STATUS_COUNT);
    return words[status];
}

enum order_status
order_status_of_word(const char *word)
{
    for (int status = ORDER_STATUS_CREATED; word != NULL && status < ORDER_STATUS_COUNT; status++) {
        if (strcmp(word, words[status]) == 0) {
            return (enum order_status)status;
        }
    }
    return ORDER_STATUS_UNKNOWN;
}
