/* What a service's or tool's exit code says; sysexits.h's numbers. */
#ifndef HERALD_RUNTIME_EXIT_CODE_H
#define HERALD_RUNTIME_EXIT_CODE_H

#include "base/err.h"

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_NOT_ALL = 1,      /* tools: something was refused or not found */
    EXIT_CODE_USAGE = 64,       /* the command line */
    EXIT_CODE_DATA = 65,        /* the input's data */
    EXIT_CODE_UNAVAILABLE = 69, /* a service does not answer */
    EXIT_CODE_SOFTWARE = 70,
    EXIT_CODE_LOCKED = 73, /* another process holds the log or database */
    EXIT_CODE_IO = 74,     /* damage or a read error: nothing was touched */
    EXIT_CODE_LOST = 75,   /* the disk failed while serving: start again */
    EXIT_CODE_DENIED = 77,
    EXIT_CODE_CONFIG = 78,
};

static inline int
exit_code_of(err_t err)
{
    switch (err) {
    case ERR_OK:
        return EXIT_CODE_OK;
    case ERR_LOCKED:
        return EXIT_CODE_LOCKED;
    case ERR_LOST:
        return EXIT_CODE_LOST;
    case ERR_DENIED:
        return EXIT_CODE_DENIED;
    case ERR_INVALID:
    case ERR_NOT_FOUND:
        return EXIT_CODE_CONFIG;
    case ERR_TIMEOUT:
        return EXIT_CODE_UNAVAILABLE;
    default:
        return EXIT_CODE_IO;
    }
}

#endif
