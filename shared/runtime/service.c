#include "runtime/service.h"

#include "base/check.h"
#include "base/mem.h"
#include "runtime/accept_guard.h"
#include "runtime/exit_code.h"
#include "runtime/logger.h"
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
#include <unistd.h>

extern char **environ;

struct options {
    const char *data;
    const char *config;
    bool check;
    bool print;
};

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
           "  --check-config    read the settings, say what is wrong, end\n"
           "  --print-config    print the settings in force, end\n"
           "  --version, --help\n\n"
           "Settings (in the environment: HERALD_ and the path in capitals, / and - as _):\n\n",
           service->name, service->summary);
    settings_print_help(settings, stdout);
    printf(
        "\nExit codes: 0 stopped as asked; 64 command line; 73 another process holds the log;\n"
        "74 damage or a read error at start; 75 the disk failed; 77 not allowed; 78 settings.\n");
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

/* 0: go on; otherwise the exit code plus 1. */
static int
read_options(const struct service *service, settings_t *settings, int argc, char **argv,
             struct options *options)
{
    static const struct option names[] = {
        {"data", required_argument, NULL, 'd'},   {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},    {"check-config", no_argument, NULL, 'k'},
        {"print-config", no_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    struct why why;
    int option = 0;
    err_t rc = settings_read_environment(settings, environ, &why);
    while (rc == ERR_OK && (option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'd':
            options->data = optarg;
            break;
        case 'c':
            options->config = optarg;
            break;
        case 's': /* after the file: looked at again below */
            break;
        case 'k':
            options->check = true;
            break;
        case 'p':
            options->print = true;
            break;
        case 'h':
            print_help(service, settings);
            return EXIT_CODE_OK + 1;
        case 'v':
            printf("herald-%s 0.1.0\n", service->name);
            return EXIT_CODE_OK + 1;
        default:
            return EXIT_CODE_USAGE + 1;
        }
    }
    if (rc == ERR_OK && optind < argc) {
        fprintf(stderr, "herald-%s: \"%s\" is no option; see --help\n", service->name,
                argv[optind]);
        return EXIT_CODE_USAGE + 1;
    }
    if (rc == ERR_OK && options->config != NULL) {
        rc = settings_read_file(settings, options->config, &why);
    }
    if (rc == ERR_OK && options->config != NULL) {
        rc = settings_read_environment(settings, environ, &why); /* over the file */
    }
    optind = 1;
    while (rc == ERR_OK && (option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        rc = option == 's' ? apply_set(settings, optarg, &why) : ERR_OK;
    }
    if (rc != ERR_OK) {
        fprintf(stderr, "herald-%s: %s\n", service->name, why.text);
        return EXIT_CODE_CONFIG + 1;
    }
    return 0;
}

static err_t
make_directory(const char *data, const char *name, struct why *why)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s%s", data, name);
    if (size < 0 || (size_t)size >= sizeof path) {
        return why_set(why, ERR_INVALID, "the data directory's path is too long");
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return why_set(why, errno == EACCES ? ERR_DENIED : ERR_IO, "cannot make %s: %s", path,
                       strerror(errno));
    }
    return ERR_OK;
}

static err_t
make_directories(const char *data, struct why *why)
{
    err_t rc = make_directory(data, "", why);
    if (rc == ERR_OK) {
        rc = make_directory(data, "/journal", why);
    }
    return rc == ERR_OK ? make_directory(data, "/run", why) : rc;
}

int
service_main(const struct service *service, int argc, char **argv)
{
    const char *environment = getenv("HERALD_DATA");
    struct options options = {.data = environment != NULL ? environment : "./var"};
    settings_t *settings = settings_new(service->table);
    int code = read_options(service, settings, argc, argv, &options);
    if (code != 0 || options.check || options.print) {
        if (code == 0 && options.print) {
            settings_print_values(settings, stdout);
        } else if (code == 0) {
            printf("the settings are in order\n");
        }
        settings_destroy(&settings);
        return code == 0 ? EXIT_CODE_OK : code - 1;
    }
    set_up_process();
    accept_guard_open(settings_number(settings, "connections"));
    enum logger_level level = LOGGER_INFO;
    (void)logger_level_parse(settings_text(settings, "log/level"), &level); /* a choice: valid */
    logger_setup(service->name, level, settings_number(settings, "log/json") != 0);
    struct why why = {{0}};
    err_t rc = make_directories(options.data, &why);
    settings_fill(settings, "{data}", options.data);
    if (rc == ERR_OK) {
        rc = service->run(settings, options.data, &why);
    }
    if (rc == ERR_OK) {
        LOGGER_EVENT(LOGGER_INFO, "stopped", LOGGER_INT("pid", getpid()));
    } else if (rc == ERR_CORRUPT) {
        LOGGER_EVENT(LOGGER_FATAL, "ended", LOGGER_TEXT("error", err_name(rc)),
                     LOGGER_TEXT("why", why.text),
                     LOGGER_TEXT("help", "nothing was changed; herald-journal verify shows the "
                                         "damage, herald-journal salvage copies what is sound"));
    } else {
        LOGGER_EVENT(LOGGER_FATAL, "ended", LOGGER_TEXT("error", err_name(rc)),
                     LOGGER_TEXT("why", why.text));
    }
    settings_destroy(&settings);
    return exit_code_of(rc);
}

err_t
service_open_logs(peers_t **peers_p, const settings_t *settings, const char *data, enum log_id id,
                  struct why *why)
{
    char directory[4096];
    int size = snprintf(directory, sizeof directory, "%s/journal", data);
    if (size < 0 || (size_t)size >= sizeof directory) {
        return why_set(why, ERR_INVALID, "the data directory's path is too long");
    }
    const struct log_settings journal = {
        .directory = directory,
        .segment_bytes = (uint64_t)settings_number(settings, "journal/segment"),
        .sync_thread = settings_number(settings, "journal/sync_thread") != 0,
    };
    return peers_open_patiently(peers_p, &journal, id, why);
}

err_t
service_seed(uint64_t *seed, struct why *why)
{
    return getrandom(seed, sizeof *seed, 0) == sizeof *seed
               ? ERR_OK
               : why_set(why, ERR_IO, "no random numbers from the system: %s", strerror(errno));
}
