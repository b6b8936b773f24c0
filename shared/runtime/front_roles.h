/*
 * Which role may give which command at a front door: the one table of it.
 */
#ifndef HERALD_RUNTIME_FRONT_ROLES_H
#define HERALD_RUNTIME_FRONT_ROLES_H

#include "seal/seal_role.h"
#include "wire/wire_message.h"

#define FRONT_ROLES_TEXT 64 /* bytes of the longest text below */

/* A HELLO is two commands: of a client, and of a consumer, which joins a group; so is a PING: of
 * anybody, and of a consumer's session. */
bool front_roles_may(enum seal_role role, unsigned type, bool consumer);

/* As in "submit or operate"; "nobody" for what no peer sends. Returns text. */
const char *front_roles_text(unsigned type, bool consumer, char text[FRONT_ROLES_TEXT]);

#endif
