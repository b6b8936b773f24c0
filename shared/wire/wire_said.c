#include "wire/wire_said.h"

#include "base/check.h"

#include <string.h>

#define FACT_FIELDS 2
#define FIELDS_BEFORE_FACTS 5

static struct wire_fact *
add_fact(struct wire_said *said, const char *name, enum wire_fact_kind kind)
{
    CHECK(said->fact_count < WIRE_FACTS_MAX);
    struct wire_fact *fact = &said->facts[said->fact_count++];
    *fact = (struct wire_fact){.kind = (uint8_t)kind, .name = {name, strlen(name)}};
    return fact;
}

void
wire_said_text(struct wire_said *said, const char *name, const char *text)
{
    add_fact(said, name, WIRE_FACT_TEXT)->text = (struct wire_text){text, strlen(text)};
}

void
wire_said_number(struct wire_said *said, const char *name, uint64_t number)
{
    add_fact(said, name, WIRE_FACT_NUMBER)->number = number;
}

void
wire_said_bool(struct wire_said *said, const char *name, bool value)
{
    add_fact(said, name, WIRE_FACT_BOOL)->number = value;
}

void
wire_said_encode(struct wire_out *out, uint64_t request, const struct wire_said *said)
{
    wire_message_begin(out, WIRE_STATUS, request, FIELDS_BEFORE_FACTS + 1);
    wire_out_uint(out, said->status);
    wire_out_note(out, said->text.data, said->text.size, WIRE_TEXT_BYTES);
    wire_out_array(out, said->fact_count);
    for (uint32_t i = 0; i < said->fact_count; i++) {
        const struct wire_fact *fact = &said->facts[i];
        wire_out_array(out, FACT_FIELDS);
        wire_out_text(out, fact->name.data, fact->name.size);
        if (fact->kind == WIRE_FACT_TEXT) {
            wire_out_text(out, fact->text.data,
                          wire_in_utf8_prefix(fact->text.data, fact->text.size));
        } else if (fact->kind == WIRE_FACT_BOOL) {
            wire_out_bool(out, fact->number != 0);
        } else {
            wire_out_uint(out, fact->number);
        }
    }
}

static void
take_fact(struct wire_in *in, struct wire_fact *fact)
{
    uint32_t fields = wire_in_array(in, "fact", FACT_FIELDS, WIRE_FIELDS_MAX);
    *fact = (struct wire_fact){.name = wire_in_text(in, "name", 1, LIMIT_NAME_BYTES)};
    uint8_t first = in->next < in->end ? *in->next : 0;
    if (first == 0xc2 || first == 0xc3) {
        fact->kind = WIRE_FACT_BOOL;
        fact->number = wire_in_bool(in, "value");
    } else if ((first >= 0xa0 && first <= 0xbf) || (first >= 0xd9 && first <= 0xdb)) {
        fact->kind = WIRE_FACT_TEXT;
        fact->text = wire_in_text(in, "value", 0, WIRE_TEXT_BYTES);
    } else {
        fact->kind = WIRE_FACT_NUMBER;
        fact->number = wire_in_uint(in, "value", UINT64_MAX);
    }
    wire_in_rest(in, fields, FACT_FIELDS);
}

err_t
wire_said_decode(struct wire_in *in, const struct wire_head *head, struct wire_said *said,
                 struct why *why)
{
    *said = (struct wire_said){0};
    said->status = (uint8_t)wire_in_uint(in, "status", UINT8_MAX);
    said->text = wire_in_optional(in, "text", WIRE_TEXT_BYTES);
    if (head->fields <= FIELDS_BEFORE_FACTS) {
        return wire_message_end(in, head, FIELDS_BEFORE_FACTS, why);
    }
    said->fact_count = wire_in_array(in, "facts", 0, WIRE_FACTS_MAX);
    for (uint32_t i = 0; i < said->fact_count; i++) {
        take_fact(in, &said->facts[i]);
    }
    return wire_message_end(in, head, FIELDS_BEFORE_FACTS + 1, why);
}
