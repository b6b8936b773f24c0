#include "wire/wire_case.h"

#define CASE_FIELDS 11

void
wire_cases_encode(struct wire_out *out, uint64_t request, const struct wire_cases_ask *ask)
{
    wire_message_begin(out, WIRE_CASES, request, 6);
    wire_out_bool(out, ask->open_only);
    wire_out_uint(out, ask->after_id);
    wire_out_uint(out, ask->limit);
}

err_t
wire_cases_decode(struct wire_in *in, const struct wire_head *head, struct wire_cases_ask *ask,
                  struct why *why)
{
    ask->open_only = wire_in_bool(in, "open_only");
    ask->after_id = wire_in_uint(in, "after_id", UINT64_MAX);
    ask->limit = (uint32_t)wire_in_uint(in, "limit", WIRE_CASES_MAX);
    return wire_message_end(in, head, 6, why);
}

struct wire_ids_out
wire_case_list_begin(struct wire_out *out, uint64_t request, bool more)
{
    wire_message_begin(out, WIRE_CASE_LIST, request, 5);
    wire_out_bool(out, more);
    return (struct wire_ids_out){.out = out, .at = wire_out_open(out)};
}

void
wire_case_put(struct wire_out *out, const struct wire_case *found)
{
    wire_out_array(out, CASE_FIELDS);
    wire_out_uint(out, found->id);
    wire_out_text(out, found->biz_id.data, found->biz_id.size);
    wire_out_text(out, found->topic.data, found->topic.size);
    wire_out_text(out, found->subscription.data, found->subscription.size);
    wire_out_text(out, found->group.data, found->group.size);
    wire_out_uint(out, (uint64_t)found->opened_unix_ms);
    wire_out_uint(out, found->cause);
    wire_out_note(out, found->reason.data, found->reason.size, LIMIT_REASON_BYTES);
    wire_out_bool(out, found->fenced);
    wire_out_uint(out, found->state);
    wire_out_uint(out, found->order);
}

void
wire_case_add(struct wire_ids_out *self, const struct wire_case *found)
{
    wire_case_put(self->out, found);
    self->count++;
}

uint32_t
wire_case_list_open(struct wire_in *in, bool *more)
{
    *more = wire_in_bool(in, "more");
    return wire_in_array(in, "cases", 0, WIRE_CASES_MAX);
}

bool
wire_case_get(struct wire_in *in, struct wire_case *found)
{
    *found = (struct wire_case){0};
    uint32_t fields = wire_in_array(in, "case", CASE_FIELDS, WIRE_FIELDS_MAX);
    found->id = wire_in_uint(in, "id", UINT64_MAX);
    found->biz_id = wire_in_text(in, "biz_id", 1, LIMIT_BIZ_ID_BYTES);
    found->topic = wire_in_text(in, "topic", 1, LIMIT_TOPIC_BYTES);
    found->subscription = wire_in_text(in, "subscription", 1, LIMIT_NAME_BYTES);
    found->group = wire_in_text(in, "group", 1, LIMIT_NAME_BYTES);
    found->opened_unix_ms = (int64_t)wire_in_uint(in, "opened", INT64_MAX);
    found->cause = (uint8_t)wire_in_uint(in, "cause", UINT8_MAX);
    found->reason = wire_in_optional(in, "reason", LIMIT_REASON_BYTES);
    found->fenced = wire_in_bool(in, "fenced");
    found->state = (uint8_t)wire_in_uint(in, "state", UINT8_MAX);
    found->order = (uint8_t)wire_in_uint(in, "order", UINT8_MAX);
    wire_in_rest(in, fields, CASE_FIELDS);
    return !in->failed;
}

void
wire_case_order_encode(struct wire_out *out, uint64_t request, const struct wire_case_order *order)
{
    wire_message_begin(out, WIRE_CASE, request, 8);
    wire_out_uint(out, order->action);
    wire_out_uint(out, order->id);
    wire_out_text(out, order->by.data, order->by.size);
    wire_out_note(out, order->reason.data, order->reason.size, LIMIT_REASON_BYTES);
    wire_out_bool(out, order->unfenced);
}

err_t
wire_case_order_decode(struct wire_in *in, const struct wire_head *head,
                       struct wire_case_order *order, struct why *why)
{
    order->action = (uint8_t)wire_in_uint(in, "action", WIRE_CASE_ACTION_COUNT - 1);
    order->id = wire_in_uint(in, "id", UINT64_MAX);
    /* Looking at a case leaves no record, so it needs no name. */
    order->by = wire_in_text(in, "by", order->action == WIRE_CASE_SHOW ? 0 : 1, LIMIT_NAME_BYTES);
    order->reason = wire_in_optional(in, "reason", LIMIT_REASON_BYTES);
    order->unfenced = wire_in_bool(in, "unfenced");
    if (!in->failed && order->action == 0) {
        wire_in_fault(in, "action", "must be 1 (show) to 5 (note)");
    }
    return wire_message_end(in, head, 8, why);
}

void
wire_case_detail_begin(struct wire_out *out, uint64_t request, const struct wire_case *found,
                       struct wire_bytes payload, uint32_t attempts)
{
    wire_message_begin(out, WIRE_CASE_DETAIL, request, 6);
    wire_case_put(out, found);
    wire_out_bin(out, payload.data, payload.size);
    wire_out_array(out, attempts);
}

uint32_t
wire_case_detail_open(struct wire_in *in, struct wire_case *found, struct wire_bytes *payload)
{
    (void)wire_case_get(in, found); /* a fault stays in `in` */
    *payload = wire_in_bin(in, "payload", 0, LIMIT_PAYLOAD_BYTES);
    return wire_in_array(in, "attempts", 0, WIRE_HISTORY_MAX);
}

void
wire_group_encode(struct wire_out *out, uint64_t request, const struct wire_group *group)
{
    wire_message_begin(out, WIRE_GROUP, request, 7);
    wire_out_text(out, group->group.data, group->group.size);
    wire_out_optional_bin(out, group->identity.data, group->identity.size);
    wire_out_optional(out, group->by.data, group->by.size);
    wire_out_note(out, group->reason.data, group->reason.size, LIMIT_REASON_BYTES);
}

err_t
wire_group_decode(struct wire_in *in, const struct wire_head *head, struct wire_group *group,
                  struct why *why)
{
    *group = (struct wire_group){0};
    group->group = wire_in_text(in, "group", 1, LIMIT_NAME_BYTES);
    group->identity = wire_in_optional_bin(in, "identity", WIRE_IDENTITY_BYTES);
    group->by = wire_in_optional(in, "by", LIMIT_NAME_BYTES);
    group->reason = wire_in_optional(in, "reason", LIMIT_REASON_BYTES);
    return wire_message_end(in, head, 7, why);
}
