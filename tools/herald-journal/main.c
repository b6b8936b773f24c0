#include "journal_command.h"
#include "journal_record.h"

#include "base/mem.h"
#include "base/version.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "herald-journal - look at a log of Herald's journal, also while its service runs\n"
    "\n"
    "  herald-journal info    LOG                 its segments, and how far it is durable\n"
    "  herald-journal print   [OPTIONS] LOG       its records, one a line\n"
    "  herald-journal verify  LOG                 check every byte that counts\n"
    "  herald-journal salvage --into DIRECTORY [--up-to N] LOG\n"
    "                                             copy what is sound of a damaged log\n"
    "\n"
    "LOG is a log's directory, as in var/journal/producer.\n"
    "\n"
    "  --from N, --to N   print: first and last position\n"
    "  --kind KIND,...    print: only these kinds, by name or number (see below)\n"
    "  --bodies           print: each record's body in hexadecimal too\n"
    "  --json             info, print, verify: JSON, one object a line\n"
    "  --into DIRECTORY   salvage: a new journal directory; must not hold the log yet\n"
    "  --up-to N          salvage: mark as lost what is missing up to position N: the one that "
    "the\n"
    "                     service names when it refuses the log since another log has read it\n"
    "  --version          which Herald this is\n"
    "\n"
    "Only salvage writes, and only into the new directory. Positions stay as they were. A "
    "position\n"
    "whose record is lost gets a record of kind `lost`, and is named. To use the result: stop the\n"
    "services, keep the damaged directory, move the salvaged one into its place, start again, and\n"
    "look into what was lost with `heraldctl query`.\n"
    "\n"
    "Examples\n"
    "  herald-journal print --kind moved,taken,case var/journal/compensator\n"
    "  herald-journal print --json --from 1000 --to 1100 var/journal/producer | jq .\n"
    "  herald-journal verify var/journal/producer\n"
    "\n"
    "Exit codes: 0 sound, 1 damaged (the output says where), 2 usage, 3 cannot be read.\n"
    "\n"
    "Kinds:";

static void
print_help(FILE *to)
{
    (void)fprintf(to, "%s", help);
    int column = 6;
    for (uint8_t kind = 1; kind < 32; kind++) {
        const char *name = journal_record_kind_name(kind);
        if (name == NULL) {
            continue;
        }
        if (column + (int)strlen(name) > 92) {
            (void)fprintf(to, "\n      ");
            column = 6;
        }
        column += fprintf(to, " %s", name);
    }
    (void)fprintf(to, "\n");
}

static int
usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "herald-journal: %s%s%s (try --help)\n", what, value == NULL ? "" : ": ",
                  value == NULL ? "" : value);
    return JOURNAL_USAGE;
}

static bool
parse_position(const char *text, uint64_t *position)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    *position = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool
parse_kinds(const char *list, uint32_t *kinds)
{
    char *copy = mem_text(list);
    char *state = NULL;
    *kinds = 0;
    bool good = true;
    for (char *name = strtok_r(copy, ",", &state); name != NULL && good;
         name = strtok_r(NULL, ",", &state)) {
        uint8_t kind = journal_record_kind_by_name(name);
        good = kind != 0;
        *kinds |= LOG_KIND_BIT(kind);
    }
    mem_free(copy);
    return good && *kinds != 0;
}

/* LOG as DIRECTORY/NAME. */
static bool
parse_log(const char *path, struct journal_command *command)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    size_t name = size;
    while (name > 0 && path[name - 1] != '/') {
        name--;
    }
    if (name == size) {
        return false;
    }
    command->name = mem_zeroed(size - name + 1);
    memcpy(command->name, path + name, size - name);
    if (name == 0) {
        command->directory = mem_text(".");
        return true;
    }
    size_t directory = name > 1 ? name - 1 : 1;
    command->directory = mem_zeroed(directory + 1);
    memcpy(command->directory, path, directory);
    return true;
}

enum {
    OPTION_FROM = 1,
    OPTION_TO,
    OPTION_KIND,
    OPTION_BODIES,
    OPTION_JSON,
    OPTION_INTO,
    OPTION_UP_TO,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option options[] = {
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"kind", required_argument, NULL, OPTION_KIND},
    {"bodies", no_argument, NULL, OPTION_BODIES},
    {"json", no_argument, NULL, OPTION_JSON},
    {"into", required_argument, NULL, OPTION_INTO},
    {"up-to", required_argument, NULL, OPTION_UP_TO},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit code. */
static int
take_option(int option, struct journal_command *command)
{
    switch (option) {
    case OPTION_FROM:
        return parse_position(optarg, &command->from) ? -1 : usage("not a position", optarg);
    case OPTION_TO:
        return parse_position(optarg, &command->to) ? -1 : usage("not a position", optarg);
    case OPTION_KIND:
        return parse_kinds(optarg, &command->kinds) ? -1 : usage("no such kind", optarg);
    case OPTION_BODIES:
        command->bodies = true;
        return -1;
    case OPTION_JSON:
        command->json = true;
        return -1;
    case OPTION_INTO:
        command->into = optarg;
        return -1;
    case OPTION_UP_TO:
        return parse_position(optarg, &command->up_to) ? -1 : usage("not a position", optarg);
    case OPTION_HELP:
        print_help(stdout);
        return JOURNAL_SOUND;
    case OPTION_VERSION:
        printf("herald-journal %s\n", version_text());
        return JOURNAL_SOUND;
    default:
        return usage("the command line makes no sense", NULL);
    }
}

static int
run(const char *name, const struct journal_command *command)
{
    static const struct {
        const char *name;
        int (*run)(const struct journal_command *command);
    } commands[] = {
        {"info", journal_info_run},
        {"print", journal_print_run},
        {"salvage", journal_salvage_run},
        {"verify", journal_verify_run},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(command);
        }
    }
    return usage("no such command", name);
}

int
main(int argc, char **argv)
{
    struct journal_command command = {.to = UINT64_MAX, .kinds = LOG_ALL_KINDS};
    int code = -1;
    int option;
    while (code < 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        code = take_option(option, &command);
    }
    if (code < 0 && argc - optind != 2) {
        code = usage("a command and one log are needed", NULL);
    } else if (code < 0 && !parse_log(argv[optind + 1], &command)) {
        code = usage("not a log's directory", argv[optind + 1]);
    } else if (code < 0) {
        code = run(argv[optind], &command);
    }
    mem_free(command.directory);
    mem_free(command.name);
    return code;
}
