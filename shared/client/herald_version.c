#include "client/herald_version.h"

#include "base/version.h"

const char *
herald_version(void)
{
    return version_text();
}
