#include "order_event.h"

#include <jansson.h>
#include <string.h>

static const struct {
    const char *topic;
    bool needs_amount; /* and currency */
    bool is_payment;   /* a payment system's own object is understood */
} topics[ORDER_EVENT_KIND_COUNT] = {
    [ORDER_EVENT_CREATED] = {"order.created", true, false},
    [ORDER_EVENT_PAID] = {"payment.succeeded", true, true},
    [ORDER_EVENT_SHIPPED] = {"order.shipped", false, false},
    [ORDER_EVENT_DELIVERED] = {"order.delivered", false, false},
    [ORDER_EVENT_REFUNDED] = {"payment.refunded", false, true},
};

static bool
read_topic(const struct order_item *item, struct order_event *event, struct order_answer *answer)
{
    for (int kind = 0; kind < ORDER_EVENT_KIND_COUNT; kind++) {
        const char *topic = topics[kind].topic;
        if (strlen(topic) == item->topic_size &&
            memcmp(topic, item->topic, item->topic_size) == 0) {
            event->kind = (enum order_event_kind)kind;
            return true;
        }
    }
    order_answer_set(answer, ORDER_ANSWER_REJECT, "topic: orders know nothing of %.*s",
                     (int)item->topic_size, item->topic);
    return false;
}

/* The library's own sentence quotes the payload, which is not ours to repeat in a log. */
static const char *
json_fault(const json_error_t *error)
{
    switch ((int)json_error_code(error)) {
    case json_error_duplicate_key:
        return "a key occurs twice";
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_invalid_utf8:
        return "invalid UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a zero character in a text";
    case json_error_numeric_overflow:
        return "a number out of range";
    case json_error_stack_overflow:
        return "nested too deeply";
    default:
        return "invalid syntax";
    }
}

static bool
read_order_id(const json_t *holder, struct order_event *event)
{
    const json_t *value = json_object_get(holder, "order_id");
    size_t size = json_string_length(value);
    if (size == 0 || size > LIMIT_BIZ_ID_BYTES) {
        return false;
    }
    const char *text = json_string_value(value);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    memcpy(event->order_id, text, size + 1);
    return true;
}

static bool
read_amount(const json_t *value, struct order_event *event, struct order_answer *answer)
{
    if (!json_is_integer(value)) {
        order_answer_set(answer, ORDER_ANSWER_REJECT,
                         "amount: must be a whole number of minor units");
        return false;
    }
    json_int_t amount = json_integer_value(value);
    if (amount < 1 || amount > ORDER_EVENT_AMOUNT_MAX) {
        order_answer_set(answer, ORDER_ANSWER_REJECT, "amount: must be 1 to %lld",
                         (long long)ORDER_EVENT_AMOUNT_MAX);
        return false;
    }
    event->amount = amount;
    event->has_amount = true;
    return true;
}

static bool
read_currency(const json_t *value, struct order_event *event, struct order_answer *answer)
{
    const char *text = json_string_value(value);
    bool valid = json_string_length(value) == ORDER_EVENT_CURRENCY_BYTES;
    for (size_t i = 0; valid && i < ORDER_EVENT_CURRENCY_BYTES; i++) {
        char letter = text[i];
        if (letter >= 'a' && letter <= 'z') {
            letter = (char)(letter - 'a' + 'A'); /* payment systems write lower case */
        }
        valid = letter >= 'A' && letter <= 'Z';
        event->currency[i] = letter;
    }
    if (!valid) {
        event->currency[0] = '\0';
        order_answer_set(answer, ORDER_ANSWER_REJECT, "currency: must be three letters (ISO 4217)");
    }
    return valid;
}

/* Amount and currency, where they are given or needed. */
static bool
read_money(const json_t *holder, const char *amount_name, struct order_event *event,
           struct order_answer *answer)
{
    const json_t *amount = json_object_get(holder, amount_name);
    const json_t *currency = json_object_get(holder, "currency");
    bool needed = topics[event->kind].needs_amount;
    return ((amount == NULL && !needed) || read_amount(amount, event, answer)) &&
           ((currency == NULL && !needed) || read_currency(currency, event, answer));
}

/* A payment system's own object. */
static bool
read_payment_object(const json_t *object, struct order_event *event, struct order_answer *answer)
{
    if (!read_order_id(json_object_get(object, "metadata"), event)) {
        order_answer_set(answer, ORDER_ANSWER_REJECT,
                         "metadata.order_id: must be a text of 1 to %d bytes", LIMIT_BIZ_ID_BYTES);
        return false;
    }
    const char *name = json_string_value(json_object_get(object, "object"));
    bool is_charge = name != NULL && strcmp(name, "charge") == 0;
    bool is_intent = name != NULL && strcmp(name, "payment_intent") == 0;
    bool is_refund = name != NULL && strcmp(name, "refund") == 0;
    bool wants_refund = event->kind == ORDER_EVENT_REFUNDED;
    if (!is_charge && !(wants_refund ? is_refund : is_intent)) {
        order_answer_set(answer, ORDER_ANSWER_REJECT, "object: must be a charge or a %s",
                         wants_refund ? "refund" : "payment_intent");
        return false;
    }
    const json_t *status = json_object_get(object, "status");
    if (status != NULL &&
        (!json_is_string(status) || strcmp(json_string_value(status), "succeeded") != 0)) {
        order_answer_set(answer, ORDER_ANSWER_REJECT,
                         "status: the payment object does not say succeeded");
        return false;
    }
    event->amount_is_total = wants_refund && is_charge;
    return read_money(object, event->amount_is_total ? "amount_refunded" : "amount", event, answer);
}

static bool
read_payload(const json_t *root, struct order_event *event, struct order_answer *answer)
{
    if (!json_is_object(root)) {
        order_answer_set(answer, ORDER_ANSWER_REJECT, "payload: must be a JSON object");
        return false;
    }
    if (json_object_get(root, "order_id") == NULL && topics[event->kind].is_payment) {
        const json_t *inner = json_object_get(json_object_get(root, "data"), "object");
        const json_t *object = json_is_object(inner) ? inner : root;
        if (json_object_get(object, "object") != NULL) {
            return read_payment_object(object, event, answer);
        }
    }
    if (!read_order_id(root, event)) {
        order_answer_set(answer, ORDER_ANSWER_REJECT, "order_id: must be a text of 1 to %d bytes",
                         LIMIT_BIZ_ID_BYTES);
        return false;
    }
    return read_money(root, "amount", event, answer);
}

bool
order_event_parse(const struct order_item *item, struct order_event *event,
                  struct order_answer *answer)
{
    *event = (struct order_event){.version = item->version};
    if (!read_topic(item, event, answer)) {
        return false;
    }
    json_error_t error;
    json_t *root = json_loadb((const char *)item->payload, item->payload_size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        order_answer_set(answer, ORDER_ANSWER_REJECT, "payload: not JSON, %s (byte %d)",
                         json_fault(&error), error.position);
        return false;
    }
    bool read = read_payload(root, event, answer);
    json_decref(root);
    return read;
}
