#include "sim_segment.h"

#include "journal/segment.h"
#include "sim.h"

#include <string.h>

#define COUNTERS_MAX 4096 /* that are looked for */

/* Whether the log has this segment, with its head whole. */
static bool
is_there(struct sim *self, enum log_id id, uint64_t counter, char path[SIM_SEGMENT_PATH_SIZE])
{
    char file[SEGMENT_NAME_SIZE];
    size_t size;
    segment_file_name(counter, file);
    (void)snprintf(path, SIM_SEGMENT_PATH_SIZE, "j/%s/%s", peers_name(id), file); /* fits */
    return sim_disk_bytes(self->disk, path, &size) != NULL && size >= SEGMENT_HEAD_BYTES;
}

bool
sim_segment_any(struct sim *self, enum log_id id, char path[SIM_SEGMENT_PATH_SIZE])
{
    char candidate[SIM_SEGMENT_PATH_SIZE];
    uint64_t found = 0;
    for (uint64_t counter = 1; counter < COUNTERS_MAX; counter++) {
        if (is_there(self, id, counter, candidate) && sim_below(self, ++found) == 0) {
            memcpy(path, candidate, sizeof candidate);
        }
    }
    return found > 0;
}

bool
sim_segment_newest(struct sim *self, enum log_id id, char path[SIM_SEGMENT_PATH_SIZE])
{
    for (uint64_t counter = COUNTERS_MAX; counter > 0; counter--) {
        if (is_there(self, id, counter, path)) {
            return true;
        }
    }
    return false;
}
