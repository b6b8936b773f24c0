/*
 * Encoding and decoding of the records in record.h, for the bodies of log records.
 *
 * Encoders write into memory that the caller has made RECORD_..._MAX bytes large and return the
 * size used. Decoders answer ERR_CORRUPT with a sentence; texts and bytes point into the body.
 */
#ifndef HERALD_DELIVERY_RECORD_CODEC_H
#define HERALD_DELIVERY_RECORD_CODEC_H

#include "delivery/record.h"

#define RECORD_RUN_MAX (1U << 20) /* deliveries that one DONE can be of */
#define RECORD_EVENT_MAX (128 + LIMIT_NAME_BYTES + LIMIT_REASON_BYTES)
#define RECORD_CUSTODY_MAX (128 + LIMIT_REASON_BYTES)
#define RECORD_NOTIFICATION_MAX (64 + 3 * LIMIT_SUBSCRIPTIONS + LIMIT_NOTIFICATION_BYTES)
#define RECORD_CASE_MAX (RECORD_CUSTODY_MAX + RECORD_NOTIFICATION_MAX + 16)
#define RECORD_SUBSCRIPTION_MAX 2048
#define RECORD_GROUP_MAX 256
#define RECORD_POSITION_MAX 96

static_assert(RECORD_CASE_MAX <= LIMIT_RECORD_BYTES, "a case copies a notification whole");

/* The size is known beforehand, so that it can be written into the log in place. */
size_t record_notification_size(const struct record_notification *record);
size_t record_notification_encode(const struct record_notification *record, uint8_t *to);
err_t record_notification_decode(const uint8_t *body, size_t size,
                                 struct record_notification *record, struct why *why);

size_t record_event_encode(const struct record_event *record, uint8_t *to);
/* `kind` is the log record's. */
err_t record_event_decode(uint8_t kind, const uint8_t *body, size_t size,
                          struct record_event *record, struct why *why);

size_t record_custody_encode(const struct record_custody *record, uint8_t *to);
err_t record_custody_decode(const uint8_t *body, size_t size, struct record_custody *record,
                            struct why *why);

size_t record_case_encode(const struct record_case *record, uint8_t *to);
err_t record_case_decode(const uint8_t *body, size_t size, struct record_case *record,
                         struct why *why);

size_t record_subscription_encode(const struct record_subscription *record, uint8_t *to);
err_t record_subscription_decode(const uint8_t *body, size_t size,
                                 struct record_subscription *record, struct why *why);

size_t record_group_encode(const struct record_group *record, uint8_t *to);
err_t record_group_decode(const uint8_t *body, size_t size, struct record_group *record,
                          struct why *why);

size_t record_position_encode(const struct record_position *record, uint8_t *to);
err_t record_position_decode(const uint8_t *body, size_t size, struct record_position *record,
                             struct why *why);

/* Whether records of this kind name a delivery, and which; a DONE of a run its first. */
bool record_key(uint8_t kind, const uint8_t *body, size_t size, struct delivery_key *key);

#endif
