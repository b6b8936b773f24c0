#include "seal/seal_role.h"

#include "base/check.h"

#include <string.h>

static const char *const roles[SEAL_ROLE_COUNT] = {
    [SEAL_NOBODY] = "nobody",   [SEAL_SUBMIT] = "submit",   [SEAL_CONSUME] = "consume",
    [SEAL_OPERATE] = "operate", [SEAL_SERVICE] = "service",
};

static const char *const domains[SEAL_DOMAIN_COUNT] = {
    [SEAL_FRONT] = "herald.front",
    [SEAL_LANE] = "herald.lane",
    [SEAL_OUTCOME] = "herald.outcome",
    [SEAL_WAKE] = "herald.wake",
};

/* An empty cell: may not. */
static const bool may_connect[SEAL_ROLE_COUNT][SEAL_DOMAIN_COUNT] = {
    [SEAL_SUBMIT] = {[SEAL_FRONT] = true},
    [SEAL_CONSUME] = {[SEAL_FRONT] = true, [SEAL_LANE] = true, [SEAL_OUTCOME] = true},
    [SEAL_OPERATE] = {[SEAL_FRONT] = true},
    [SEAL_SERVICE] = {[SEAL_FRONT] = true, [SEAL_WAKE] = true},
};

const char *
seal_role_name(enum seal_role role)
{
    CHECK(role < SEAL_ROLE_COUNT);
    return roles[role];
}

enum seal_role
seal_role_parse(const char *text)
{
    for (int i = SEAL_SUBMIT; i < SEAL_ROLE_COUNT; i++) {
        if (strcmp(roles[i], text) == 0) {
            return (enum seal_role)i;
        }
    }
    return SEAL_NOBODY;
}

const char *
seal_domain_name(enum seal_domain domain)
{
    CHECK(domain < SEAL_DOMAIN_COUNT);
    return domains[domain];
}

enum seal_domain
seal_domain_parse(const void *text, size_t size)
{
    for (int i = 0; i < SEAL_DOMAIN_COUNT; i++) {
        if (strlen(domains[i]) == size && memcmp(domains[i], text, size) == 0) {
            return (enum seal_domain)i;
        }
    }
    return SEAL_DOMAIN_COUNT;
}

bool
seal_role_may_connect(enum seal_role role, enum seal_domain domain)
{
    CHECK(role < SEAL_ROLE_COUNT && domain < SEAL_DOMAIN_COUNT);
    return may_connect[role][domain];
}
