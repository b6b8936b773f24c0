/*
 * CHECK is for our own bugs and stays on in every build: it prints the broken condition and aborts.
 * Bytes from a peer or a disk are never CHECKed: they are decoded, and refused with an error.
 */
#ifndef HERALD_BASE_CHECK_H
#define HERALD_BASE_CHECK_H

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            check_failed(#condition, __FILE__, __LINE__);                                          \
        }                                                                                          \
    } while (0)

_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
