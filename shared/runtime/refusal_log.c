#include "runtime/refusal_log.h"

#include "runtime/logger.h"

#include <inttypes.h>
#include <stdio.h>

static void
write_line(const char *event, const struct seal_refused *refused)
{
    char key[17] = "";
    if (refused->others > 0) {
        LOGGER_EVENT(LOGGER_WARN, event, LOGGER_TEXT("user", "others"),
                     LOGGER_INT("count", refused->others));
        return;
    }
    if (refused->key != 0) {
        (void)snprintf(key, sizeof key, "%016" PRIx64, refused->key); /* fits */
    }
    LOGGER_EVENT(LOGGER_WARN, event, LOGGER_TEXT("at", refused->domain),
                 LOGGER_TEXT("what", refused->reason), LOGGER_TEXT("user", refused->user),
                 LOGGER_TEXT("key", key), LOGGER_TEXT("address", refused->address),
                 LOGGER_INT("count", refused->count));
}

void
refusal_log(void *context, const struct seal_refused *refused)
{
    (void)context; /* the logger is the process's */
    write_line("refused", refused);
}

void
refusal_log_denied(void *context, const struct seal_refused *refused)
{
    (void)context; /* as above */
    write_line("denied", refused);
}
