#include "client/consumer_private.h"

#include <string.h>

#define OUTCOME_BYTES (LIMIT_REASON_BYTES + 64) /* at most, encoded */
static_assert(LIMIT_FRAME_NOTIFICATIONS * OUTCOME_BYTES < LIMIT_FRAME_BYTES,
              "the answers of any batch fit a frame");
static_assert(HERALD_CONSUMER_DONE == (int)WIRE_OUTCOME_DONE &&
                  HERALD_CONSUMER_DUPLICATE == (int)WIRE_OUTCOME_DUPLICATE &&
                  HERALD_CONSUMER_RETRY == (int)WIRE_OUTCOME_RETRY &&
                  HERALD_CONSUMER_REJECT == (int)WIRE_OUTCOME_REJECT &&
                  HERALD_CONSUMER_FENCED == (int)WIRE_OUTCOME_FENCED &&
                  HERALD_CONSUMER_DOWN == (int)WIRE_OUTCOME_DOWN &&
                  HERALD_CONSUMER_UNDONE == (int)WIRE_OUTCOME_UNDONE,
              "what a handler says goes onto the wire as it is");

static bool
is_answer(const struct consumer_queue_work *work, enum herald_consumer_outcome outcome)
{
    switch (outcome) {
    case HERALD_CONSUMER_DONE:
    case HERALD_CONSUMER_DUPLICATE:
    case HERALD_CONSUMER_RETRY:
    case HERALD_CONSUMER_REJECT:
    case HERALD_CONSUMER_FENCED:
    case HERALD_CONSUMER_DOWN:
        return true;
    case HERALD_CONSUMER_UNDONE:
        return work->action == WIRE_ACTION_UNDO;
    default:
        return false;
    }
}

/* A handler that says nonsense says nothing of the effect: it is asked again. */
static struct wire_outcome
outcome_of(const struct consumer_queue_work *work, const struct herald_consumer_answer *answer)
{
    static const char nonsense[] = "the handler's answer is none of those that it may give";
    struct wire_outcome said = {.first_token = work->token, .count = 1};
    if (!is_answer(work, answer->outcome)) {
        said.outcome = WIRE_OUTCOME_RETRY;
        said.reason = (struct wire_text){.data = nonsense, .size = sizeof nonsense - 1};
        return said;
    }
    said.outcome = (uint8_t)answer->outcome;
    said.reason = (struct wire_text){.data = answer->reason,
                                     .size = strnlen(answer->reason, LIMIT_REASON_BYTES)};
    if (answer->outcome == HERALD_CONSUMER_RETRY) {
        said.not_before_ms = answer->not_before_ms < LIMIT_POLICY_DELAY_MS
                                 ? answer->not_before_ms
                                 : (uint64_t)LIMIT_POLICY_DELAY_MS;
    }
    return said;
}

static bool
same_receiver(const struct consumer_queue_work *one, const struct consumer_queue_work *other)
{
    return one->session == other->session && one->lane == other->lane && one->run == other->run;
}

void
consumer_answer_works(herald_consumer_t *self, const struct consumer_queue_work *works,
                      const struct herald_consumer_answer *answers, size_t count,
                      enum wire_outcome_code outcome)
{
    bool answered[LIMIT_FRAME_NOTIFICATIONS] = {false};
    for (size_t i = 0; i < count; i++) {
        if (answered[i]) {
            continue;
        }
        struct wire_out out;
        struct wire_outcomes head = {
            .run = works[i].run,
            .receiver = {.data = self->options.name, .size = strlen(self->options.name)},
            .lane = works[i].lane,
        };
        wire_out_init(&out, 256);
        struct wire_outcomes_out list = works[i].session == CONSUMER_COMPENSATOR
                                            ? wire_results_of_jobs(&out, &head)
                                            : wire_outcomes_begin(&out, &head);
        for (size_t k = i; k < count; k++) {
            if (!answered[k] && same_receiver(&works[i], &works[k])) {
                struct wire_outcome said = {
                    .first_token = works[k].token, .count = 1, .outcome = (uint8_t)outcome};
                if (answers != NULL) {
                    said = outcome_of(&works[k], &answers[k]);
                }
                wire_outcomes_add(&list, &said);
                answered[k] = true;
            }
        }
        wire_outcomes_end(&list);
        consumer_queue_answer(self->queue, &works[i], &out);
    }
}

void
consumer_hand_back(herald_consumer_t *self, const struct consumer_queue_work *works, size_t count)
{
    consumer_answer_works(self, works, NULL, count, WIRE_OUTCOME_NOT_STARTED);
    atomic_fetch_add(&self->handed_back, count);
}
