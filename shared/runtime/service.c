#include "runtime/service.h"

#include "base/check.h"
#include "base/err_name.h"
#include "base/mem.h"
#include "base/version.h"
#include "runtime/accept_guard.h"
#include "runtime/alarm.h"
#include "runtime/exit_code.h"
#include "runtime/logger.h"
#include "runtime/service_data.h"
#include "runtime/shell.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS 500000000 /* between two tries to read a log that is behind */

extern char **environ;

struct options {
    const char *data;
    const char *config;
    bool check;
    bool print;
};

/* The service that this process is, for service_reload. */
static struct {
    const struct service *service;
    struct options options;
    int argc;
    char **argv;
    const settings_t *settings; /* in force since the start */
} running;

static void
on_signal(int number)
{
    static volatile sig_atomic_t before;
    if (before != 0) {
        _exit(128 + number); /* the second one ends at once; a crash is cheap */
    }
    before = 1;
    shell_stop();
}

static void
set_up_process(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail with these numbers */
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)umask(077);
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);              /* no payload in a core file */
    (void)prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL); /* nor for a debugger of another user */
}

static void
print_help(const struct service *service, const settings_t *settings)
{
    printf("herald-%s: %s\n\n"
           "  --data DIR        where everything is kept (HERALD_DATA; default ./var)\n"
           "  --config FILE     settings as ZPL\n"
           "  --set PATH=VALUE  one setting; wins over the file and the environment\n"
           "  --check-config    say what a start would refuse of the settings, end\n"
           "  --print-config    print the settings in force, end\n"
           "  --version, --help\n\n"
           "Settings (in the environment: HERALD_ and the path in capitals, / and - as _):\n\n",
           service->name, service->summary);
    settings_print_help(settings, stdout);
    printf("\nExit codes: 0 stopped as asked; 64 command line; 73 another process holds the log\n"
           "or the SQLite database; 74 damage or a read error at start; 75 the disk failed;\n"
           "77 not allowed; 78 settings.\n");
}

static err_t
apply_set(settings_t *settings, const char *text, struct why *why)
{
    CHECK(text != NULL); /* --set has an argument, getopt_long sees to that */
    const char *equal = strchr(text, '=');
    char path[256];
    if (equal == NULL || (size_t)(equal - text) >= sizeof path) {
        return why_set(why, ERR_INVALID, "--set wants PATH=VALUE, not \"%.100s\"", text);
    }
    memcpy(path, text, (size_t)(equal - text));
    path[equal - text] = '\0';
    return settings_set(settings, path, equal + 1, (struct settings_source){.name = "--set"}, why);
}

static const struct option option_names[] = {
    {"data", required_argument, NULL, 'd'},   {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, 's'},    {"check-config", no_argument, NULL, 'k'},
    {"print-config", no_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
};

/* Options but for --set, which is looked at once the file is read. 0: go on; otherwise the exit
 * code plus 1. */
static int
read_options(const struct service *service, int argc, char **argv, struct options *options)
{
    int option = 0;
    while ((option = getopt_long(argc, argv, "", option_names, NULL)) != -1) {
        switch (option) {
        case 'd':
            options->data = optarg;
            break;
        case 'c':
            options->config = optarg;
            break;
        case 's':
            break;
        case 'k':
            options->check = true;
            break;
        case 'p':
            options->print = true;
            break;
        case 'h': {
            settings_t *settings = settings_new(service->table);
            print_help(service, settings);
            settings_destroy(&settings);
            return EXIT_CODE_OK + 1;
        }
        case 'v':
            printf("herald-%s %s\n", service->name, version_text());
            return EXIT_CODE_OK + 1;
        default:
            return EXIT_CODE_USAGE + 1;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "herald-%s: \"%s\" is no option; see --help\n", service->name,
                argv[optind]);
        return EXIT_CODE_USAGE + 1;
    }
    return 0;
}

/* File, environment, command line, each over the one before. */
static err_t
read_settings(settings_t *settings, struct why *why)
{
    const char *config = running.options.config;
    err_t rc = config == NULL ? ERR_OK : settings_read_file(settings, config, why);
    if (rc == ERR_OK) {
        rc = settings_read_environment(settings, environ, why);
    }
    int option = 0;
    optind = 1;
    while (rc == ERR_OK &&
           (option = getopt_long(running.argc, running.argv, "", option_names, NULL)) != -1) {
        rc = option == 's' ? apply_set(settings, optarg, why) : ERR_OK;
    }
    return rc;
}

static void
set_up_log(const settings_t *settings)
{
    enum logger_level level = LOGGER_INFO;
    (void)logger_level_parse(settings_text(settings, "log/level"), &level); /* a choice: valid */
    logger_setup(running.service->name, level, settings_number(settings, "log/json") != 0);
}

/* What the tables cannot say. {data} has been filled in. */
static err_t
check(const settings_t *settings, struct why *why)
{
    char path[SERVICE_DATA_BYTES];
    err_t rc = service_data_journal(running.options.data, path, why);
    if (rc == ERR_OK && running.service->alarm != NULL) {
        rc = alarm_check(settings_text(settings, running.service->alarm), why);
    }
    return rc == ERR_OK ? running.service->check(settings, why) : rc;
}

/* A start goes on without it: deliveries are worth more than alarms, which are log lines as well,
 * and it may come later. */
static err_t
find_alarm(const settings_t *settings, struct why *why)
{
    const char *path = running.service->alarm;
    return path == NULL ? ERR_OK : alarm_find(settings_text(settings, path), why);
}

err_t
service_reload(void *context, struct front_reloaded *done, struct why *why)
{
    (void)context; /* the process's */
    settings_t *settings = settings_new(running.service->table);
    err_t rc = read_settings(settings, why);
    if (rc == ERR_OK) {
        settings_fill(settings, "{data}", running.options.data);
        set_up_log(settings);
        settings_changed(running.settings, settings, "log/", done->after_restart,
                         sizeof done->after_restart);
        enum logger_level level = LOGGER_INFO;
        (void)logger_level_parse(settings_text(settings, "log/level"),
                                 &level); /* a choice: valid */
        done->log_level = logger_level_name(level);
        /* Told only: a key that was taken out shall not stay in because of it. */
        if (done->after_restart[0] != '\0') {
            (void)check(settings, &done->refused);
        }
    }
    settings_destroy(&settings);
    return rc;
}

static void
print_unknown(const char *name)
{
    fprintf(stderr, "herald-%s: warning: %s: no service has such a setting; it is ignored\n",
            running.service->name, name);
}

static void
log_unknown(const char *name)
{
    LOGGER_EVENT(LOGGER_WARN, "unknown_variable", LOGGER_TEXT("name", name),
                 LOGGER_TEXT("text", "no service has such a setting; it is ignored"));
}

/* The log has been set up. */
static err_t
serve(const settings_t *settings, struct why *why)
{
    settings_each_unknown(running.service->tables, environ, log_unknown);
    err_t rc = check(settings, why);
    struct why missing;
    if (rc == ERR_OK && find_alarm(settings, &missing) != ERR_OK) {
        LOGGER_EVENT(LOGGER_ERROR, "alarm_program_missing", LOGGER_TEXT("text", missing.text));
    }
    if (rc == ERR_OK) {
        rc = service_data_make(running.options.data, why);
    }
    return rc == ERR_OK ? running.service->run(settings, running.options.data, why) : rc;
}

static void
log_end(err_t rc, const struct why *why)
{
    if (rc == ERR_OK) {
        LOGGER_EVENT(LOGGER_INFO, "stopped", LOGGER_INT("pid", getpid()));
    } else if (rc == ERR_CORRUPT) {
        LOGGER_EVENT(LOGGER_FATAL, "ended", LOGGER_TEXT("error", err_name(rc)),
                     LOGGER_TEXT("why", why->text),
                     LOGGER_TEXT("help", "nothing was changed; herald-journal verify shows the "
                                         "damage, herald-journal salvage copies what is sound"));
    } else {
        LOGGER_EVENT(LOGGER_FATAL, "ended", LOGGER_TEXT("error", err_name(rc)),
                     LOGGER_TEXT("why", why->text));
    }
}

/* The settings have been read; returns the exit code. */
static int
go_on(settings_t *settings)
{
    struct why why = {{0}};
    set_up_process();
    settings_fill(settings, "{data}", running.options.data);
    if (running.options.check) {
        settings_each_unknown(running.service->tables, environ, print_unknown);
        err_t rc = check(settings, &why);
        rc = rc == ERR_OK ? find_alarm(settings, &why) : rc;
        if (rc == ERR_OK) {
            printf("the settings are in order\n");
        } else {
            fprintf(stderr, "herald-%s: %s\n", running.service->name, why.text);
        }
        return exit_code_of(rc);
    }
    mem_keep(running.service->heap_bytes);
    accept_guard_open(settings_number(settings, "connections"));
    set_up_log(settings);
    running.settings = settings;
    err_t rc = serve(settings, &why);
    log_end(rc, &why);
    return exit_code_of(rc);
}

int
service_main(const struct service *service, int argc, char **argv)
{
    const char *environment = getenv("HERALD_DATA");
    running.options.data = environment != NULL ? environment : "./var";
    running.service = service;
    running.argc = argc;
    running.argv = argv;
    int code = read_options(service, argc, argv, &running.options);
    if (code != 0) {
        return code - 1;
    }
    struct why why = {{0}};
    settings_t *settings = settings_new(service->table);
    if (read_settings(settings, &why) != ERR_OK) {
        settings_each_unknown(service->tables, environ, print_unknown); /* they may be why */
        fprintf(stderr, "herald-%s: %s\n", service->name, why.text);
        code = EXIT_CODE_CONFIG;
    } else if (running.options.print) {
        settings_print_values(settings, stdout);
        code = EXIT_CODE_OK;
    } else {
        code = go_on(settings);
    }
    settings_destroy(&settings);
    return code;
}

/* Until a log that is behind can be read, or the service shall stop. */
static err_t
open_patiently(peers_t **self_p, const struct log_settings *settings, enum log_id self_id,
               struct why *why)
{
    err_t rc;
    while ((rc = peers_open(self_p, settings, self_id, why)) == ERR_TIMEOUT && !shell_stopping()) {
        LOGGER_EVENT(LOGGER_WARN, "waiting", LOGGER_TEXT("text", why->text));
        const struct timespec pause = {.tv_sec = 0, .tv_nsec = PATIENCE_NS};
        (void)nanosleep(&pause, NULL); /* a signal: look again at once */
    }
    return rc;
}

static enum log_sync
sync_of(const char *choice)
{
    if (strcmp(choice, "auto") == 0) {
        return LOG_SYNC_AUTO;
    }
    return strcmp(choice, "true") == 0 ? LOG_SYNC_ASIDE : LOG_SYNC_HERE;
}

err_t
service_open_logs(peers_t **peers_p, const settings_t *settings, const char *data, enum log_id id,
                  struct why *why)
{
    char directory[SERVICE_DATA_BYTES];
    err_t rc = service_data_journal(data, directory, why);
    if (rc != ERR_OK) {
        return rc;
    }
    const struct log_settings journal = {
        .directory = directory,
        .segment_bytes = (uint64_t)settings_number(settings, "journal/segment"),
        .sync = sync_of(settings_text(settings, "journal/sync_thread")),
        .recent_bytes = running.service->recent_bytes,
    };
    return open_patiently(peers_p, &journal, id, why);
}

err_t
service_seed(uint64_t *seed, struct why *why)
{
    return getrandom(seed, sizeof *seed, 0) == sizeof *seed
               ? ERR_OK
               : why_set(why, ERR_IO, "no random numbers from the system: %s", strerror(errno));
}
