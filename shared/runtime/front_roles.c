#include "runtime/front_roles.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

/* Rows of their own. */
#define HELLO_CONSUMER WIRE_TYPE_COUNT
#define PING_CONSUMER (WIRE_TYPE_COUNT + 1)
#define ROW_COUNT (WIRE_TYPE_COUNT + 2)

/* An empty cell: denied. */
static const bool table[ROW_COUNT][SEAL_ROLE_COUNT] = {
    [WIRE_PING] =
        {[SEAL_SUBMIT] = true, [SEAL_CONSUME] = true, [SEAL_OPERATE] = true, [SEAL_SERVICE] = true},
    [WIRE_HELLO] = {[SEAL_SUBMIT] = true, [SEAL_OPERATE] = true},
    [WIRE_SUBMIT] = {[SEAL_SUBMIT] = true, [SEAL_OPERATE] = true},
    [WIRE_QUERY] = {[SEAL_SUBMIT] = true, [SEAL_OPERATE] = true},
    [WIRE_WATCH] = {[SEAL_SUBMIT] = true, [SEAL_OPERATE] = true},
    [WIRE_CANCEL] = {[SEAL_SUBMIT] = true, [SEAL_OPERATE] = true},
    [HELLO_CONSUMER] = {[SEAL_CONSUME] = true},
    [PING_CONSUMER] = {[SEAL_CONSUME] = true},
    [WIRE_LEAVE] = {[SEAL_CONSUME] = true},
    [WIRE_RESULT] = {[SEAL_CONSUME] = true},
    [WIRE_STATS] = {[SEAL_OPERATE] = true},
    [WIRE_RELOAD] = {[SEAL_OPERATE] = true},
    [WIRE_GROUP] = {[SEAL_OPERATE] = true},
    [WIRE_CASES] = {[SEAL_OPERATE] = true},
    [WIRE_CASE] = {[SEAL_OPERATE] = true},
};
static_assert(WIRE_TYPE_COUNT == 30, "a new command has its roles here, in tests and in PROTOCOL");

static const bool *
row_of(unsigned type, bool consumer)
{
    static const bool nobody[SEAL_ROLE_COUNT];
    if (type >= WIRE_TYPE_COUNT) {
        return nobody;
    }
    if (consumer && (type == WIRE_HELLO || type == WIRE_PING)) {
        return table[type == WIRE_HELLO ? HELLO_CONSUMER : PING_CONSUMER];
    }
    return table[type];
}

bool
front_roles_may(enum seal_role role, unsigned type, bool consumer)
{
    CHECK(role < SEAL_ROLE_COUNT);
    return row_of(type, consumer)[role];
}

const char *
front_roles_text(unsigned type, bool consumer, char text[FRONT_ROLES_TEXT])
{
    const bool *row = row_of(type, consumer);
    size_t used = 0;
    (void)snprintf(text, FRONT_ROLES_TEXT, "nobody"); /* fits, as what follows */
    for (int role = SEAL_SUBMIT; role < SEAL_ROLE_COUNT; role++) {
        if (row[role]) {
            used += (size_t)snprintf(text + used, FRONT_ROLES_TEXT - used, "%s%s",
                                     used == 0 ? "" : " or ", seal_role_name((enum seal_role)role));
        }
    }
    return text;
}
