#include "base/why.h"

#include <stdarg.h>
#include <stdio.h>

err_t
why_set(struct why *why, err_t err, const char *format, ...)
{
    if (why != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(why->text, sizeof why->text, format, args); /* cut where too long */
        va_end(args);
    }
    return err;
}
