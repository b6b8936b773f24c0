/* herald-bench: measures Herald, and what the machine would give without it. */
#include "bench_command.h"

#include "base/mem.h"
#include "base/version.h"
#include "runtime/exit_code.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", bench_command_run, "put a load on Herald; throughput and latencies"},
    {"retain", bench_command_retain, "memory, disk and restart with many notifications kept"},
    {"suite", bench_command_suite, "Herald and its ceilings in turn, a row a target"},
    {"hostile", bench_command_hostile, "latency of a good client beside hostile ones"},
    {"ceiling", bench_command_ceiling, "the same machine without Herald: disk and bare ZeroMQ"},
};

int
main(int argc, char **argv)
{
    mem_keep(0);
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("herald-bench %s\n", version_text());
        return EXIT_CODE_OK;
    }
    bool help = argc > 1 && strcmp(argv[1], "--help") == 0;
    FILE *to = help ? stdout : stderr;
    fprintf(to, "usage: herald-bench COMMAND [OPTION...]; COMMAND --help says more, --version "
                "which Herald this is\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(to, "\nSynced before every acknowledgement, on the file system of TMPDIR or /var/tmp "
                "(not a tmpfs, where a sync costs nothing).\n");
    return help ? EXIT_CODE_OK : EXIT_CODE_USAGE;
}
