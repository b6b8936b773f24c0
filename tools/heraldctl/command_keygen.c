#include "ctl.h"
#include "keygen.h"

#include "runtime/exit_code.h"

#include <stdio.h>
#include <sys/stat.h>

static int
keygen_run(const struct ctl *ctl)
{
    struct why why = {{0}};
    (void)umask(077);
    err_t rc = keygen_make(ctl->operands[0], stdout, stderr, &why);
    return rc == ERR_OK ? EXIT_CODE_OK : ctl_failed(rc, &why);
}

const struct ctl_command command_keygen = {
    .name = "keygen",
    .operands = "DIR",
    .summary = "make the keys for CURVE",
    .help =
        "Makes a directory for each holder of a key: producer, retry-scheduler, compensator,\n"
        "order-consumer, and submit, consume and operate for clients, receivers and people. In\n"
        "each is what that holder needs and may see: secret.key, its own; servers.zpl, the public\n"
        "keys of the servers that it talks to; for services allowed.zpl, who may connect. What is\n"
        "there already stays as it is, so doing it twice is safe; a key that a list does not have\n"
        "is said on stderr. Asks no service.\n"
        "\n"
        "Examples\n"
        "  heraldctl keygen ./keys\n"
        "  herald-producer --set curve/directory=./keys/producer ...\n"
        "  heraldctl submit --keys ./keys/submit --producer tcp://HOST:7101 --file -\n"
        "\n"
        "Exit codes: 0, 77 not allowed, 74 a file cannot be made.\n",
    .options = 0,
    .min_operands = 1,
    .max_operands = 1,
    .run = keygen_run,
};
