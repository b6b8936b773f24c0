#include "journal_command.h"
#include "journal_record.h"

#include <stdio.h>
#include <stdlib.h>

static err_t
print_range(const struct journal_command *command, log_t *log, uint64_t from, struct why *why)
{
    struct log_cursor cursor;
    struct log_record record;
    err_t rc;
    log_cursor_init(&cursor, log, from, command->kinds);
    while ((rc = log_cursor_next(&cursor, &record, why)) == ERR_OK &&
           record.position <= command->to) {
        json_t *object = journal_record_describe(&record, command->bodies);
        if (command->json) {
            char *text = json_dumps(object, JSON_COMPACT);
            (void)printf("%s\n", text == NULL ? "{}" : text);
            free(text);
        } else {
            journal_record_print(object);
        }
        json_decref(object);
        if (ferror(stdout)) {
            break; /* nobody reads on */
        }
    }
    log_cursor_fini(&cursor);
    return rc == ERR_AGAIN ? ERR_OK : rc;
}

int
journal_print_run(const struct journal_command *command)
{
    struct log_settings settings = {.directory = command->directory};
    struct why why = {{0}};
    log_t *log = NULL;
    err_t rc = log_follow(&log, &settings, command->name, &why);
    if (rc == ERR_OK && log_run(log) == 0) {
        rc = why_set(&why, ERR_NOT_FOUND,
                     "%s/%s holds no log, or its owner has not started since a power cut",
                     command->directory, command->name);
    }
    if (rc == ERR_OK) {
        uint64_t first = log_first(log);
        rc = print_range(command, log, command->from > first ? command->from : first, &why);
    }
    log_close(&log);
    if (rc != ERR_OK) {
        (void)fprintf(stderr, "herald-journal: %s\n", why.text);
    }
    return rc == ERR_OK ? JOURNAL_SOUND : rc == ERR_CORRUPT ? JOURNAL_DAMAGED : JOURNAL_UNREADABLE;
}
