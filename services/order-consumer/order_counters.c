#include "order_counters.h"

#include <string.h>

uint32_t
order_counters_fill(const struct order_core *core, const struct herald_consumer_counts *counts,
                    struct wire_counter *counters, uint32_t max)
{
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {
        {"database_state", core->state},
        {"database_faults", core->fault_count},
        {"batches", core->batches},
        {"answered_done", core->answers[ORDER_ANSWER_DONE]},
        {"answered_duplicate", core->answers[ORDER_ANSWER_DUPLICATE]},
        {"answered_retry", core->answers[ORDER_ANSWER_RETRY]},
        {"answered_down", core->answers[ORDER_ANSWER_DOWN]},
        {"answered_reject", core->answers[ORDER_ANSWER_REJECT]},
        {"answered_fenced", core->answers[ORDER_ANSWER_FENCED]},
        {"answered_undone", core->answers[ORDER_ANSWER_UNDONE]},
        {"received", counts->received},
        {"handed_back", counts->handed_back},
        {"expired", counts->expired},
        {"malformed", counts->malformed},
        {"waiting", counts->waiting},
        {"senders_joined", counts->joined},
        {"hung", counts->hung},
    };
    uint32_t count = 0;
    for (; count < max && count < sizeof all / sizeof all[0]; count++) {
        counters[count].name =
            (struct wire_text){.data = all[count].name, .size = strlen(all[count].name)};
        counters[count].value = all[count].value;
    }
    return count;
}
