/*
 * What every service's main does: options, settings, log, signals, limits of the process.
 *
 *   --data DIR  --config FILE  --set PATH=VALUE  --check-config  --print-config  --help  --version
 */
#ifndef HERALD_RUNTIME_SERVICE_H
#define HERALD_RUNTIME_SERVICE_H

#include "runtime/front_door.h"
#include "runtime/peers.h"
#include "runtime/settings.h"

struct service {
    const char *name;                    /* as in logs and PONG, static */
    const char *summary;                 /* a sentence for --help */
    const struct setting *table;         /* its settings; the common ones are added */
    const struct setting *const *tables; /* of all services, this one too; a NULL behind the last */
    const char *alarm;                   /* the setting that is an alarm's command; NULL: none */
    size_t recent_bytes; /* of its own log that are kept in memory; 0: as in log.h */
    size_t heap_bytes;   /* that it has from the start, and soon uses; see mem_keep */
    /* What a start would refuse of the settings and the table does not say, by the functions that a
     * start goes through: it may read files, and binds, makes, locks and writes nothing. Called
     * before run, and for --check-config. Its errors end the process with exit_code_of(them).
     * {data} in settings has been filled in. */
    err_t (*check)(const settings_t *settings, struct why *why);
    /* Serve; returns when told to stop. Errors and {data} as above. */
    err_t (*run)(const settings_t *settings, const char *data, struct why *why);
};

int service_main(const struct service *service, int argc, char **argv);

/* The journal in the data directory, as journal/segment and journal/sync_thread want it; waits for
 * logs that are behind, until shell_stop. */
err_t service_open_logs(peers_t **peers_p, const settings_t *settings, const char *data,
                        enum log_id id, struct why *why);

/*
 * A front_reload_fn: read the settings again as at the start, apply what can be applied while the
 * service runs (log/level, log/json), and say what has changed and needs a restart. Errors: nothing
 * was applied; said names what is wrong.
 */
err_t service_reload(void *context, struct front_reloaded *done, struct why *why);

/* Of the system's random numbers, for jitter. ERR_IO. */
err_t service_seed(uint64_t *seed, struct why *why);

#define SERVICE_COMMON_SETTINGS                                                                    \
    {"log/level",                                                                                  \
     SETTING_CHOICE,                                                                               \
     "info",                                                                                       \
     0,                                                                                            \
     0,                                                                                            \
     "debug info warn error fatal",                                                                \
     "least level that is logged"},                                                                \
        {"log/json", SETTING_BOOLEAN, "false", 0, 1, NULL, "log lines as JSON"},                   \
        {"curve/directory",                                                                        \
         SETTING_TEXT,                                                                             \
         "",                                                                                       \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "directory of keys, as heraldctl keygen makes it; empty: without CURVE"},                 \
        {"insecure",                                                                               \
         SETTING_BOOLEAN,                                                                          \
         "false",                                                                                  \
         0,                                                                                        \
         1,                                                                                        \
         NULL,                                                                                     \
         "bind addresses beyond this machine without CURVE"},                                      \
        {"connections",                                                                            \
         SETTING_INTEGER,                                                                          \
         "4096",                                                                                   \
         16,                                                                                       \
         65536,                                                                                    \
         NULL,                                                                                     \
         "connections that are taken at most; more are closed at once"},                           \
    {                                                                                              \
        .path = NULL                                                                               \
    }

#endif
