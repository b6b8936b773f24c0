/* What the tests of the shell share: a core that does nothing, and polling. */
#ifndef HERALD_TESTS_UNIT_RUNTIME_SHELL_FIXTURE_H
#define HERALD_TESTS_UNIT_RUNTIME_SHELL_FIXTURE_H

#include "runtime/shell.h"

/* Without front, outcome, step and dispatch, which are the test's; it wants to step only when
 * something comes. The peers are borrowed. */
struct shell_core shell_fixture_core(peers_t *peers);

/* Polls from the first wait on, and for a minute unless something ends it. */
extern const struct busy_poll shell_fixture_polls;

#endif
