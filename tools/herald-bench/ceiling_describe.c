/* What a figure must be believed with. */
#include "ceiling.h"

#include "base/clock.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>

#define LINE_BYTES 4096

/* The mount that a device number belongs to: "DEVICE, TYPE (OPTIONS)". */
static void
describe_mount(const char *directory, FILE *to)
{
    struct stat state;
    char line[LINE_BYTES];
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (stat(directory, &state) != 0 || mounts == NULL) {
        fprintf(to, "%-26s  unknown\n", "disk");
        return;
    }
    char wanted[32];
    int size = snprintf(wanted, sizeof wanted, "%u:%u", major(state.st_dev), minor(state.st_dev));
    bool found = false;
    while (!found && fgets(line, sizeof line, mounts) != NULL) {
        /* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS ... - TYPE DEVICE OPTIONS */
        char device[32] = "";
        const char *rest = strstr(line, " - ");
        found = sscanf(line, "%*s %*s %31s", device) == 1 && rest != NULL &&
                strncmp(device, wanted, (size_t)size + 1) == 0;
        if (found) {
            fprintf(to, "%-26s  %s", "disk (type, device, mount)", rest + 3);
        }
    }
    (void)fclose(mounts); /* read only */
}

static void
describe_processor(FILE *to)
{
    char line[LINE_BYTES];
    char name[LINE_BYTES] = "unknown\n";
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value != NULL && value[1] == ' ') {
            memcpy(name, value + 2, strlen(value + 2) + 1);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file); /* read only */
    }
    fprintf(to, "%-26s  %ld, %s", "cores", sysconf(_SC_NPROCESSORS_ONLN), name);
}

err_t
ceiling_describe(const char *directory, FILE *to, struct why *why)
{
    char when[CLOCK_TEXT_SIZE];
    struct utsname system;
    int zmq[3];
    fprintf(to, "%-26s  %s\n", "when", clock_text(clock_unix_ms(), when));
    describe_processor(to);
    describe_mount(directory, to);
    zmq_version(&zmq[0], &zmq[1], &zmq[2]);
    if (uname(&system) == 0) {
        fprintf(to, "%-26s  %s %s, ", "versions", system.sysname, system.release);
    }
    fprintf(to, "ZeroMQ %d.%d.%d, SQLite %s, compiler %s\n", zmq[0], zmq[1], zmq[2],
            sqlite3_libversion(), __VERSION__);
    struct ceiling_disk disk;
    err_t rc = ceiling_disk_measure(directory, &disk, why);
    if (rc == ERR_OK) {
        fprintf(to, "%-26s  %.0f /s, p50 %.0f us, p99 %.0f us\n", "512 bytes and a sync",
                disk.append_512_per_second, disk.append_512_p50_us, disk.append_512_p99_us);
        fprintf(to, "%-26s  %.0f /s\n", "64 KiB and a sync", disk.append_64k_per_second);
        fprintf(to, "%-26s  %.0f MB/s\n", "1 MiB and a sync", disk.write_mb_per_second);
    }
    return rc;
}
