#include "journal_record.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "delivery/policy.h"
#include "delivery/record_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[LIMIT_KINDS] = {
    [RECORD_POSITION] = "position",
    [RECORD_CHECKPOINT_BEGIN] = "checkpoint-begin",
    [RECORD_CHECKPOINT_ITEM] = "checkpoint-item",
    [RECORD_CHECKPOINT_END] = "checkpoint-end",
    [RECORD_NOTIFICATION] = "notification",
    [RECORD_DONE] = "done",
    [RECORD_FAILED] = "failed",
    [RECORD_MOVED] = "moved",
    [RECORD_TAKEN] = "taken",
    [RECORD_ENDED] = "ended",
    [RECORD_CLOSED] = "closed",
    [RECORD_ORDER] = "order",
    [RECORD_FENCED] = "fenced",
    [RECORD_CASE] = "case",
    [RECORD_SUBSCRIPTION] = "subscription",
    [RECORD_GROUP] = "group",
    [RECORD_INDEX] = "index",
    [RECORD_EVIDENCE] = "evidence",
    [LOG_KIND_LOST] = "lost",
};

static const char *const end_names[END_COUNT] = {"none", "done", "undone", "cancelled", "resolved"};
static const char *const log_names[LOG_ID_COUNT] = {"producer", "scheduler", "compensator"};
static const char *const order_names[ORDER_COUNT] = {"none", "cancel", "undo", "resolve", "note"};
static const char *const compensation_names[] = {
    [COMPENSATION_REAPPLY] = "reapply",
    [COMPENSATION_UNDO] = "undo",
};
static const char *const outcome_names[] = {
    [OUTCOME_NONE] = "none",
    [OUTCOME_DONE] = "done",
    [OUTCOME_DUPLICATE] = "duplicate",
    [OUTCOME_RETRY] = "retry",
    [OUTCOME_REJECT] = "reject",
    [OUTCOME_WORKING] = "working",
    [OUTCOME_NOT_STARTED] = "not-started",
    [OUTCOME_FENCED] = "fenced",
    [OUTCOME_DOWN] = "down",
    [OUTCOME_UNDONE] = "undone",
    [OUTCOME_LEASE] = "lease",
    [OUTCOME_DEADLINE] = "deadline",
    [OUTCOME_CANCEL] = "cancel",
    [OUTCOME_REPLAY] = "replay",
    [OUTCOME_LOST] = "lost",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *
journal_record_kind_name(uint8_t kind)
{
    return kind < LIMIT_KINDS ? kind_names[kind] : NULL;
}

uint8_t
journal_record_kind_by_name(const char *name)
{
    for (uint8_t kind = 1; kind < LIMIT_KINDS; kind++) {
        if (kind_names[kind] != NULL && strcmp(kind_names[kind], name) == 0) {
            return kind;
        }
    }
    char *end;
    unsigned long number = strtoul(name, &end, 10);
    return *name != '\0' && *end == '\0' && number < LIMIT_KINDS ? (uint8_t)number : 0;
}

static void
put_number(json_t *to, const char *key, uint64_t value)
{
    (void)json_object_set_new(to, key, json_integer((json_int_t)value)); /* memory: mem aborts */
}

static void
put_name(json_t *to, const char *key, const char *const *names, size_t count, unsigned value)
{
    if (value < count && names[value] != NULL) {
        (void)json_object_set_new(to, key, json_string(names[value]));
    } else {
        put_number(to, key, value);
    }
}

static void
put_text(json_t *to, const char *key, const char *data, size_t size)
{
    if (size > 0) {
        json_t *text = json_stringn(data, size);
        (void)json_object_set_new(to, key, text == NULL ? json_string("(not UTF-8)") : text);
    }
}

static void
put_time(json_t *to, const char *key, int64_t unix_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (unix_ms != 0) {
        (void)json_object_set_new(to, key, json_string(clock_text(unix_ms, text)));
    }
}

static void
put_flag(json_t *to, const char *key, bool value)
{
    (void)json_object_set_new(to, key, json_boolean(value));
}

static void
put_count(json_t *to, const char *key, uint64_t value)
{
    if (value != 0) {
        put_number(to, key, value);
    }
}

static void
put_duration(json_t *to, const char *key, int64_t ms)
{
    char text[POLICY_DURATION_SIZE];
    (void)json_object_set_new(to, key, json_string(policy_duration_text(ms, text)));
}

static void
put_hex(json_t *to, const char *key, const uint8_t *bytes, size_t size)
{
    char *text = mem_alloc(size * 2 + 1);
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(text + i * 2, 3, "%02x", bytes[i]);
    }
    text[size * 2] = '\0';
    (void)json_object_set_new(to, key, json_string(text));
    mem_free(text);
}

static void
put_key(json_t *to, const struct delivery_key *key)
{
    put_number(to, "notification", key->position);
    put_number(to, "subscription", key->subscription);
}

static void
put_notification(json_t *to, const struct record_notification *record)
{
    put_time(to, "received", record->received_unix_ms);
    json_t *ids = json_array();
    for (unsigned i = 0; i < record->subscription_count; i++) {
        (void)json_array_append_new(ids, json_integer(record->subscriptions[i]));
    }
    (void)json_object_set_new(to, "subscriptions", ids);
    put_number(to, "bytes", record->encoded_size);
    put_hex(to, "hash", record->hash, sizeof record->hash);
}

static void
put_custody(json_t *to, const struct record_custody *record)
{
    put_key(to, &record->key);
    put_number(to, "turn", record->turn);
    put_name(to, "to", log_names, COUNT(log_names), record->to);
    put_name(to, "cause", outcome_names, COUNT(outcome_names), record->cause);
    put_number(to, "attempts", record->attempts);
    put_count(to, "unburnt", record->unburnt);
    put_flag(to, "sent", record->sent);
    put_flag(to, "alone", record->alone);
    put_time(to, "at", record->at_unix_ms);
    put_time(to, "due", record->due_unix_ms);
    put_time(to, "first-sent", record->first_sent_unix_ms);
    put_count(to, "previous", record->previous);
    put_text(to, "reason", record->reason.data, record->reason.size);
}

static err_t
describe_event(json_t *to, const struct log_record *log_record, struct why *why)
{
    struct record_event record;
    err_t rc =
        record_event_decode(log_record->kind, log_record->body, log_record->size, &record, why);
    if (rc != ERR_OK) {
        return rc;
    }
    put_key(to, &record.key);
    put_count(to, "more", record.more);
    put_number(to, "turn", record.turn);
    if (record.outcome != 0) {
        put_name(to, "outcome", outcome_names, COUNT(outcome_names), record.outcome);
    }
    if (record.end != 0) {
        put_name(to, "end", end_names, COUNT(end_names), record.end);
    }
    if (record.order != 0) {
        put_name(to, "order", order_names, COUNT(order_names), record.order);
    }
    put_count(to, "attempt", record.attempt);
    put_count(to, "unburnt", record.unburnt);
    if (record.custodian != 0) {
        put_name(to, "custodian", log_names, COUNT(log_names), record.custodian - 1U);
    }
    if (record.unfenced) {
        put_flag(to, "unfenced", true);
    }
    put_time(to, "at", record.at_unix_ms);
    put_time(to, "due", record.due_unix_ms);
    put_count(to, "previous", record.previous);
    put_text(to, "by", record.by.data, record.by.size);
    put_text(to, "reason", record.reason.data, record.reason.size);
    return ERR_OK;
}

static err_t
describe_position(json_t *to, const struct log_record *log_record, struct why *why)
{
    struct record_position record;
    err_t rc = record_position_decode(log_record->body, log_record->size, &record, why);
    for (unsigned i = 0; rc == ERR_OK && i < LOG_ID_COUNT; i++) {
        if (record.logs[i].position != 0) {
            put_number(to, log_names[i], record.logs[i].position);
        }
    }
    return rc;
}

static err_t
describe_case(json_t *to, const struct log_record *log_record, struct why *why)
{
    struct record_case record;
    err_t rc = record_case_decode(log_record->body, log_record->size, &record, why);
    if (rc == ERR_OK) {
        put_custody(to, &record.custody);
        put_flag(to, "fenced", record.fenced);
        put_flag(to, "undo-unanswered", record.undo_unanswered);
        put_notification(to, &record.notification);
    }
    return rc;
}

static err_t
describe_subscription(json_t *to, const struct log_record *log_record, struct why *why)
{
    struct record_subscription record;
    err_t rc = record_subscription_decode(log_record->body, log_record->size, &record, why);
    if (rc == ERR_OK) {
        put_number(to, "id", record.id);
        put_text(to, "name", record.name.data, record.name.size);
        put_text(to, "pattern", record.pattern.data, record.pattern.size);
        put_text(to, "group", record.group.data, record.group.size);
        put_text(to, "policy", record.policy.data, record.policy.size);
        put_flag(to, "active", record.active);
        put_name(to, "compensation", compensation_names, COUNT(compensation_names),
                 record.compensation);
        put_duration(to, "lease", record.lease_ms);
        put_duration(to, "lease-limit", record.lease_limit_ms);
    }
    return rc;
}

static err_t
describe_group(json_t *to, const struct log_record *log_record, struct why *why)
{
    struct record_group record;
    err_t rc = record_group_decode(log_record->body, log_record->size, &record, why);
    if (rc == ERR_OK) {
        put_text(to, "name", record.name.data, record.name.size);
        put_hex(to, "identity", record.identity, sizeof record.identity);
        put_flag(to, "can-fence", record.can_fence);
        put_flag(to, "can-undo", record.can_undo);
        put_text(to, "by", record.by.data, record.by.size);
    }
    return rc;
}

static err_t
describe_fields(json_t *to, const struct log_record *record, struct why *why)
{
    struct record_notification notification;
    struct record_custody custody;
    err_t rc = ERR_OK;
    switch (record->kind) {
    case RECORD_POSITION:
        return describe_position(to, record, why);
    case RECORD_CHECKPOINT_END: {
        struct bytes_in in = bytes_in_over(record->body, record->size);
        put_number(to, "begin", bytes_in_varint(&in));
        return in.failed ? why_set(why, ERR_CORRUPT, "does not say where it begins") : ERR_OK;
    }
    case RECORD_NOTIFICATION:
        rc = record_notification_decode(record->body, record->size, &notification, why);
        if (rc == ERR_OK) {
            put_notification(to, &notification);
        }
        return rc;
    case RECORD_MOVED:
    case RECORD_TAKEN:
        rc = record_custody_decode(record->body, record->size, &custody, why);
        if (rc == ERR_OK) {
            put_custody(to, &custody);
        }
        return rc;
    case RECORD_DONE:
    case RECORD_EVIDENCE:
    case RECORD_FAILED:
    case RECORD_ENDED:
    case RECORD_CLOSED:
    case RECORD_ORDER:
    case RECORD_FENCED:
        return describe_event(to, record, why);
    case RECORD_CASE:
        return describe_case(to, record, why);
    case RECORD_SUBSCRIPTION:
        return describe_subscription(to, record, why);
    case RECORD_GROUP:
        return describe_group(to, record, why);
    default:
        return ERR_OK;
    }
}

json_t *
journal_record_describe(const struct log_record *record, bool with_body)
{
    json_t *object = json_object();
    struct why why = {{0}};
    put_number(object, "position", record->position);
    put_name(object, "kind", kind_names, COUNT(kind_names), record->kind);
    put_number(object, "size", record->size);
    if (describe_fields(object, record, &why) != ERR_OK) {
        (void)json_object_set_new(object, "malformed", json_string(why.text));
    }
    if (with_body) {
        put_hex(object, "body", record->body, record->size);
    }
    return object;
}

void
journal_record_print(const json_t *object)
{
    const char *key;
    json_t *value;
    const char *space = "";
    /* jansson's macro wants a pointer that is not const; the object is only read. */
    void *iterator = json_object_iter((json_t *)(uintptr_t)object);
    for (; iterator != NULL;
         iterator = json_object_iter_next((json_t *)(uintptr_t)object, iterator)) {
        key = json_object_iter_key(iterator);
        value = json_object_iter_value(iterator);
        char *text = json_is_string(value) && strchr(json_string_value(value), ' ') == NULL
                         ? mem_text(json_string_value(value))
                         : NULL;
        char *dumped = text != NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        (void)printf("%s%s=%s", space, key, text != NULL ? text : dumped == NULL ? "?" : dumped);
        space = " ";
        mem_free(text);
        free(dumped);
    }
    (void)printf("\n");
}
