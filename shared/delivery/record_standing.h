/*
 * The records that are of no one delivery: what is subscribed, who receives it, and how far a
 * service has read the others' logs. The latest of each stands.
 */
#ifndef HERALD_DELIVERY_RECORD_STANDING_H
#define HERALD_DELIVERY_RECORD_STANDING_H

#include "delivery/record_terms.h"

struct record_subscription {
    uint16_t id;
    bool active;          /* false: no longer configured; open deliveries go on */
    uint8_t compensation; /* enum compensation */
    uint32_t lease_ms;
    uint32_t lease_limit_ms; /* WORKING extends up to this */
    struct record_text name; /* stable; its id is found by it */
    struct record_text pattern;
    struct record_text group;
    struct record_text policy; /* as text, policy_parse */
};

enum compensation {
    COMPENSATION_REAPPLY = 1,
    COMPENSATION_UNDO = 2,
};

struct record_group {
    struct record_text name;
    uint8_t identity[16]; /* of its database; all zero: none said yet */
    bool can_fence;
    bool can_undo;
    struct record_text by; /* who replaced it; empty: the first HELLO */
};

/* RECORD_POSITION: how far the owner of this log has read and acted on the others'. */
struct record_position {
    struct {
        uint64_t position;    /* 0: nothing read */
        uint8_t identity[16]; /* of that log */
    } logs[LOG_ID_COUNT];     /* the owner's own entry: zero */
};

#endif
