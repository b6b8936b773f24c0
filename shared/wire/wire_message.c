#include "wire/wire_message.h"

#include "base/check.h"
#include "wire/wire_check.h"

#include <string.h>

#define HEAD_FIELDS 3

/* Returns the version. */
static uint64_t
read_head(struct wire_in *in, struct wire_head *head)
{
    head->fields = wire_in_array(in, "message", HEAD_FIELDS, WIRE_FIELDS_MAX);
    uint64_t version = wire_in_uint(in, "version", UINT64_MAX);
    head->type = (uint8_t)wire_in_uint(in, "type", UINT8_MAX);
    head->request = wire_in_uint(in, "request", UINT64_MAX);
    return version;
}

err_t
wire_message_open(struct wire_in *in, const void *frame, size_t size, struct wire_head *head,
                  struct why *why)
{
    wire_in_init(in, frame, size);
    *head = (struct wire_head){0};
    err_t rc = wire_check(frame, size, why);
    if (rc != ERR_OK) {
        in->failed = true;
        return rc;
    }
    uint64_t version = read_head(in, head);
    if (!in->failed && version != WIRE_VERSION) {
        return why_set(why, ERR_UNSUPPORTED, "version: %llu is not spoken here, %d is",
                       (unsigned long long)version, WIRE_VERSION);
    }
    return in->failed ? why_set(why, ERR_INVALID, "%s", in->why.text) : ERR_OK;
}

void
wire_message_reopen(struct wire_in *in, const void *frame, size_t size, struct wire_head *head)
{
    wire_in_init(in, frame, size);
    uint64_t version = read_head(in, head);
    CHECK(version == WIRE_VERSION && !in->failed);
}

err_t
wire_message_end(struct wire_in *in, const struct wire_head *head, uint32_t known, struct why *why)
{
    if (head->fields < known) {
        wire_in_fault(in, "message", "%u fields, %s has %u", head->fields,
                      wire_type_name(head->type), known);
    }
    wire_in_rest(in, head->fields, known);
    return wire_in_end(in, why);
}

err_t
wire_message_finish(struct wire_in *in, const struct wire_head *head, struct why *why)
{
    static const uint8_t known[WIRE_TYPE_COUNT] = {
        [WIRE_ERROR] = 5,     [WIRE_HELLO] = 10,     [WIRE_WELCOME] = 12,    [WIRE_PING] = 6,
        [WIRE_PONG] = 7,      [WIRE_SUBMIT] = 4,     [WIRE_SUBMITTED] = 4,   [WIRE_QUERY] = 4,
        [WIRE_ANSWER] = 4,    [WIRE_WATCH] = 5,      [WIRE_WATCHING] = 6,    [WIRE_EVENT] = 4,
        [WIRE_CANCEL] = 7,    [WIRE_CANCELLING] = 4, [WIRE_STATS] = 3,       [WIRE_COUNTERS] = 5,
        [WIRE_RELOAD] = 3,    [WIRE_GROUP] = 7,      [WIRE_STATUS] = 5,      [WIRE_CASES] = 6,
        [WIRE_CASE_LIST] = 5, [WIRE_CASE] = 8,       [WIRE_CASE_DETAIL] = 6, [WIRE_DELIVER] = 8,
        [WIRE_OUTCOME] = 7,   [WIRE_JOB] = 6,        [WIRE_RESULT] = 7,      [WIRE_WAKE] = 5,
        [WIRE_LEAVE] = 5,
    };
    static_assert(WIRE_TYPE_COUNT == 30, "a new type has its number of fields here");
    CHECK(head->type < WIRE_TYPE_COUNT && known[head->type] != 0);
    return wire_message_end(in, head, known[head->type], why);
}

void
wire_message_begin(struct wire_out *out, enum wire_type type, uint64_t request, uint32_t fields)
{
    wire_out_array(out, fields);
    wire_out_uint(out, WIRE_VERSION);
    wire_out_uint(out, type);
    wire_out_uint(out, request);
}

void
wire_message_note(struct wire_out *out, const char *text)
{
    wire_out_note(out, text, text == NULL ? 0 : strlen(text), WIRE_TEXT_BYTES);
}

const char *
wire_status_name(unsigned status)
{
    static const char *const names[WIRE_STATUS_COUNT] = {
        [WIRE_OK] = "OK",
        [WIRE_ACCEPTED] = "ACCEPTED",
        [WIRE_DUPLICATE] = "DUPLICATE",
        [WIRE_CONFLICT] = "CONFLICT",
        [WIRE_REFUSED] = "REFUSED",
        [WIRE_BUSY] = "BUSY",
        [WIRE_UNROUTED] = "UNROUTED",
        [WIRE_DENIED] = "DENIED",
        [WIRE_UNSUPPORTED] = "UNSUPPORTED",
        [WIRE_NOT_FOUND] = "NOT_FOUND",
        [WIRE_CANCELLED] = "CANCELLED",
        [WIRE_REQUESTED] = "REQUESTED",
        [WIRE_ENDED] = "ENDED",
        [WIRE_IS_CASE] = "CASE",
        [WIRE_CANNOT_FENCE] = "CANNOT_FENCE",
    };
    return status < WIRE_STATUS_COUNT ? names[status] : "?";
}

const char *
wire_type_name(unsigned type)
{
    static const char *const names[WIRE_TYPE_COUNT] = {
        [WIRE_ERROR] = "ERROR",
        [WIRE_HELLO] = "HELLO",
        [WIRE_WELCOME] = "WELCOME",
        [WIRE_PING] = "PING",
        [WIRE_PONG] = "PONG",
        [WIRE_SUBMIT] = "SUBMIT",
        [WIRE_SUBMITTED] = "SUBMITTED",
        [WIRE_QUERY] = "QUERY",
        [WIRE_ANSWER] = "ANSWER",
        [WIRE_WATCH] = "WATCH",
        [WIRE_WATCHING] = "WATCHING",
        [WIRE_EVENT] = "EVENT",
        [WIRE_CANCEL] = "CANCEL",
        [WIRE_CANCELLING] = "CANCELLING",
        [WIRE_STATS] = "STATS",
        [WIRE_COUNTERS] = "COUNTERS",
        [WIRE_RELOAD] = "RELOAD",
        [WIRE_GROUP] = "GROUP",
        [WIRE_STATUS] = "STATUS",
        [WIRE_CASES] = "CASES",
        [WIRE_CASE_LIST] = "CASE_LIST",
        [WIRE_CASE] = "CASE",
        [WIRE_CASE_DETAIL] = "CASE_DETAIL",
        [WIRE_DELIVER] = "DELIVER",
        [WIRE_OUTCOME] = "OUTCOME",
        [WIRE_JOB] = "JOB",
        [WIRE_RESULT] = "RESULT",
        [WIRE_WAKE] = "WAKE",
        [WIRE_LEAVE] = "LEAVE",
    };
    return type < WIRE_TYPE_COUNT && names[type] != NULL ? names[type] : "?";
}
