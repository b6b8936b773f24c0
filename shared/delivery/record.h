/*
 * The records of custody: what the three services write into their logs.
 *
 * A delivery is one notification for one subscription. Its key is the position of the notification
 * in the producer's log and the subscription's stable id; biz_id never names a delivery.
 *
 * Encoding is little-endian and LEB128, drawn in record_codec.c. Decoded texts and bytes point into
 * the record's body. Every decoder consumes its whole body; bytes behind the known fields are a
 * newer minor version's and are ignored.
 */
#ifndef HERALD_DELIVERY_RECORD_H
#define HERALD_DELIVERY_RECORD_H

#include "delivery/record_delivery.h"
#include "delivery/record_standing.h"
#include "delivery/record_terms.h"

#endif
