#include "wire/wire_endpoint.h"

#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535

err_t
wire_endpoint_next(const char **list, char endpoint[LIMIT_ENDPOINT_BYTES + 1], struct why *why)
{
    const char *from = *list + strspn(*list, " ");
    size_t size = strcspn(from, " ");
    if (size == 0) {
        return ERR_NOT_FOUND;
    }
    if (size > LIMIT_ENDPOINT_BYTES) {
        return why_set(why, ERR_INVALID, "an endpoint has at most %d bytes: %.60s...",
                       LIMIT_ENDPOINT_BYTES, from);
    }
    memcpy(endpoint, from, size);
    endpoint[size] = '\0';
    *list = from + size;
    return ERR_OK;
}

/* What stands behind the prefix; NULL: it begins otherwise. */
static const char *
behind(const char *endpoint, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(endpoint, prefix, size) == 0 ? endpoint + size : NULL;
}

/* A number, or, to be bound, any that is free. */
static bool
is_port(const char *text, bool to_bind)
{
    size_t digits = strspn(text, "0123456789");
    if (to_bind && strcmp(text, "*") == 0) {
        return true;
    }
    if (digits == 0 || digits > 5 || text[digits] != '\0') {
        return false;
    }
    long port = strtol(text, NULL, 10);
    return port <= PORT_MAX && (port > 0 || to_bind);
}

static bool
is_tcp(const char *place, bool to_bind)
{
    const char *colon = strrchr(place, ':');
    bool any_host = place[0] == '*' && place + 1 == colon;
    return colon != NULL && colon > place && (to_bind || !any_host) && is_port(colon + 1, to_bind);
}

static err_t
check_text(const char *endpoint, bool to_bind, struct why *why)
{
    const char *tcp = behind(endpoint, "tcp://");
    const char *ipc = behind(endpoint, "ipc://");
    const char *inproc = behind(endpoint, "inproc://");
    if (tcp != NULL && !is_tcp(tcp, to_bind)) {
        return why_set(why, ERR_INVALID, "%s: must be tcp://HOST:PORT with a port from 1 to %d%s",
                       endpoint, PORT_MAX, to_bind ? ", or * for any" : "");
    }
    if (ipc != NULL && (ipc[0] == '\0' || strlen(ipc) > WIRE_ENDPOINT_IPC_BYTES)) {
        return why_set(why, ERR_INVALID,
                       "%s: an ipc path has 1 to %d bytes: choose a shorter data directory",
                       endpoint, WIRE_ENDPOINT_IPC_BYTES);
    }
    if (tcp == NULL && ipc == NULL && (inproc == NULL || inproc[0] == '\0')) {
        return why_set(why, ERR_INVALID,
                       "\"%s\": must be tcp://HOST:PORT, ipc://PATH or inproc://NAME", endpoint);
    }
    return ERR_OK;
}

/* Only this machine: ipc, inproc, or the loopback addresses. */
static bool
is_local(const char *endpoint)
{
    static const char *const prefixes[] = {"ipc://", "inproc://", "tcp://127.",
                                           "tcp://localhost:", "tcp://[::1]:"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (behind(endpoint, prefixes[i]) != NULL) {
            return true;
        }
    }
    return false;
}

err_t
wire_endpoint_check_bind(const char *endpoints, bool open, struct why *why)
{
    char endpoint[LIMIT_ENDPOINT_BYTES + 1];
    err_t rc;
    while ((rc = wire_endpoint_next(&endpoints, endpoint, why)) == ERR_OK) {
        rc = check_text(endpoint, true, why);
        if (rc == ERR_OK && open && !is_local(endpoint)) {
            rc = why_set(why, ERR_DENIED,
                         "%s reaches beyond this machine, and without CURVE anyone there could "
                         "connect; set curve/directory, use ipc or loopback, or set `insecure`",
                         endpoint);
        }
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

err_t
wire_endpoint_check_connect(const char *endpoint, struct why *why)
{
    return strlen(endpoint) > LIMIT_ENDPOINT_BYTES
               ? why_set(why, ERR_INVALID, "an endpoint has at most %d bytes: %.60s...",
                         LIMIT_ENDPOINT_BYTES, endpoint)
               : check_text(endpoint, false, why);
}
