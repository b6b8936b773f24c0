/* herald-order-consumer: applies notifications about orders to the order database. */
#include "order_parts.h"
#include "order_settings.h"
#include "order_shell.h"
#include "service_tables.h"

#include "runtime/logger.h"
#include "runtime/service.h"

#include <string.h>
#include <unistd.h>

/* Not a setting: it is for one start, and would harm in a file or an environment that stays. */
static bool renew_identity;

static err_t
run(const settings_t *settings, const char *data, struct why *why)
{
    (void)data; /* its settings say where everything is */
    struct order_settings values;
    err_t rc = order_settings_read(settings, &values, why);
    if (rc != ERR_OK) {
        return rc;
    }
    order_shell_t *shell = NULL;
    rc = order_shell_open(&shell, &values, renew_identity, why);
    if (rc == ERR_OK) {
        LOGGER_EVENT(LOGGER_INFO, "ready", LOGGER_INT("pid", getpid()),
                     LOGGER_TEXT("name", values.name), LOGGER_TEXT("group", values.group),
                     LOGGER_TEXT("database", values.database));
        rc = order_shell_run(shell, why);
    }
    order_shell_close(&shell);
    return rc;
}

static err_t
check(const settings_t *settings, struct why *why)
{
    struct order_settings values;
    err_t rc = order_settings_read(settings, &values, why);
    return rc == ERR_OK ? order_parts_check(&values, why) : rc;
}

/* Take the option out, for service_main knows those of all services only. Returns argc. */
static int
take_renew_identity(int argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        if (i > 0 && strcmp(argv[i], "--renew-identity") == 0) {
            renew_identity = true;
        } else {
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    return kept;
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "order-consumer",
        .summary = "Receives notifications about orders and applies each once to its database.\n"
                   "With --renew-identity the database gets an identity of its own first: once, "
                   "after it was\ncopied or restored.",
        .table = order_settings_table,
        .tables = service_tables,
        .check = check,
        .run = run,
    };
    return service_main(&service, take_renew_identity(argc, argv), argv);
}
