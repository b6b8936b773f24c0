/* A retry policy as a timetable for people. */
#ifndef HERALDCTL_POLICY_EXPLAIN_H
#define HERALDCTL_POLICY_EXPLAIN_H

#include "delivery/policy.h"

#include <stdio.h>

void policy_explain(const char *text, const struct policy *policy, FILE *out);
void policy_explain_presets(FILE *out);

#endif
