#include "wire/wire_session.h"

#include "base/check.h"

#define HELLO_FIELDS 10
#define WELCOME_FIELDS 12
#define LIMITS_FIELDS 4

void
wire_hello_encode(struct wire_out *out, uint64_t request, const struct wire_hello *hello)
{
    wire_message_begin(out, WIRE_HELLO, request, HELLO_FIELDS);
    wire_out_uint(out, hello->party);
    wire_out_text(out, hello->name.data, hello->name.size);
    wire_out_optional(out, hello->group.data, hello->group.size);
    wire_out_optional_bin(out, hello->identity.data, hello->identity.size);
    wire_out_uint(out, hello->capabilities);
    wire_out_uint(out, hello->nonce);
    wire_out_uint(out, hello->window);
}

err_t
wire_hello_decode(struct wire_in *in, const struct wire_head *head, struct wire_hello *hello,
                  struct why *why)
{
    *hello = (struct wire_hello){0};
    hello->party = (uint8_t)wire_in_uint(in, "party", UINT8_MAX);
    hello->name = wire_in_text(in, "name", 1, LIMIT_NAME_BYTES);
    hello->group = wire_in_optional(in, "group", LIMIT_NAME_BYTES);
    hello->identity = wire_in_optional_bin(in, "identity", WIRE_IDENTITY_BYTES);
    hello->capabilities = (uint8_t)wire_in_uint(in, "capabilities", UINT8_MAX);
    hello->nonce = wire_in_uint(in, "nonce", UINT64_MAX);
    hello->window = (uint32_t)wire_in_uint(in, "window", UINT32_MAX);
    if (!in->failed && hello->party != WIRE_PARTY_CLIENT && hello->party != WIRE_PARTY_CONSUMER) {
        wire_in_fault(in, "party", "must be 1 (client) or 2 (consumer)");
    }
    if (!in->failed && hello->party == WIRE_PARTY_CONSUMER && hello->group.size == 0) {
        wire_in_fault(in, "group", "a consumer names its receiver group");
    }
    return wire_message_end(in, head, HELLO_FIELDS, why);
}

void
wire_welcome_encode(struct wire_out *out, uint64_t request, const struct wire_welcome *welcome)
{
    CHECK(welcome->endpoint_count <= WIRE_ENDPOINTS_MAX);
    wire_message_begin(out, WIRE_WELCOME, request, WELCOME_FIELDS);
    wire_out_uint(out, welcome->status);
    wire_out_note(out, welcome->text.data, welcome->text.size, WIRE_TEXT_BYTES);
    wire_out_text(out, welcome->service.data, welcome->service.size);
    wire_out_uint(out, welcome->run);
    wire_out_uint(out, welcome->lane);
    wire_out_uint(out, welcome->lease_ms);
    wire_out_uint(out, welcome->ping_ms);
    wire_out_array(out, welcome->endpoint_count);
    for (uint32_t i = 0; i < welcome->endpoint_count; i++) {
        const struct wire_endpoint *endpoint = &welcome->endpoints[i];
        bool has_key = endpoint->key.size > 0; /* without CURVE it is as it was before there was */
        wire_out_array(out, has_key ? 3 : 2);
        wire_out_text(out, endpoint->name.data, endpoint->name.size);
        wire_out_text(out, endpoint->endpoint.data, endpoint->endpoint.size);
        if (has_key) {
            wire_out_bin(out, endpoint->key.data, endpoint->key.size);
        }
    }
    wire_out_array(out, LIMITS_FIELDS);
    wire_out_uint(out, LIMIT_PAYLOAD_BYTES);
    wire_out_uint(out, LIMIT_BIZ_ID_BYTES);
    wire_out_uint(out, LIMIT_FRAME_NOTIFICATIONS);
    wire_out_uint(out, LIMIT_FRAME_BYTES);
}

err_t
wire_welcome_decode(struct wire_in *in, const struct wire_head *head, struct wire_welcome *welcome,
                    struct why *why)
{
    *welcome = (struct wire_welcome){0};
    welcome->status = (uint8_t)wire_in_uint(in, "status", UINT8_MAX);
    welcome->text = wire_in_optional(in, "text", WIRE_TEXT_BYTES);
    welcome->service = wire_in_text(in, "service", 1, LIMIT_NAME_BYTES);
    welcome->run = wire_in_uint(in, "run", UINT64_MAX);
    welcome->lane = (uint32_t)wire_in_uint(in, "lane", UINT32_MAX);
    welcome->lease_ms = (uint32_t)wire_in_uint(in, "lease", UINT32_MAX);
    welcome->ping_ms = (uint32_t)wire_in_uint(in, "ping", UINT32_MAX);
    welcome->endpoint_count = wire_in_array(in, "endpoints", 0, WIRE_ENDPOINTS_MAX);
    for (uint32_t i = 0; i < welcome->endpoint_count && !in->failed; i++) {
        uint32_t fields = wire_in_array(in, "endpoint", 2, WIRE_FIELDS_MAX);
        welcome->endpoints[i].name = wire_in_text(in, "endpoint name", 1, LIMIT_NAME_BYTES);
        welcome->endpoints[i].endpoint = wire_in_text(in, "endpoint", 1, LIMIT_ENDPOINT_BYTES);
        if (fields > 2) {
            welcome->endpoints[i].key = wire_in_optional_bin(in, "endpoint key", WIRE_KEY_BYTES);
        }
        wire_in_rest(in, fields, fields > 2 ? 3 : 2);
    }
    uint32_t fields = wire_in_array(in, "limits", LIMITS_FIELDS, WIRE_FIELDS_MAX);
    welcome->limits.payload_bytes = (uint32_t)wire_in_uint(in, "payload_bytes", UINT32_MAX);
    welcome->limits.biz_id_bytes = (uint32_t)wire_in_uint(in, "biz_id_bytes", UINT32_MAX);
    welcome->limits.batch_count = (uint32_t)wire_in_uint(in, "batch_count", UINT32_MAX);
    welcome->limits.frame_bytes = (uint32_t)wire_in_uint(in, "frame_bytes", UINT32_MAX);
    wire_in_rest(in, fields, LIMITS_FIELDS);
    return wire_message_end(in, head, WELCOME_FIELDS, why);
}

void
wire_ping_encode(struct wire_out *out, uint64_t request, const struct wire_ping *ping)
{
    wire_message_begin(out, WIRE_PING, request, 6);
    wire_out_optional(out, ping->name.data, ping->name.size);
    wire_out_uint(out, ping->nonce);
    wire_out_uint(out, ping->lane);
}

err_t
wire_ping_decode(struct wire_in *in, const struct wire_head *head, struct wire_ping *ping,
                 struct why *why)
{
    ping->name = wire_in_optional(in, "name", LIMIT_NAME_BYTES);
    ping->nonce = wire_in_uint(in, "nonce", UINT64_MAX);
    ping->lane = (uint32_t)wire_in_uint(in, "lane", UINT32_MAX);
    return wire_message_end(in, head, 6, why);
}

void
wire_pong_encode(struct wire_out *out, uint64_t request, const struct wire_pong *pong)
{
    wire_message_begin(out, WIRE_PONG, request, 7);
    wire_out_text(out, pong->service.data, pong->service.size);
    wire_out_uint(out, pong->run);
    wire_out_uint(out, pong->uptime_ms);
    wire_out_bool(out, pong->known);
}

err_t
wire_pong_decode(struct wire_in *in, const struct wire_head *head, struct wire_pong *pong,
                 struct why *why)
{
    pong->service = wire_in_text(in, "service", 1, LIMIT_NAME_BYTES);
    pong->run = wire_in_uint(in, "run", UINT64_MAX);
    pong->uptime_ms = wire_in_uint(in, "uptime", UINT64_MAX);
    pong->known = wire_in_bool(in, "known");
    return wire_message_end(in, head, 7, why);
}

void
wire_status_encode(struct wire_out *out, enum wire_type type, uint64_t request, uint8_t status,
                   const char *text)
{
    bool has_facts = type == WIRE_STATUS; /* none of them: see wire_said.h */
    wire_message_begin(out, type, request, has_facts ? 6 : 5);
    wire_out_uint(out, status);
    wire_message_note(out, text);
    if (has_facts) {
        wire_out_array(out, 0);
    }
}

err_t
wire_status_decode(struct wire_in *in, const struct wire_head *head, uint8_t *status,
                   struct wire_text *text, struct why *why)
{
    *status = (uint8_t)wire_in_uint(in, "status", UINT8_MAX);
    *text = wire_in_optional(in, "text", WIRE_TEXT_BYTES);
    return wire_message_end(in, head, 5, why);
}

void
wire_leave_encode(struct wire_out *out, const struct wire_ping *session)
{
    wire_message_begin(out, WIRE_LEAVE, 0, 5);
    wire_out_text(out, session->name.data, session->name.size);
    wire_out_uint(out, session->nonce);
}

err_t
wire_leave_decode(struct wire_in *in, const struct wire_head *head, struct wire_ping *session,
                  struct why *why)
{
    session->name = wire_in_text(in, "name", 1, LIMIT_NAME_BYTES);
    session->nonce = wire_in_uint(in, "nonce", UINT64_MAX);
    session->lane = 0;
    return wire_message_end(in, head, 5, why);
}

void
wire_wake_encode(struct wire_out *out, uint8_t log, uint64_t position)
{
    wire_message_begin(out, WIRE_WAKE, 0, 5);
    wire_out_uint(out, log);
    wire_out_uint(out, position);
}

err_t
wire_wake_decode(struct wire_in *in, const struct wire_head *head, uint8_t *log, uint64_t *position,
                 struct why *why)
{
    *log = (uint8_t)wire_in_uint(in, "log", LIMIT_PEER_LOGS - 1);
    *position = wire_in_uint(in, "position", UINT64_MAX);
    return wire_message_end(in, head, 5, why);
}

void
wire_plain_encode(struct wire_out *out, enum wire_type type, uint64_t request)
{
    wire_message_begin(out, type, request, 3);
}

void
wire_counters_encode(struct wire_out *out, uint64_t request, const char *service,
                     const struct wire_counter *counters, uint32_t count)
{
    CHECK(count <= WIRE_COUNTERS_MAX);
    wire_message_begin(out, WIRE_COUNTERS, request, 5);
    wire_out_string(out, service);
    wire_out_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        wire_out_array(out, 2);
        wire_out_text(out, counters[i].name.data, counters[i].name.size);
        wire_out_uint(out, counters[i].value);
    }
}

err_t
wire_counters_decode(struct wire_in *in, const struct wire_head *head,
                     struct wire_counters *counters, struct why *why)
{
    counters->service = wire_in_text(in, "service", 1, LIMIT_NAME_BYTES);
    counters->count = wire_in_array(in, "counters", 0, WIRE_COUNTERS_MAX);
    for (uint32_t i = 0; i < counters->count && !in->failed; i++) {
        struct wire_counter *counter = &counters->list[i];
        uint32_t fields = wire_in_array(in, "counter", 2, WIRE_FIELDS_MAX);
        counter->name = wire_in_text(in, "name", 1, LIMIT_NAME_BYTES);
        counter->value = wire_in_uint(in, "value", UINT64_MAX);
        wire_in_rest(in, fields, 2);
    }
    return wire_message_end(in, head, 5, why);
}
