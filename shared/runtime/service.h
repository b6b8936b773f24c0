/*
 * What every service's main does: options, settings, log, signals, limits of the process.
 *
 *   --data DIR  --config FILE  --set PATH=VALUE  --check-config  --print-config  --help  --version
 */
#ifndef HERALD_RUNTIME_SERVICE_H
#define HERALD_RUNTIME_SERVICE_H

#include "runtime/settings.h"

struct service {
    const char *name;            /* as in logs and PONG, static */
    const char *summary;         /* a sentence for --help */
    const struct setting *table; /* its settings; the common ones are added */
    /* Serve; returns when told to stop. An error ends the process with exit_code_of(it). */
    err_t (*run)(const settings_t *settings, const char *data, struct why *why);
};

int service_main(const struct service *service, int argc, char **argv);

/* A setting's text with every {data} replaced. The caller frees it (mem_free). */
char *service_text(const settings_t *settings, const char *path, const char *data);

/* {data}/journal, made when it is not there, and {data}/run. ERR_IO, ERR_DENIED. */
err_t service_directories(const char *data, struct why *why);

#define SERVICE_COMMON_SETTINGS                                                                    \
    {"log/level",                                                                                  \
     SETTING_CHOICE,                                                                               \
     "info",                                                                                       \
     0,                                                                                            \
     0,                                                                                            \
     "debug info warn error fatal",                                                                \
     "least level that is logged"},                                                                \
        {"log/json", SETTING_BOOLEAN, "false", 0, 1, NULL, "log lines as JSON"},                   \
        {"insecure",                                                                               \
         SETTING_BOOLEAN,                                                                          \
         "false",                                                                                  \
         0,                                                                                        \
         1,                                                                                        \
         NULL,                                                                                     \
         "bind addresses beyond this machine without CURVE"},                                      \
    {                                                                                              \
        .path = NULL                                                                               \
    }

#endif
