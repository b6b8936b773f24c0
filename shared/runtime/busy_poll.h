/*
 * Busy polling: whether a loop that has nothing to do looks for news for a while before it sleeps.
 *
 * A thread that sleeps leaves its processor with nothing to do, and to wake that again takes 20 to
 * 50 us on a virtual machine: several times what a lone notification costs otherwise. Looking takes
 * processor time instead. Hence it is done only
 *
 * - while news has come within the poll's time in three of four waits of late, so that a service
 *   that has little to do uses nothing. A sleep that a time-out ends is 1 ms at least and so never
 *   short;
 * - while nobody else had the processor: each look is followed by giving it up (sched_yield), and
 *   when that took long, the poll ends. Linux gives it to others of the same control group only;
 *   those of other groups wait until their turn comes, or for the poll's end;
 * - unless the process was stopped for 5 ms, by a limit on its processor time (a container's quota)
 *   or by others that are busy: a limit must not be used up by looking, and polls pause. Shorter
 *   stops are not told from others' turns.
 *
 * Sources: Seastar's idle polling (--idle-poll-time-us), Aeron's BackoffIdleStrategy; the share of
 * short waits as in Linux' haltpoll governor. Pure: times are handed in, monotonic nanoseconds.
 */
#ifndef HERALD_RUNTIME_BUSY_POLL_H
#define HERALD_RUNTIME_BUSY_POLL_H

#include <stdbool.h>
#include <stdint.h>

#define BUSY_POLL_MAX_US 1000                   /* the shortest sleep */
#define BUSY_POLL_YIELDED_NS INT64_C(40000)     /* a look that took longer: others had their turn */
#define BUSY_POLL_STOPPED_NS INT64_C(5000000)   /* longer: the process was stopped */
#define BUSY_POLL_PAUSE_NS INT64_C(10000000000) /* after that */

struct busy_poll {
    int64_t time_ns;    /* that one poll takes at most; 0: never polls */
    int64_t pause_ns;   /* until then it sleeps at once */
    uint32_t short_256; /* share of late waits within time_ns, of 256: an average over about 8 */
};

/* A wait begins: whether it is to look for news first. */
bool busy_poll_begins(const struct busy_poll *self, int64_t now_ns);

/*
 * A look has ended, and if it found nothing the processor has been offered to others: whether to
 * look again if so.
 *
 * begun_ns   when the wait began
 * looked_ns  when this look began
 */
bool busy_poll_goes_on(struct busy_poll *self, int64_t begun_ns, int64_t looked_ns, int64_t now_ns);

/* A wait has ended, with or without news, asleep or not, after so long. */
void busy_poll_waited(struct busy_poll *self, int64_t waited_ns);

#endif
