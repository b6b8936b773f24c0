#include "case_print.h"

#include "ctl_print.h"
#include "delivery/record.h"

const char *
case_order_name(uint8_t order)
{
    static const char *const names[ORDER_COUNT] = {"-", "cancel", "undo", "resolve", "note"};
    return order < ORDER_COUNT ? names[order] : "?";
}

bool
case_is_open(const struct wire_case *found)
{
    return found->state == WIRE_STATE_CASE;
}

json_t *
case_json(const struct wire_case *found)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "id", ctl_json_uint(found->id));
    (void)json_object_set_new(object, "biz_id",
                              ctl_json_text(found->biz_id.data, found->biz_id.size));
    (void)json_object_set_new(object, "topic", ctl_json_text(found->topic.data, found->topic.size));
    (void)json_object_set_new(object, "subscription",
                              ctl_json_text(found->subscription.data, found->subscription.size));
    (void)json_object_set_new(object, "group", ctl_json_text(found->group.data, found->group.size));
    (void)json_object_set_new(object, "opened_unix_ms", json_integer(found->opened_unix_ms));
    (void)json_object_set_new(object, "cause", ctl_json_string(wire_outcome_name(found->cause)));
    (void)json_object_set_new(object, "reason",
                              ctl_json_text(found->reason.data, found->reason.size));
    (void)json_object_set_new(object, "fenced",
                              case_is_open(found) ? json_boolean(found->fenced) : json_null());
    (void)json_object_set_new(object, "state", ctl_json_string(wire_state_name(found->state)));
    (void)json_object_set_new(object, "order", ctl_json_string(case_order_name(found->order)));
    return object;
}
