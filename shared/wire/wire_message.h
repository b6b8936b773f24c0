/*
 * What all messages share: [version, type, request, ...]. docs/PROTOCOL.md is the specification.
 *
 * version  1. Another one is refused; fields behind the known ones are a newer minor version's and
 *          are ignored.
 * request  chosen by whoever asks, echoed in the answer; 0 in messages that have no answer
 */
#ifndef HERALD_WIRE_WIRE_MESSAGE_H
#define HERALD_WIRE_WIRE_MESSAGE_H

#include "base/limits.h"
#include "wire/wire_in.h"
#include "wire/wire_out.h"

#define WIRE_VERSION 1
#define WIRE_IDENTITY_BYTES 16 /* of a group's database */
#define WIRE_TEXT_BYTES 1024   /* what a service says about something */
#define WIRE_FIELDS_MAX 32     /* of one message, those of newer minor versions included */

enum wire_type {
    WIRE_ERROR = 1,
    WIRE_HELLO = 2,
    WIRE_WELCOME = 3,
    WIRE_PING = 4,
    WIRE_PONG = 5,
    WIRE_SUBMIT = 6,
    WIRE_SUBMITTED = 7,
    WIRE_QUERY = 8,
    WIRE_ANSWER = 9,
    WIRE_WATCH = 10,
    WIRE_WATCHING = 11,
    WIRE_EVENT = 12,
    WIRE_CANCEL = 13,
    WIRE_CANCELLING = 14,
    WIRE_STATS = 15,
    WIRE_COUNTERS = 16,
    WIRE_RELOAD = 17,
    WIRE_GROUP = 18,
    WIRE_STATUS = 19, /* answers RELOAD, GROUP and CASE actions */
    WIRE_CASES = 20,
    WIRE_CASE_LIST = 21,
    WIRE_CASE = 22,
    WIRE_CASE_DETAIL = 23,
    WIRE_DELIVER = 24,
    WIRE_OUTCOME = 25,
    WIRE_JOB = 26,
    WIRE_RESULT = 27,
    WIRE_WAKE = 28,
    WIRE_LEAVE = 29,
    WIRE_TYPE_COUNT = 30,
};

/* Every answer's status. */
enum wire_status {
    WIRE_OK = 0,
    WIRE_ACCEPTED = 1,    /* durable */
    WIRE_DUPLICATE = 2,   /* the same notification was accepted before */
    WIRE_CONFLICT = 3,    /* this biz_id was used for something else */
    WIRE_REFUSED = 4,     /* malformed; the text names field and limit */
    WIRE_BUSY = 5,        /* not now: disk, memory bound, stopping; ask again later */
    WIRE_UNROUTED = 6,    /* no subscription matches the topic */
    WIRE_DENIED = 7,      /* the role does not allow it */
    WIRE_UNSUPPORTED = 8, /* version or type unknown; the text says what is spoken */
    WIRE_NOT_FOUND = 9,
    WIRE_CANCELLED = 10,    /* it will never take effect */
    WIRE_REQUESTED = 11,    /* on record; the end will tell */
    WIRE_ENDED = 12,        /* too late: it has an end */
    WIRE_IS_CASE = 13,      /* a person decides already */
    WIRE_CANNOT_FENCE = 14, /* the receiver cannot fence and it was sent */
    WIRE_STATUS_COUNT = 15,
};

struct wire_head {
    uint32_t fields; /* elements of the message's array */
    uint8_t type;    /* enum wire_type */
    uint64_t request;
};

/*
 * Begin reading: wire_check over the whole frame, then version, type, request. So no message is
 * acted on in part because its end is broken.
 *
 * ERR_INVALID      malformed; head->request is 0
 * ERR_UNSUPPORTED  another version; why says which this one speaks; type and request are as said,
 *                  since the first three fields are the same in all versions
 */
err_t wire_message_open(struct wire_in *in, const void *frame, size_t size, struct wire_head *head,
                        struct why *why);

/* Begin reading again what wire_message_open has found good, without checking the whole frame
 * again. CHECK: the head cannot be read, or is of another version; the caller vouches for the rest.
 */
void wire_message_reopen(struct wire_in *in, const void *frame, size_t size,
                         struct wire_head *head);

/* Finish reading: pass over newer fields behind the `known` ones (the three of the head included)
 * and answer as wire_in_end. Fewer fields than known are a fault. */
err_t wire_message_end(struct wire_in *in, const struct wire_head *head, uint32_t known,
                       struct why *why);

/* The same for any type, with the number of fields that this version knows of it: for messages
 * whose lists are read item by item. */
err_t wire_message_finish(struct wire_in *in, const struct wire_head *head, struct why *why);

/* Begin writing a message of so many fields, head included. */
void wire_message_begin(struct wire_out *out, enum wire_type type, uint64_t request,
                        uint32_t fields);

/* A terminated text as wire_out_note writes it; NULL: nil. */
void wire_message_note(struct wire_out *out, const char *text);

const char *wire_status_name(unsigned status); /* "ACCEPTED"; "?" when unknown */
const char *wire_type_name(unsigned type);

#endif
