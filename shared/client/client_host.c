#include "client/client_host.h"

#include <stdio.h>
#include <string.h>

#define TCP "tcp://"
#define ANY_HOST TCP "*:"
#define THIS_MACHINE "127.0.0.1"

err_t
client_host_fill(const char *dialled, struct wire_text endpoint,
                 char filled[LIMIT_ENDPOINT_BYTES + 1], struct why *why)
{
    const char *host = "";
    size_t host_size = 0;
    size_t skipped = 0;
    if (endpoint.size >= strlen(ANY_HOST) &&
        memcmp(endpoint.data, ANY_HOST, strlen(ANY_HOST)) == 0) {
        bool tcp = strncmp(dialled, TCP, strlen(TCP)) == 0;
        const char *last_colon = strrchr(dialled, ':');
        host = tcp ? dialled + strlen(TCP) : THIS_MACHINE;
        host_size = tcp && last_colon > host ? (size_t)(last_colon - host) : strlen(host);
        skipped = strlen(ANY_HOST) - 1; /* the colon stays */
    }
    const char *rest = endpoint.data + skipped;
    size_t rest_size = endpoint.size - skipped;
    size_t size = rest_size + (skipped > 0 ? strlen(TCP) + host_size : 0);
    if (endpoint.size == 0 || size > LIMIT_ENDPOINT_BYTES) {
        return why_set(why, ERR_INVALID, "an advertised endpoint of %zu bytes, must be 1 to %d",
                       size, LIMIT_ENDPOINT_BYTES);
    }
    /* Always fits: its size was compared with the limit. */
    (void)snprintf(filled, LIMIT_ENDPOINT_BYTES + 1, "%s%.*s%.*s", skipped > 0 ? TCP : "",
                   (int)host_size, host, (int)rest_size, rest);
    return ERR_OK;
}
