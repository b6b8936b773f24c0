/*
 * The sentence that goes with an error: what was wrong, where, and which limit. The layer that
 * detects the fault writes it, the layer that decides logs or answers it.
 */
#ifndef HERALD_BASE_WHY_TEXT_H
#define HERALD_BASE_WHY_TEXT_H

#include "base/err.h"

#define WHY_TEXT_SIZE 384

struct why {
    char text[WHY_TEXT_SIZE]; /* terminated once an error was returned; cut where it is too long */
};

#endif
