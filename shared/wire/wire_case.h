/*
 * Cases and groups, for people: the compensator answers CASES and CASE, the producer GROUP.
 *
 * CASES       [.., open_only, after_id, limit]
 * CASE_LIST   [.., more, [case...]]
 * case        [id, biz_id, topic, subscription, group, opened_unix_ms, cause, reason, fenced,
 *             state, order]
 * CASE        [.., action, id, by, reason, unfenced]   by: empty only in SHOW
 * CASE_DETAIL [.., case, payload, [attempt...]]    answers SHOW that found it
 * STATUS      wire_said.h: answers everything else
 * GROUP       [.., group, identity, by, reason]    identity nil: only show it
 */
#ifndef HERALD_WIRE_WIRE_CASE_H
#define HERALD_WIRE_WIRE_CASE_H

#include "wire/wire_query.h"

#define WIRE_CASES_MAX 256

enum wire_case_action {
    WIRE_CASE_SHOW = 1,
    WIRE_CASE_REPLAY = 2,
    WIRE_CASE_UNDO = 3,
    WIRE_CASE_RESOLVE = 4,
    WIRE_CASE_NOTE = 5,
    WIRE_CASE_ACTION_COUNT = 6,
};

struct wire_case {
    uint64_t id; /* the CASE record's position in the compensator's log */
    struct wire_text biz_id;
    struct wire_text topic;
    struct wire_text subscription;
    struct wire_text group;
    int64_t opened_unix_ms;
    uint8_t cause; /* enum outcome */
    struct wire_text reason;
    bool fenced;
    uint8_t state; /* enum wire_state: CASE, or how it ended */
    uint8_t order; /* delivery/record.h enum record_order that is under way; 0: none */
};

struct wire_cases_ask {
    bool open_only;
    uint64_t after_id;
    uint32_t limit;
};

void wire_cases_encode(struct wire_out *out, uint64_t request, const struct wire_cases_ask *ask);
err_t wire_cases_decode(struct wire_in *in, const struct wire_head *head,
                        struct wire_cases_ask *ask, struct why *why);
struct wire_ids_out wire_case_list_begin(struct wire_out *out, uint64_t request, bool more);
void wire_case_add(struct wire_ids_out *self, const struct wire_case *found);
void wire_case_put(struct wire_out *out, const struct wire_case *found);
uint32_t wire_case_list_open(struct wire_in *in, bool *more);
bool wire_case_get(struct wire_in *in, struct wire_case *found); /* false after a fault */

struct wire_case_order {
    uint8_t action; /* enum wire_case_action */
    uint64_t id;
    struct wire_text by;
    struct wire_text reason;
    bool unfenced;
};

void wire_case_order_encode(struct wire_out *out, uint64_t request,
                            const struct wire_case_order *order);
err_t wire_case_order_decode(struct wire_in *in, const struct wire_head *head,
                             struct wire_case_order *order, struct why *why);

/* CASE_DETAIL: begin, then wire_attempt_put for each of `attempts`. */
void wire_case_detail_begin(struct wire_out *out, uint64_t request, const struct wire_case *found,
                            struct wire_bytes payload, uint32_t attempts);
/* Returns the number of attempts that follow for wire_attempt_get. */
uint32_t wire_case_detail_open(struct wire_in *in, struct wire_case *found,
                               struct wire_bytes *payload);

struct wire_group {
    struct wire_text group;
    struct wire_bytes identity; /* size 0: show only */
    struct wire_text by;
    struct wire_text reason;
};

void wire_group_encode(struct wire_out *out, uint64_t request, const struct wire_group *group);
err_t wire_group_decode(struct wire_in *in, const struct wire_head *head, struct wire_group *group,
                        struct why *why);

#endif
