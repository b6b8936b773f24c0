#include "client/herald_err.h"

#include "base/err_name.h"

const char *
herald_err_name(err_t err)
{
    return err_name(err);
}
