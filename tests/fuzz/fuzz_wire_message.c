/* Any frame: what is read, written again and read again is the same. */
#include "fuzz.h"

#include "base/check.h"
#include "support/wire_echo.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_out once;
    struct wire_out twice;
    struct why why = {{0}};
    wire_out_init(&once, 64);
    if (wire_echo(data, size, &once, &why) == ERR_OK) {
        wire_out_init(&twice, 64);
        CHECK(wire_echo(once.data, once.size, &twice, &why) == ERR_OK);
        CHECK(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
        wire_out_fini(&twice);
    } else {
        CHECK(why.text[0] != '\0');
    }
    wire_out_fini(&once);
    return 0;
}
