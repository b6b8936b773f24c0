/* A long life with every kind of event, and what a producer says of it. */
#ifndef HERALD_TEST_PRODUCER_LIFE_H
#define HERALD_TEST_PRODUCER_LIFE_H

#include "producer_fixture.h"

/* Notifications n0, n1, ... to a producer of two subscriptions; the same life each time. */
void life_live(struct fixture *self, unsigned rounds);

/* What it says of each: a line a notification, and one of counters. */
void life_describe(struct fixture *self, unsigned rounds, char *text, size_t size);

#endif
