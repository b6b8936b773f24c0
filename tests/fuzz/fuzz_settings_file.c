/* Any text of a settings file: read, or refused with the line; what is read is within its range.
 */
#include "fuzz.h"

#include "base/check.h"
#include "base/mem.h"
#include "runtime/settings.h"

#include <string.h>

static const struct setting table[] = {
    {"front/bind", SETTING_TEXT, "tcp://*:7711", 0, 0, NULL, "where"},
    {"front/io_threads", SETTING_INTEGER, "1", 1, 16, NULL, "how many"},
    {"journal/keep", SETTING_DURATION, "7d", 1000, 31536000000, NULL, "how long"},
    {"journal/segment", SETTING_SIZE, "64MiB", 65536, 1073741824, NULL, "how large"},
    {"journal/sync", SETTING_BOOLEAN, "true", 0, 1, NULL, "whether"},
    {"log/level", SETTING_CHOICE, "info", 0, 0, "debug info warning error", "how much"},
    {"subscriptions/*/topic", SETTING_TEXT, "", 0, 0, NULL, "patterns"},
    {"subscriptions/*/lease", SETTING_DURATION, "30s", 100, 3600000, NULL, "how long"},
    {NULL, SETTING_TEXT, NULL, 0, 0, NULL, NULL},
};

static void
check_values(const settings_t *settings)
{
    for (const struct setting *row = table; row->path != NULL; row++) {
        if (strchr(row->path, '*') != NULL) {
            continue;
        }
        if (row->type == SETTING_TEXT || row->type == SETTING_CHOICE) {
            const char *text = settings_text(settings, row->path);
            CHECK(row->type == SETTING_TEXT || strstr(row->choices, text) != NULL);
        } else {
            int64_t number = settings_number(settings, row->path);
            CHECK(number >= row->min && number <= row->max);
        }
    }
    const char *name;
    for (size_t i = 0; (name = settings_child(settings, "subscriptions", i)) != NULL; i++) {
        CHECK(settings_child_text(settings, "subscriptions", name, "topic") != NULL);
        int64_t lease = settings_child_number(settings, "subscriptions", name, "lease");
        CHECK(lease >= 100 && lease <= 3600000);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    if (nowhere == NULL) {
        nowhere = fopen("/dev/null", "w");
        CHECK(nowhere != NULL);
    }
    char *text = mem_zeroed(size + 1);
    if (size > 0) {
        memcpy(text, data, size);
    }
    settings_t *settings = settings_new(table);
    struct why why = {{0}};
    if (settings_read_text(settings, "file", text, &why) == ERR_OK) {
        check_values(settings);
        settings_print_values(settings, nowhere);
    } else {
        CHECK(strncmp(why.text, "file:", 5) == 0); /* says where */
    }
    settings_destroy(&settings);
    mem_free(text);
    return 0;
}
