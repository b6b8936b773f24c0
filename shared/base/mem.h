/*
 * Memory. Running out aborts here, so nobody handles NULL: a crash is cheap, the journal makes it
 * so. What a peer can make us allocate is bounded before these are called.
 */
#ifndef HERALD_BASE_MEM_H
#define HERALD_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);               /* uninitialised; size 0 gives a valid pointer */
void *mem_zeroed(size_t size);              /* all bytes zero */
void *mem_array(size_t count, size_t size); /* zeroed; an overflowing product aborts */
void *mem_resize(void *old, size_t size);
char *mem_text(const char *text); /* a copy; NULL gives NULL */
void *mem_copy(const void *from, size_t size);
void mem_free(void *memory); /* NULL is fine */

/*
 * For a program whose frames and blocks of some hundred KiB come and go all the time. What is freed
 * stays with the process, up to 128 MiB at the heap's end; by its defaults the C library would get
 * each from the system and give it back, a page fault for every 4 KiB. All threads share one heap,
 * and its first 128 MiB may lie in huge pages, each of them resident once it is touched: with small
 * ones, finding the page took up to a fifth of the processor time. At start, before other threads;
 * only the first call counts.
 *
 * fetch_bytes  of the heap that mem_fetch gets at once; 0: nothing, now or later
 *
 * After that a thread keeps it fetched 4 MiB beyond the last block that was given out here, 8 MiB
 * at a time, up to the end of the huge pages. Nobody waits for it: who goes on faster finds memory
 * missing. It takes no signals, and a forked process has none: slower.
 */
void mem_keep(size_t fetch_bytes);

/*
 * Get memory that was reserved from the system now, so that whoever touches it first need not wait:
 * a huge page that a virtual machine's host has to find took 5 to 10 ms. What is in it stays. Only
 * a hint: Linux before 5.14 does nothing. Takes as long as the getting.
 */
void mem_fetch(void *start, size_t bytes);

#endif
