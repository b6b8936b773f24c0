/*
 * What `heraldctl watch` waits for: a sorted list of biz_ids, each with its deliveries, of which
 * each is waited for until it has an end or is a case.
 *
 * QUERY says which deliveries there are and what has ended; events say the rest. Either may say the
 * same twice; what is news is said once. Pure.
 */
#ifndef HERALDCTL_WATCH_LIST_H
#define HERALDCTL_WATCH_LIST_H

#include "client/herald_client.h"

typedef struct watch_list watch_list_t;

/* ids: sorted, each once; borrowed. */
watch_list_t *watch_list_new(char *const *ids, size_t count);
void watch_list_destroy(watch_list_t **self_p);

/* What a query found of one of the ids: its deliveries are known from now on. */
void watch_list_found(watch_list_t *self, const struct herald_client_found *found);

/* True when the state of this delivery is new: PENDING until now, or a case until now. Deliveries
 * that are not known are none of ours. */
bool watch_list_state(watch_list_t *self, const char *biz_id, const char *subscription,
                      uint8_t state);

/* Not known to the producer: it is not waited for. */
size_t watch_list_missing(const watch_list_t *self);
/* Of `count` ids from `from`, those that are still waited for; borrowed until the list goes. */
size_t watch_list_waiting(const watch_list_t *self, size_t from, size_t count, const char **ids);
/* How many deliveries are in this state (enum wire_state) now. */
size_t watch_list_count(const watch_list_t *self, uint8_t state);

#endif
