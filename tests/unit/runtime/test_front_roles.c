#include "runtime/front_roles.h"

#include <criterion/criterion.h>
#include <string.h>

#define HELLO_CONSUMER WIRE_TYPE_COUNT
#define PING_CONSUMER (WIRE_TYPE_COUNT + 1)

/* docs/PROTOCOL.md, section 13: who may; one letter a role, s c o v for submit, consume, operate,
 * service. */
static const char *
documented(unsigned type)
{
    switch (type) {
    case WIRE_PING:
        return "scov";
    case WIRE_HELLO:
    case WIRE_SUBMIT:
    case WIRE_QUERY:
    case WIRE_WATCH:
    case WIRE_CANCEL:
        return "so";
    case HELLO_CONSUMER:
    case PING_CONSUMER:
    case WIRE_LEAVE:
    case WIRE_RESULT:
        return "c";
    case WIRE_STATS:
    case WIRE_RELOAD:
    case WIRE_GROUP:
    case WIRE_CASES:
    case WIRE_CASE:
        return "o";
    default:
        return "";
    }
}

Test(front_roles, are_those_of_the_protocol_for_every_message_and_role)
{
    static const char letters[SEAL_ROLE_COUNT] = {
        [SEAL_NOBODY] = '-',  [SEAL_SUBMIT] = 's',  [SEAL_CONSUME] = 'c',
        [SEAL_OPERATE] = 'o', [SEAL_SERVICE] = 'v',
    };
    for (unsigned row = 0; row <= PING_CONSUMER; row++) {
        bool consumer = row >= WIRE_TYPE_COUNT;
        unsigned type = row == PING_CONSUMER ? WIRE_PING : consumer ? WIRE_HELLO : row;
        for (int role = SEAL_NOBODY; role < SEAL_ROLE_COUNT; role++) {
            bool may = strchr(documented(row), letters[role]) != NULL;
            cr_assert_eq(front_roles_may((enum seal_role)role, type, consumer), may, "%s%s, %s",
                         wire_type_name(type), consumer ? " of a consumer" : "",
                         seal_role_name((enum seal_role)role));
        }
    }
    for (unsigned type = WIRE_TYPE_COUNT; type < 300; type++) {
        cr_assert_not(front_roles_may(SEAL_OPERATE, type, false), "%u", type);
    }
}

Test(front_roles, are_named_for_people)
{
    char text[FRONT_ROLES_TEXT];
    cr_assert_str_eq(front_roles_text(WIRE_SUBMIT, false, text), "submit or operate");
    cr_assert_str_eq(front_roles_text(WIRE_HELLO, true, text), "consume");
    cr_assert_str_eq(front_roles_text(WIRE_DELIVER, false, text), "nobody");
    cr_assert_str_eq(front_roles_text(WIRE_PING, false, text),
                     "submit or consume or operate or service");
}
