/* Frames for lanes: one that has no peer yet, or whose queue is full, keeps its frames in order. */
#include "runtime/shell_private.h"

#include "base/mem.h"
#include "wire/wire_socket.h"

#include <string.h>

/* A frame for a lane without a peer is dropped after this; its lease remains. */
#define PATIENCE_MS 5000

static void
hold(struct shell_lane *lane, uint8_t *body, size_t size, int64_t now_ms)
{
    lane->held = mem_resize(lane->held, (lane->held_count + 1) * sizeof *lane->held);
    lane->held[lane->held_count++] =
        (struct shell_held){.body = body, .size = size, .until_ms = now_ms + PATIENCE_MS};
}

/* In order: a frame waits while an older one of its lane does. */
bool
shell_lanes_send_held(shell_t *self, int64_t now_ms)
{
    bool any = false;
    for (uint32_t i = 0; i < self->settings.lane_count; i++) {
        struct shell_lane *lane = &self->lanes[i];
        size_t done = 0;
        while (done < lane->held_count) {
            struct shell_held *oldest = &lane->held[done];
            if (wire_socket_offer(lane->socket, &oldest->body, oldest->size) != ERR_OK &&
                oldest->until_ms > now_ms) {
                break;
            }
            mem_free(oldest->body);
            done++;
        }
        lane->held_count -= done;
        if (done > 0 && lane->held_count > 0) {
            memmove(lane->held, lane->held + done, lane->held_count * sizeof *lane->held);
        }
        any = any || lane->held_count > 0;
    }
    return any;
}

void
shell_lane_send(struct shell_lane *lane, uint8_t *body, size_t size, int64_t now_ms)
{
    if (lane->held_count > 0 || wire_socket_offer(lane->socket, &body, size) != ERR_OK) {
        hold(lane, body, size, now_ms);
    }
}
