/*
 * The states of an order, and the words that stand for them in the database.
 */
#ifndef HERALD_ORDER_STATUS_H
#define HERALD_ORDER_STATUS_H

enum order_status {
    ORDER_STATUS_UNKNOWN = 0, /* no such order (yet); never stored */
    ORDER_STATUS_CREATED,
    ORDER_STATUS_PAID,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_DELIVERED,
    ORDER_STATUS_REFUNDED, /* the whole amount went back: the end */
    ORDER_STATUS_ON_HOLD,  /* a notification for it was undone: a person decides */
    ORDER_STATUS_COUNT,
};

/* The word in the database, as in "PAID". Static storage. */
const char *order_status_word(enum order_status status);

/* The status of a word; ORDER_STATUS_UNKNOWN for NULL and for words that are not listed. */
enum order_status order_status_of_word(const char *word);

#endif
