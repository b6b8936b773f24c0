#include "client/client_private.h"

#include <string.h>

static void
text_copy(char *to, size_t to_size, struct wire_text from)
{
    size_t size = from.size < to_size ? from.size : to_size - 1;
    if (size < from.size) {
        size = wire_in_utf8_prefix(from.data, size); /* no half character at the end */
    }
    if (size > 0) {
        memcpy(to, from.data, size);
    }
    to[size] = '\0';
}

static err_t
field_check(const char *field, const char *text, size_t max, struct why *why)
{
    size_t size = text == NULL ? 0 : strlen(text);
    if (size == 0 || size > max || !wire_in_utf8(text, size)) {
        return why_set(why, ERR_INVALID,
                       "%s: must be UTF-8 without control characters, 1 to %zu bytes", field, max);
    }
    return ERR_OK;
}

/* Statuses that say why there is nothing to cancel; the others are told delivery by delivery. */
static bool
is_refusal(uint8_t status)
{
    return status == WIRE_NOT_FOUND || status == WIRE_REFUSED || status == WIRE_BUSY ||
           status == WIRE_DENIED || status == WIRE_UNSUPPORTED;
}

static err_t
cancelling_read(struct client_ask *ask, struct herald_client_cancelled *cancelled, size_t *count,
                struct why *why)
{
    uint32_t said = wire_in_array(&ask->in, "cancelled", 1, LIMIT_SUBSCRIPTIONS);
    struct why refused = {{0}};
    err_t refusal = ERR_OK;
    struct wire_cancelled one;
    for (uint32_t i = 0; i < said && wire_cancelled_get(&ask->in, &one); i++) {
        struct herald_client_cancelled *to = &cancelled[(*count)++];
        text_copy(to->subscription, sizeof to->subscription, one.subscription);
        text_copy(to->text, sizeof to->text, one.text);
        to->wire_status = one.status;
        to->status_name = wire_status_name(one.status);
        if (is_refusal(one.status)) {
            refusal = why_set(&refused, client_ask_refused(one.status), "%s%s%s", to->status_name,
                              to->text[0] == '\0' ? "" : ": ", to->text);
        }
    }
    err_t rc = wire_message_finish(&ask->in, &ask->head, why);
    if (rc == ERR_OK && refusal != ERR_OK && said == 1) {
        rc = why_set(why, refusal, "%s", refused.text);
    }
    *count = rc == ERR_OK ? *count : 0;
    return rc;
}

static err_t
order_check(const struct herald_client_cancel_order *order, struct why *why)
{
    err_t rc = field_check("biz_id", order->biz_id, LIMIT_BIZ_ID_BYTES, why);
    if (rc == ERR_OK && order->subscription != NULL) {
        rc = field_check("subscription", order->subscription, LIMIT_NAME_BYTES, why);
    }
    return rc == ERR_OK ? field_check("by", order->by, LIMIT_NAME_BYTES, why) : rc;
}

static struct wire_text
text_or_none(const char *text)
{
    return (struct wire_text){.data = text, .size = text == NULL ? 0 : strlen(text)};
}

err_t
herald_client_cancel(herald_client_t *self, const struct herald_client_cancel_order *order,
                     struct herald_client_cancelled *cancelled, size_t *count, struct why *why)
{
    *count = 0;
    err_t rc = order_check(order, why);
    if (rc != ERR_OK) {
        return rc;
    }
    const struct wire_cancel asked = {
        .biz_id = text_or_none(order->biz_id),
        .subscription = text_or_none(order->subscription),
        .by = text_or_none(order->by),
        .reason = text_or_none(order->reason),
    };
    struct wire_out out;
    wire_out_init(&out, 512);
    wire_cancel_encode(&out, client_ask_request(self), &asked);
    rc = client_ask(self, &out, WIRE_CANCELLING, why);
    return rc == ERR_OK ? cancelling_read(&self->ask, cancelled, count, why) : rc;
}
