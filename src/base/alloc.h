/* All memory of the library comes from here: 64-byte aligned, zeroed, counted, and able to fail on demand in tests. */
#ifndef WN_BASE_ALLOC_H
#define WN_BASE_ALLOC_H

#include "winnow/core.h"

#define WN__ALIGN 64

/* `size` bytes, zeroed, aligned to 64; NULL when there is no memory (the caller fails with WN_ENOMEM). size 0 gives a valid pointer. */
void *wn__alloc(size_t size);
/* count * size with the product checked; NULL on overflow too. */
void *wn__alloc_array(int64_t count, size_t size);
/* Grow or shrink keeping the contents; new bytes are zero. On failure NULL, and `old` stays valid. */
void *wn__realloc(void *old, size_t size);
void wn__free(void *pointer); /* accepts NULL */
/* Room for one more element of `size` bytes in an array that grows one by one and has `count` now. array: where its pointer is kept, NULL at first.
 * A failure leaves the array as it was. */
wn_status wn__make_room(void *array, int64_t count, size_t size);
char *wn__strdup(const char *text);

#define WN_NEW(type) ((type *)wn__alloc(sizeof(type)))
#define WN_NEW_ARRAY(type, count) ((type *)wn__alloc_array((count), sizeof(type)))

/* wn__no_memory(wanted): sets the standard out-of-memory message and gives WN_ENOMEM; a macro for the same reason as wn__fail. */
#define wn__no_memory(wanted) (wn__set_memory_message(wanted), WN_ENOMEM)
void wn__set_memory_message(size_t wanted);

/* Counters over the whole process: calls to wn__alloc and wn__realloc so far, bytes now, highest bytes ever. */
typedef struct wn__alloc_stats {
    int64_t calls, bytes, peak;
} wn__alloc_stats;
wn__alloc_stats wn__alloc_statistics(void);
void wn__alloc_reset_peak(void);

/* This process as the system sees it: bytes of memory in use now, the most so far, and the part that is program and libraries. A block
 * from above counts from when it's first written. Zeros where the system does not tell. */
typedef struct wn__resident_memory {
    int64_t now, peak, program;
} wn__resident_memory;
wn__resident_memory wn__resident(void);
void wn__resident_reset_peak(void);
/* Bytes that the system could give to programs now; 0: unknown. */
int64_t wn__memory_available(void);
/* Give what has been freed back to the system: after a set-up that took much for a while. */
void wn__alloc_trim(void);
/* What will be in use once all that is allocated now has been written. */
int64_t wn__memory_expected(void);
/* The most: that, or the peak so far. */
int64_t wn__peak_expected(void);
/* Tests only: the n-th call from now fails (n >= 1); 0 switches it off. */
void wn__alloc_fail_at(int64_t n);

#endif
