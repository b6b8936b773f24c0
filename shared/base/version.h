/* Which Herald this is: the project's version, as CMakeLists.txt has it. Every program says it with
 * --version, as "NAME VERSION". */
#ifndef HERALD_BASE_VERSION_H
#define HERALD_BASE_VERSION_H

const char *version_text(void); /* static */

#endif
