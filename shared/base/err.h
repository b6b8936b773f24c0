/*
 * The one list of error codes. A code says what the caller should do; the text that says what,
 * where and which limit travels in a struct why (base/why_text.h).
 *
 * 0 is success, failures are negative. A receiver's outcome is never an err_t.
 */
#ifndef HERALD_BASE_ERR_H
#define HERALD_BASE_ERR_H

typedef int err_t;

enum {
    ERR_OK = 0,
    ERR_AGAIN = -1,     /* nothing there now: wait for an event or the next deadline, ask again */
    ERR_FULL = -2,      /* a bounded resource is used up, nothing changed: refuse or hold back */
    ERR_INVALID = -3,   /* bytes or arguments from outside are malformed: refuse, tell the sender */
    ERR_NOT_FOUND = -4, /* no such thing: answer so */
    ERR_CONFLICT = -5,  /* the name is taken by something else: answer so */
    ERR_LOCKED = -6,    /* another process owns it: say who, do not start */
    ERR_IO = -7,        /* the system refused a read or a write: stop using the object */
    ERR_LOST = -8,      /* a write's outcome is unknown, or we were fenced: end the process */
    ERR_CORRUPT = -9,   /* stored bytes fail their checks: touch nothing, refuse to serve */
    ERR_UNSUPPORTED = -10, /* a newer format or an unsuitable place: touch nothing, refuse */
    ERR_DENIED = -11,      /* permission, ownership or role: refuse, say which */
    ERR_TIMEOUT = -12,     /* the time limit passed; what happened is unknown unless stated */
};

#endif
