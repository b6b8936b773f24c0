/* What a consumer says to the scheduler's front door. */
#include "scheduler_fixture.h"

#include <string.h>

void
fixture_front(struct fixture *self, struct wire_out *out)
{
    struct outbox_route route = {.size = 2, .id = {1, 2}};
    self->shell.now(self->shell.self, self->now_ms, self->now_unix_ms);
    self->shell.front(self->shell.self, &route, out->data, wire_out_size(out));
    wire_out_fini(out);
    fixture_collect(self);
}

void
fixture_hello(struct fixture *self, const char *group, uint8_t identity)
{
    uint8_t bytes[WIRE_IDENTITY_BYTES];
    memset(bytes, identity, sizeof bytes);
    struct wire_hello hello = {
        .party = WIRE_PARTY_CONSUMER,
        .name = {.data = "consumer", .size = 8},
        .group = {.data = group, .size = strlen(group)},
        .identity = {.data = bytes, .size = identity == 0 ? 0 : sizeof bytes},
        .nonce = self->nonce,
    };
    struct wire_out out;
    wire_out_init(&out, 256);
    wire_hello_encode(&out, 9, &hello);
    fixture_front(self, &out);
}
