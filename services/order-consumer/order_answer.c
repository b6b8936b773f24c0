#include "order_answer.h"

#include "base/check.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {
    [ORDER_ANSWER_DONE] = "DONE",     [ORDER_ANSWER_DUPLICATE] = "DUPLICATE",
    [ORDER_ANSWER_RETRY] = "RETRY",   [ORDER_ANSWER_DOWN] = "DOWN",
    [ORDER_ANSWER_REJECT] = "REJECT", [ORDER_ANSWER_FENCED] = "FENCED",
    [ORDER_ANSWER_UNDONE] = "UNDONE",
};
static_assert(sizeof names / sizeof names[0] == ORDER_ANSWER_OUTCOME_COUNT,
              "every outcome has its name");

void
order_answer_set(struct order_answer *answer, enum order_answer_outcome outcome, const char *format,
                 ...)
{
    answer->outcome = outcome;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(answer->reason, sizeof answer->reason, format, args); /* cut where too long */
    va_end(args);
}

const char *
order_answer_name(enum order_answer_outcome outcome)
{
    CHECK((unsigned)outcome < ORDER_ANSWER_OUTCOME_COUNT);
    return names[outcome];
}
