#include "client/herald_version.h"

const char *
herald_version(void)
{
    return HERALD_VERSION;
}
