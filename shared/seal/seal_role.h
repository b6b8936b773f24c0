/*
 * What a key is for, and which kind of socket it may connect to.
 */
#ifndef HERALD_SEAL_SEAL_ROLE_H
#define HERALD_SEAL_SEAL_ROLE_H

#include <stdbool.h>
#include <stddef.h>

enum seal_role {
    SEAL_NOBODY = 0,
    SEAL_SUBMIT,  /* providers */
    SEAL_CONSUME, /* receivers */
    SEAL_OPERATE, /* people and what works for them */
    SEAL_SERVICE, /* Herald's own services */
    SEAL_ROLE_COUNT,
};

/* Kinds of bound sockets: each is a ZAP domain of its own. */
enum seal_domain {
    SEAL_FRONT = 0, /* any key; commands are decided one by one */
    SEAL_LANE,      /* consume */
    SEAL_OUTCOME,   /* consume */
    SEAL_WAKE,      /* service */
    SEAL_DOMAIN_COUNT,
};

const char *seal_role_name(enum seal_role role); /* "submit" */
/* SEAL_NOBODY: there is no such role. */
enum seal_role seal_role_parse(const char *text);

const char *seal_domain_name(enum seal_domain domain); /* "herald.front", as in ZAP */
/* SEAL_DOMAIN_COUNT: there is no such domain. */
enum seal_domain seal_domain_parse(const void *text, size_t size);

bool seal_role_may_connect(enum seal_role role, enum seal_domain domain);

#endif
