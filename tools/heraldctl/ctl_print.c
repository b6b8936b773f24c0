#include "ctl_print.h"

#include "base/clock.h"
#include "base/mem.h"
#include "json_scan.h"

#include <stdio.h>
#include <string.h>

json_t *
ctl_json_text(const char *data, size_t size)
{
    json_t *text = data == NULL ? json_string("") : json_stringn(data, size);
    return text == NULL ? json_string("?") : text;
}

json_t *
ctl_json_string(const char *text)
{
    return ctl_json_text(text, text == NULL ? 0 : strlen(text));
}

json_t *
ctl_json_uint(uint64_t value)
{
    return json_integer((json_int_t)value); /* positions and counts stay far below 2^63 */
}

void
ctl_json_line(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    (void)puts(text == NULL ? "{}" : text); /* stdout is checked at exit */
    free(text);
    json_decref(object);
}

static bool
ctl_is_json(const void *payload, size_t size)
{
    struct json_scan scan = json_scan_over(payload, size);
    struct json_span value;
    struct why why;
    return json_scan_value(&scan, &value, &why) == ERR_OK && json_scan_done(&scan);
}

static json_t *
ctl_json_hex(const uint8_t *payload, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = mem_alloc(2 * size + 1);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[payload[i] >> 4];
        text[2 * i + 1] = digits[payload[i] & 15];
    }
    json_t *hex = json_stringn(text, 2 * size);
    mem_free(text);
    return hex;
}

void
ctl_json_line_payload(json_t *object, const void *payload, size_t size)
{
    if (!ctl_is_json(payload, size)) {
        (void)json_object_set_new(object, "payload_hex", ctl_json_hex(payload, size));
        ctl_json_line(object);
        return;
    }
    /* Spliced in as bytes: decoding would change numbers. A strict scan has passed, so a line break
     * can only stand between values. */
    char *text = json_dumps(object, JSON_COMPACT);
    size_t length = text == NULL ? 0 : strlen(text);
    (void)fwrite(text == NULL ? "{" : text, 1, length < 2 ? 1 : length - 1, stdout);
    (void)fputs(length > 2 ? ",\"payload\":" : "\"payload\":", stdout);
    const char *bytes = payload;
    for (size_t i = 0; i < size; i++) {
        (void)putchar((unsigned char)bytes[i] < 0x20 ? ' ' : bytes[i]);
    }
    (void)puts("}");
    free(text);
    json_decref(object);
}

void
ctl_print_payload(const void *payload, size_t size)
{
    const unsigned char *bytes = payload;
    bool text = true;
    for (size_t i = 0; i < size && text;) {
        size_t good = wire_in_utf8_prefix((const char *)bytes + i, size - i);
        i += good;
        text = i == size || bytes[i] < 0x20 || bytes[i] == 0x7f;
        i += i < size;
    }
    for (size_t i = 0; i < size; i++) {
        if (!text) {
            printf("%02x", bytes[i]);
        } else {
            bool control = (bytes[i] < 0x20 && bytes[i] != '\n') || bytes[i] == 0x7f;
            (void)putchar(control ? '?' : bytes[i]);
        }
    }
    (void)putchar('\n');
}

char *
ctl_time(int64_t unix_ms, char *text)
{
    if (unix_ms == 0) {
        return strcpy(text, "-");
    }
    return clock_text(unix_ms, text);
}

void
ctl_copy(char *to, size_t size, struct wire_text text)
{
    size_t count = text.size < size ? text.size : size - 1;
    if (count > 0) {
        memcpy(to, text.data, count);
    }
    to[count] = '\0';
}
