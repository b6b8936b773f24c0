#include "producer_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
life_live(struct fixture *self, unsigned rounds)
{
    srand(7); /* the same life each time */
    for (unsigned i = 0; i < rounds; i++) {
        char biz_id[32];
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i);
        struct wire_notification notification = {
            .topic = {i % 3 == 0 ? "order.paid" : "order.sent", 10},
            .biz_id = {biz_id, strlen(biz_id)},
            .version = i,
            .deadline_unix_ms = i % 7 == 0 ? self->now_unix_ms + 3600000 : 0,
        };
        cr_assert_eq(fixture_submit_full(self, &notification).status, WIRE_ACCEPTED);
        if (i % 50 == 0) {
            fixture_join(self, "shop", 1);
        }
        if (self->delivery_count > 20) {
            static const uint8_t outcomes[] = {OUTCOME_DONE,   OUTCOME_DONE, OUTCOME_RETRY,
                                               OUTCOME_REJECT, OUTCOME_DOWN, OUTCOME_DONE};
            uint32_t which = self->delivery_count - 1 - (uint32_t)rand() % 20;
            fixture_outcome(self, which, outcomes[(size_t)rand() % sizeof outcomes], 0);
        }
        if (i % 11 == 0) {
            (void)fixture_cancel(self, biz_id);
        }
        fixture_advance(self, 1);
    }
}

void
life_describe(struct fixture *self, unsigned rounds, char *text, size_t size)
{
    size_t used = 0;
    for (unsigned i = 0; i < rounds; i++) {
        char biz_id[32];
        uint8_t status = 0;
        (void)snprintf(biz_id, sizeof biz_id, "n%u", i);
        struct wire_delivery said = fixture_query(self, biz_id, "orders", &status);
        int added = snprintf(text + used, size - used, "%s %d %d %d %u %u %u\n", biz_id, status,
                             said.state, said.custodian, said.turn, said.attempts, said.count);
        used += (size_t)added;
        cr_assert_lt(used, size);
    }
    int added = snprintf(text + used, size - used, "open %llu bytes %llu retained %llu moved %llu",
                         (unsigned long long)fixture_counter(self, "open"),
                         (unsigned long long)fixture_counter(self, "open_bytes"),
                         (unsigned long long)fixture_counter(self, "retained"),
                         (unsigned long long)fixture_counter(self, "left_custody"));
    cr_assert_lt(used + (size_t)added, size);
}
