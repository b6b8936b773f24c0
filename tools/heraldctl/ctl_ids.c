#include "ctl_ids.h"

#include "base/mem.h"
#include "ctl_print.h"
#include "runtime/exit_code.h"
#include "submit_line.h"
#include "wire/wire_in.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

err_t
ctl_ids_line(char biz_id[LIMIT_BIZ_ID_BYTES + 1], const char *line, size_t size, struct why *why)
{
    while (size > 0 &&
           (line[size - 1] == '\n' || line[size - 1] == '\r' || line[size - 1] == ' ')) {
        size--;
    }
    while (size > 0 && *line == ' ') {
        line++;
        size--;
    }
    if (size == 0) {
        return ERR_NOT_FOUND;
    }
    if (*line == '{') {
        struct submit_line parsed;
        err_t rc = submit_line_parse(&parsed, line, size, why);
        if (rc == ERR_OK) {
            memcpy(biz_id, parsed.biz_id, sizeof parsed.biz_id);
        }
        return rc;
    }
    if (size > LIMIT_BIZ_ID_BYTES || !wire_in_utf8(line, size)) {
        return why_set(why, ERR_INVALID, "biz_id: must be UTF-8 of 1 to %d bytes",
                       LIMIT_BIZ_ID_BYTES);
    }
    memcpy(biz_id, line, size);
    biz_id[size] = '\0';
    return ERR_OK;
}

static void
ctl_ids_add(struct ctl_ids *ids, const char *biz_id)
{
    if (ids->count == ids->capacity) {
        ids->capacity = ids->capacity == 0 ? 256 : ids->capacity * 2;
        ids->ids = mem_resize(ids->ids, ids->capacity * sizeof *ids->ids);
    }
    ids->ids[ids->count++] = mem_text(biz_id);
}

static int
ctl_ids_order(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void
ctl_ids_sort(struct ctl_ids *ids)
{
    qsort(ids->ids, ids->count, sizeof *ids->ids, ctl_ids_order);
    size_t kept = 0;
    for (size_t i = 0; i < ids->count; i++) {
        if (kept > 0 && strcmp(ids->ids[kept - 1], ids->ids[i]) == 0) {
            mem_free(ids->ids[i]);
        } else {
            ids->ids[kept++] = ids->ids[i];
        }
    }
    ids->count = kept;
}

static void
ctl_ids_say(const struct ctl *ctl, uint64_t number, const struct why *why)
{
    if (ctl->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "line", ctl_json_uint(number));
        (void)json_object_set_new(object, "error", ctl_json_string(why->text));
        ctl_json_line(object);
    } else {
        (void)fprintf(stderr, "heraldctl: %s line %" PRIu64 ": %s\n", ctl->values[CTL_FILE], number,
                      why->text);
    }
}

static err_t
ctl_ids_file(struct ctl_ids *ids, const struct ctl *ctl, struct why *why)
{
    const char *path = ctl->values[CTL_FILE];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    uint64_t number = 0;
    err_t rc = ERR_OK;
    while ((size = getline(&line, &room, file)) >= 0) {
        char biz_id[LIMIT_BIZ_ID_BYTES + 1];
        struct why malformed = {{0}};
        number++;
        err_t parsed = ctl_ids_line(biz_id, line, (size_t)size, &malformed);
        if (parsed == ERR_OK) {
            ctl_ids_add(ids, biz_id);
        } else if (parsed != ERR_NOT_FOUND) {
            ids->malformed++;
            ctl_ids_say(ctl, number, &malformed);
        }
    }
    if (ferror(file)) {
        rc = why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    }
    free(line);
    if (file != stdin) {
        (void)fclose(file); /* it was only read */
    }
    return rc;
}

err_t
ctl_ids_load(struct ctl_ids *ids, const struct ctl *ctl, int *code)
{
    const char *path = ctl->values[CTL_FILE];
    struct why why = {{0}};
    err_t rc = ERR_OK;
    memset(ids, 0, sizeof *ids);
    if ((path == NULL) == (ctl->operand_count == 0)) {
        rc = why_set(&why, ERR_INVALID, "either biz_ids or --file is needed");
        *code = ctl_usage(ctl, &why);
        return rc;
    }
    for (size_t i = 0; i < ctl->operand_count && rc == ERR_OK; i++) {
        char biz_id[LIMIT_BIZ_ID_BYTES + 1];
        rc = ctl_ids_line(biz_id, ctl->operands[i], strlen(ctl->operands[i]), &why);
        if (rc == ERR_OK) {
            ctl_ids_add(ids, biz_id);
        } else if (rc == ERR_NOT_FOUND) {
            (void)why_set(&why, ERR_INVALID, "a biz_id is empty");
        }
    }
    if (path != NULL) {
        rc = ctl_ids_file(ids, ctl, &why);
    }
    if (rc != ERR_OK) {
        (void)ctl_failed(rc, &why);
        *code = rc == ERR_IO ? EXIT_CODE_IO : EXIT_CODE_USAGE;
        ctl_ids_fini(ids);
    }
    return rc;
}

int
ctl_ids_code(const struct ctl_ids *ids, int code)
{
    bool answered = code == EXIT_CODE_OK || code == EXIT_CODE_NOT_ALL;
    return answered && ids->malformed > 0 ? EXIT_CODE_DATA : code;
}

void
ctl_ids_fini(struct ctl_ids *ids)
{
    for (size_t i = 0; i < ids->count; i++) {
        mem_free(ids->ids[i]);
    }
    mem_free(ids->ids);
    memset(ids, 0, sizeof *ids);
}
