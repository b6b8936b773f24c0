/*
 * Who uses Herald: a submitter with a record of its own of what was accepted and answered, and
 * people who ask, cancel, replay, undo and resolve; all through the front doors.
 */
#ifndef HERALD_TESTS_SIM_SIM_NOTE_H
#define HERALD_TESTS_SIM_SIM_NOTE_H

#include "wire/wire_query.h"

struct sim;
struct sim_packet;

#define SIM_BIZ_ID_SIZE 24
#define SIM_PAYLOAD_BYTES 120

/* What was answered of a delivery. */
struct sim_seen {
    bool known;
    uint8_t state; /* enum wire_state */
    uint32_t turn;
};

struct sim_note {
    char biz_id[SIM_BIZ_ID_SIZE];
    bool undo;            /* its subscription compensates by undoing */
    bool rejected;        /* the receiver will never apply it */
    bool foreign;         /* since the key stands for other content there: no fence either */
    bool fence_refused;   /* it has said so */
    uint32_t submissions; /* sent */
    uint32_t refusals;    /* answered: it was not taken */
    bool accepted;
    int64_t submitted_ms; /* first; what it is kept for counts from then at the earliest */
    bool gone;            /* not known any more, its retention being over */
    bool wanted_cancelled;
    uint64_t version; /* that was accepted */
    uint64_t position;
    bool cancelled; /* answered to a CANCEL: it will never take effect */
    bool replayed;  /* while healing */
    bool unfenced;  /* a person has asked to resolve it without a fence */
    struct sim_seen seen;
};

struct sim_request {
    uint8_t type;  /* of the question */
    uint32_t note; /* number */
    uint64_t version;
    struct sim_seen seen; /* when it was asked: the answer must not be older */
    bool accepted;        /* when it was asked */
    uint32_t count;       /* notifications that a SUBMIT had, consecutive notes */
};

struct sim_people {
    struct sim_note *notes; /* owned */
    uint32_t note_count;
    uint32_t note_capacity;
    struct sim_request *requests; /* owned; number n is at n - 1 */
    uint32_t request_count;
    uint32_t request_capacity;
    uint64_t answers;
    uint64_t cases; /* orders given */
};

void sim_people_fini(struct sim *self);
struct sim_note *sim_note_find(struct sim *self, const char *biz_id, size_t size);

/* The bytes of a notification: what is submitted must be what is applied. */
void sim_payload(uint8_t payload[SIM_PAYLOAD_BYTES], uint32_t number, uint64_t version);

/* What they do; each is one or more frames to a front door. */
void sim_people_submit(struct sim *self, uint32_t count);
void sim_people_submit_again(struct sim *self, bool other_content);
void sim_people_query(struct sim *self, uint32_t note);
void sim_people_cancel(struct sim *self, uint32_t note);
void sim_people_cases(struct sim *self);

/* An answer has come. */
void sim_people_take(struct sim *self, const struct sim_packet *packet);
void sim_orders_take(struct sim *self, struct wire_in *in); /* a list of cases */
/* Accepted, and no end is known yet. */
bool sim_note_open(const struct sim_note *note);
/* How many accepted notifications have no end yet, as far as was answered. */
uint32_t sim_people_open(const struct sim *self);
uint32_t sim_people_request(struct sim *self, uint8_t type, uint32_t note);
void sim_people_send(struct sim *self, uint8_t service, struct wire_out *out);

#endif
