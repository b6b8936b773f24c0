/* Records that no service would write, spelt field by field. */
#include "base/bytes.h"
#include "scheduler_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t
fixture_spelt(log_t *log, uint8_t kind, const char *fields)
{
    static uint8_t body[LIMIT_RECORD_BYTES];
    struct bytes_out out = bytes_out_over(body, sizeof body);
    while (*fields != '\0') {
        char *end = NULL;
        char what = *fields;
        uint64_t value = strtoull(fields + 1, &end, 10);
        if (what == 'v') {
            bytes_out_varint(&out, value);
        } else {
            for (uint64_t i = 0; i < (what == 'z' ? value : 1); i++) {
                bytes_out_u8(&out, what == 'z' ? 0 : (uint8_t)value);
            }
        }
        fields = end + strspn(end, " ");
    }
    uint64_t position = log_append(log, kind, body, bytes_out_used(&out));
    cr_assert_eq(log_commit(log, LOG_STORE_FINISHING, NULL), ERR_OK);
    cr_assert_eq(log_reap(log, NULL), ERR_OK);
    return position;
}

void
fixture_checkpoint(struct fixture *self, const char *item)
{
    char end[32];
    log_t *log = peers_own(self->peers);
    uint64_t begin = fixture_spelt(log, RECORD_CHECKPOINT_BEGIN, "v0 z16 v0 z16 v0 z16");
    (void)fixture_spelt(log, RECORD_CHECKPOINT_ITEM, item);
    (void)snprintf(end, sizeof end, "v%llu", (unsigned long long)begin); /* fits */
    (void)fixture_spelt(log, RECORD_CHECKPOINT_END, end);
}
