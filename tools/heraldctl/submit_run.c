#include "submit_run.h"

#include "ctl_print.h"
#include "ctl_service.h"
#include "submit_input.h"
#include "submit_line.h"
#include "submit_record.h"

#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUBMIT_WINDOW 4096
#define SUBMIT_WINDOW_MAX 65536
#define SUBMIT_WAIT_MS 100   /* for an answer when the window is full */
#define SUBMIT_PIPE_MS 10    /* for an answer while a pipe has nothing to say */
#define SUBMIT_LEAVE_MS 2000 /* for the answers on the way after Ctrl-C */
#define SUBMIT_PROGRESS_MS 200
#define SUBMIT_PATIENCE 3 /* time limits without a decision before nothing more is read */

struct submit_slot {
    uint64_t line;
    char biz_id[LIMIT_BIZ_ID_BYTES + 1];
};

struct submit {
    const struct ctl *ctl;
    struct submit_totals *totals; /* borrowed */
    herald_client_t *client;
    struct submit_input input;
    struct submit_record record;
    struct submit_slot *slots; /* owned; one for each notification on the way */
    uint32_t *free_slots;      /* owned; a stack */
    size_t free_count;
    size_t window;
    uint64_t without;   /* results in a row without a decision */
    int64_t decided_ms; /* when the last one was decided; 0: none was */
    bool no_more;       /* nothing is read any more */
    bool is_terminal;   /* stderr */
    int64_t progress_ms;
};

const char *
submit_status_name(unsigned status)
{
    static const char *const names[SUBMIT_RUN_STATUS_COUNT] = {
        "",
        [HERALD_CLIENT_ACCEPTED] = "accepted",
        [HERALD_CLIENT_DUPLICATE] = "duplicate",
        [HERALD_CLIENT_CONFLICT] = "conflict",
        [HERALD_CLIENT_REFUSED] = "refused",
        [HERALD_CLIENT_BUSY] = "busy",
        [HERALD_CLIENT_UNKNOWN] = "unknown",
    };
    return status < SUBMIT_RUN_STATUS_COUNT ? names[status] : "?";
}

static bool
submit_is_taken(unsigned status)
{
    return status == HERALD_CLIENT_ACCEPTED || status == HERALD_CLIENT_DUPLICATE;
}

static bool
submit_is_undecided(unsigned status)
{
    return status == HERALD_CLIENT_BUSY || status == HERALD_CLIENT_UNKNOWN;
}

/* What is not accepted, line by line; without an answer only the count is said to people. */
static void
submit_say(const struct submit *submit, const struct submit_slot *slot,
           const struct herald_client_result *result)
{
    if (submit->ctl->json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "line", ctl_json_uint(slot->line));
        (void)json_object_set_new(object, "biz_id", ctl_json_string(slot->biz_id));
        (void)json_object_set_new(object, "status",
                                  ctl_json_string(submit_status_name(result->status)));
        (void)json_object_set_new(object, "field", ctl_json_string(result->field));
        (void)json_object_set_new(object, "text", ctl_json_string(result->text));
        ctl_json_line(object);
    } else if (!submit_is_undecided(result->status)) {
        (void)fprintf(stderr, "%sline %" PRIu64 ": %s%s%s\n", submit->is_terminal ? "\r\033[K" : "",
                      slot->line, result->field, result->field[0] == '\0' ? "" : ": ",
                      result->text);
    }
}

/* Nothing is decided: at once when nothing ever was, otherwise with patience, since a producer that
 * is restarted comes back. */
static bool
submit_is_hopeless(const struct submit *submit)
{
    int64_t patience_ms = SUBMIT_PATIENCE * (int64_t)submit->ctl->timeout_ms;
    return submit->without >= submit->window &&
           (submit->decided_ms == 0 || clock_mono_ms() - submit->decided_ms > patience_ms);
}

static void
submit_count(struct submit *submit, const struct submit_slot *slot,
             const struct herald_client_result *result)
{
    unsigned status =
        result->status < SUBMIT_RUN_STATUS_COUNT ? result->status : (unsigned)HERALD_CLIENT_UNKNOWN;
    submit->totals->counts[status]++;
    if (submit_is_taken(status)) {
        submit_record_add(&submit->record, slot->biz_id);
    } else {
        submit_say(submit, slot, result);
    }
}

static void
submit_answered(void *context, uint64_t tag, const struct herald_client_result *result)
{
    struct submit *submit = context;
    submit_count(submit, &submit->slots[tag], result);
    if (submit_is_undecided(result->status)) {
        submit->without++;
    } else {
        submit->without = 0;
        submit->decided_ms = clock_mono_ms();
    }
    if (!submit->no_more && submit_is_hopeless(submit)) {
        submit->totals->gave_up = true;
        submit->no_more = true;
    }
    submit->free_slots[submit->free_count++] = (uint32_t)tag;
}

/* Refused here, before it was sent. A sentence that begins with a member's name names the field. */
static void
submit_refuse(struct submit *submit, struct submit_slot *slot, const struct why *why)
{
    struct herald_client_result result = {.status = HERALD_CLIENT_REFUSED};
    size_t name = strspn(why->text, "abcdefghijklmnopqrstuvwxyz_");
    bool named = name > 0 && name < sizeof result.field && strncmp(why->text + name, ": ", 2) == 0;
    slot->line = submit->input.line;
    (void)snprintf(result.field, sizeof result.field, "%.*s", named ? (int)name : 0, why->text);
    (void)snprintf(result.text, sizeof result.text, "%s", why->text + (named ? name + 2 : 0));
    submit_count(submit, slot, &result);
}

static bool
submit_is_blank(const char *line, size_t size)
{
    return size == strspn(line, " \t\r") || (size > 0 && line[strspn(line, " \t\r")] == '\n');
}

/* ERR_FULL: not now; as many frames as the client keeps are unanswered. */
static err_t
submit_one(struct submit *submit, const char *line, size_t size)
{
    struct submit_line parsed;
    struct why why = {{0}};
    uint32_t tag = submit->free_slots[submit->free_count - 1];
    struct submit_slot *slot = &submit->slots[tag];
    memset(&parsed, 0, sizeof parsed);
    err_t rc = submit_line_parse(&parsed, line, size, &why);
    slot->line = submit->input.line;
    memcpy(slot->biz_id, parsed.biz_id, sizeof slot->biz_id);
    struct herald_client_notification notification = {
        .topic = parsed.topic,
        .biz_id = parsed.biz_id,
        .payload = parsed.payload.data,
        .payload_size = parsed.payload.size,
        .version = parsed.version,
        .policy = parsed.policy[0] == '\0' ? NULL : parsed.policy,
        .deadline_unix_ms = parsed.deadline_unix_ms,
    };
    if (rc == ERR_OK) {
        submit->free_count--; /* the answer gives it back */
        rc = herald_client_submit_async(submit->client, &notification, tag, &why);
        submit->free_count += rc != ERR_OK;
    }
    if (rc != ERR_OK && rc != ERR_FULL) {
        submit_refuse(submit, slot, &why);
        rc = ERR_OK;
    }
    return rc;
}

/* Submit lines that are in memory, up to a frame of them. ERR_AGAIN: the input has no more now.
 * ERR_FULL: an answer must come first. */
static err_t
submit_lines(struct submit *submit)
{
    err_t rc = ERR_OK;
    for (size_t i = 0; i < LIMIT_FRAME_NOTIFICATIONS && submit->free_count > 0 && rc == ERR_OK;
         i++) {
        const char *line;
        size_t size;
        rc = submit_input_next(&submit->input, &line, &size);
        if (rc == ERR_OK && !submit_is_blank(line, size)) {
            rc = submit_one(submit, line, size);
            if (rc == ERR_FULL) {
                submit_input_put_back(&submit->input);
            }
        } else if (rc == ERR_INVALID) {
            struct why why;
            (void)why_set(&why, rc, "longer than %d bytes", SUBMIT_INPUT_LINE_BYTES);
            struct submit_slot *slot = &submit->slots[submit->free_slots[submit->free_count - 1]];
            slot->biz_id[0] = '\0';
            submit_refuse(submit, slot, &why);
            rc = ERR_OK;
        }
        submit->totals->lines = submit->input.line;
    }
    return rc;
}

static void
submit_progress(struct submit *submit)
{
    int64_t now_ms = clock_mono_ms();
    if (submit->is_terminal && now_ms - submit->progress_ms >= SUBMIT_PROGRESS_MS) {
        const uint64_t *counts = submit->totals->counts;
        submit->progress_ms = now_ms;
        (void)fprintf(
            stderr, "\r\033[K%" PRIu64 " lines, %" PRIu64 " accepted, %" PRIu64 " duplicate",
            submit->totals->lines, counts[HERALD_CLIENT_ACCEPTED], counts[HERALD_CLIENT_DUPLICATE]);
    }
}

/* One round: lines in, a step of the client, the record. */
static err_t
submit_round(struct submit *submit, struct why *why)
{
    int wait_ms = SUBMIT_WAIT_MS;
    err_t rc = submit->no_more ? ERR_NOT_FOUND : submit_lines(submit);
    if (rc == ERR_AGAIN) {
        bool idle = submit->free_count == submit->window;
        rc = submit_input_fill(&submit->input, idle ? SUBMIT_WAIT_MS : 0, why);
        wait_ms = rc == ERR_OK || idle ? 0 : SUBMIT_PIPE_MS;
        if (rc == ERR_IO) {
            submit->no_more = true;
            return rc;
        }
    } else if (rc == ERR_NOT_FOUND) {
        submit->no_more = true;
    } else if (rc != ERR_FULL && submit->free_count > 0) {
        wait_ms = 0;
    }
    (void)herald_client_step(submit->client, wait_ms);
    rc = submit_record_sync(&submit->record, why);
    submit_progress(submit);
    return rc;
}

/* Rounds until all is answered, or Ctrl-C: once for no more lines, twice for no more answers. */
static err_t
submit_rounds(struct submit *submit, struct why *why)
{
    int64_t leave_ms = INT64_MAX;
    err_t rc = ERR_OK;
    while (rc == ERR_OK && !(submit->no_more && submit->free_count == submit->window) &&
           ctl_interrupts() < 2 && clock_mono_ms() < leave_ms) {
        if (ctl_interrupted() && leave_ms == INT64_MAX) {
            leave_ms = clock_mono_ms() + SUBMIT_LEAVE_MS;
            submit->totals->interrupted = true;
            submit->no_more = true;
        }
        rc = submit_round(submit, why);
    }
    if (submit->is_terminal) {
        (void)fprintf(stderr, "\r\033[K");
    }
    submit->totals->counts[HERALD_CLIENT_UNKNOWN] += submit->window - submit->free_count;
    return rc;
}

static err_t
submit_open(struct submit *submit, struct why *why)
{
    struct herald_client_options options = {.context = submit, .submitted = submit_answered};
    uint64_t window = SUBMIT_WINDOW;
    err_t rc = ctl_number(submit->ctl, CTL_WINDOW, SUBMIT_WINDOW_MAX, &window, why);
    if (rc == ERR_OK) {
        options.window = (uint32_t)window;
        rc = ctl_client(submit->ctl, &options, &submit->client, why);
    }
    if (rc == ERR_OK) {
        rc = submit_input_open(&submit->input, submit->ctl->values[CTL_FILE], why);
    }
    if (rc == ERR_OK) {
        rc = submit_record_open(&submit->record, submit->ctl->values[CTL_RECORD], why);
    }
    submit->window = (size_t)window;
    submit->slots = mem_array(submit->window, sizeof *submit->slots);
    submit->free_slots = mem_array(submit->window, sizeof *submit->free_slots);
    for (size_t i = 0; i < submit->window; i++) {
        submit->free_slots[submit->free_count++] = (uint32_t)i;
    }
    return rc;
}

err_t
submit_run(const struct ctl *ctl, struct submit_totals *totals, struct why *why)
{
    struct submit submit = {
        .ctl = ctl, .totals = totals, .is_terminal = isatty(STDERR_FILENO) == 1};
    submit.input.fd = -1;
    submit.record.fd = -1;
    memset(totals, 0, sizeof *totals);
    err_t rc = submit_open(&submit, why);
    if (rc == ERR_OK) {
        ctl_catch_signals();
        rc = submit_rounds(&submit, why);
    }
    herald_client_destroy(&submit.client);
    submit_input_close(&submit.input);
    submit_record_close(&submit.record);
    mem_free(submit.slots);
    mem_free(submit.free_slots);
    return rc;
}
