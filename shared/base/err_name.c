#include "base/err_name.h"

const char *
err_name(err_t err)
{
    static const char *const names[] = {
        "ERR_OK",          "ERR_AGAIN",  "ERR_FULL",    "ERR_INVALID", "ERR_NOT_FOUND",
        "ERR_CONFLICT",    "ERR_LOCKED", "ERR_IO",      "ERR_LOST",    "ERR_CORRUPT",
        "ERR_UNSUPPORTED", "ERR_DENIED", "ERR_TIMEOUT",
    };
    int index = -err;
    if (index < 0 || index >= (int)(sizeof names / sizeof names[0])) {
        return "ERR_?";
    }
    return names[index];
}
