/*
 * STATUS [.., status, text, [[name, value]...]] answers an order: the sentence is for people, the
 * facts are for programs. A value is text, an unsigned integer or a bool. A peer of before the
 * facts sends none.
 */
#ifndef HERALD_WIRE_WIRE_SAID_H
#define HERALD_WIRE_WIRE_SAID_H

#include "wire/wire_message.h"

#define WIRE_FACTS_MAX 16

enum wire_fact_kind {
    WIRE_FACT_TEXT,
    WIRE_FACT_NUMBER,
    WIRE_FACT_BOOL,
};

struct wire_fact {
    uint8_t kind; /* enum wire_fact_kind */
    struct wire_text name;
    struct wire_text text;
    uint64_t number; /* a bool: 0 or 1 */
};

struct wire_said {
    uint8_t status; /* enum wire_status */
    struct wire_text text;
    uint32_t fact_count;
    struct wire_fact facts[WIRE_FACTS_MAX];
};

/* Names and texts are terminated and borrowed. */
void wire_said_text(struct wire_said *said, const char *name, const char *text);
void wire_said_number(struct wire_said *said, const char *name, uint64_t number);
void wire_said_bool(struct wire_said *said, const char *name, bool value);

void wire_said_encode(struct wire_out *out, uint64_t request, const struct wire_said *said);
err_t wire_said_decode(struct wire_in *in, const struct wire_head *head, struct wire_said *said,
                       struct why *why);

#endif
