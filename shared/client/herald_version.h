/* Which Herald this library is. */
#ifndef HERALD_VERSION_H
#define HERALD_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/* As in "0.1.0". Static storage. Any thread. */
const char *herald_version(void);

#ifdef __cplusplus
}
#endif

#endif
