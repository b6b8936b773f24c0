#include "order_postgres_state.h"

#include <string.h>

enum order_store_result
order_postgres_state_class(const char *sqlstate)
{
    static const struct {
        const char *start; /* of the state: the first that fits counts */
        enum order_store_result result;
    } classes[] = {
        {"40001", ORDER_STORE_AGAIN}, /* serialization_failure */
        {"40P01", ORDER_STORE_AGAIN}, /* deadlock_detected */
        {"55P03", ORDER_STORE_AGAIN}, /* lock_not_available: lock_timeout */
        {"08", ORDER_STORE_LOST},     /* connection exception */
        {"57P", ORDER_STORE_LOST},    /* the server was shut down, crashed, or is starting */
        {"25P03", ORDER_STORE_LOST},  /* idle_in_transaction_session_timeout */
        {"25P04", ORDER_STORE_LOST},  /* transaction_timeout */
        {"22", ORDER_STORE_REFUSED},  /* data exception */
        {"23", ORDER_STORE_REFUSED},  /* integrity constraint violation */
        {"44", ORDER_STORE_REFUSED},  /* WITH CHECK OPTION */
        {"54", ORDER_STORE_REFUSED},  /* program limit exceeded */
        {"P0", ORDER_STORE_REFUSED},  /* raised by somebody's trigger */
        {"XX001", ORDER_STORE_ENDED}, /* data_corrupted */
        {"XX002", ORDER_STORE_ENDED}, /* index_corrupted */
        {"42501", ORDER_STORE_DOWN},  /* insufficient_privilege */
        {"42", ORDER_STORE_ENDED},    /* no such table or column */
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(sqlstate, classes[i].start, strlen(classes[i].start)) == 0) {
            return classes[i].result;
        }
    }
    return ORDER_STORE_DOWN; /* disk full, out of memory, read-only, cancelled, too slow */
}
