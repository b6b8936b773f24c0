/* Which Herald this library is. */
#ifndef HERALD_VERSION_H
#define HERALD_VERSION_H

/* As in "0.1.0". Static storage. */
const char *herald_version(void);

#endif
