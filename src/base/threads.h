/* One pool of threads with dynamic chunks. Workers spin briefly, then sleep; they run with flush-to-zero.
 *
 * Which thread runs a chunk is not defined; what a chunk computes must not depend on it. Sums over chunks are made by writing one
 * partial per chunk and adding them in chunk order, so that results are equal for any number of threads.
 */
#ifndef WN_BASE_THREADS_H
#define WN_BASE_THREADS_H

#include "winnow/core.h"

typedef struct wn__pool wn__pool;

/* `threads` >= 1 counts the calling thread; 0 = the CPUs this process may use. */
wn_status wn__pool_new(int threads, wn__pool **out);
/* Accepts NULL. A forked child has no workers of its parent's pools: there a pool runs all chunks in the caller, to the same results. */
void wn__pool_free(wn__pool *pool);
int wn__pool_threads(const wn__pool *pool);

/* Run body(arg, chunk, worker) for chunk = 0..chunks-1, worker in 0..threads-1; returns when all are done.
 * A NULL pool, one chunk or one thread runs in the caller. Not re-entrant: bodies must not call it with the same pool.
 * The caller's floating-point mode is restored on return. */
typedef void (*wn__chunk_body)(void *arg, int64_t chunk, int worker);
void wn__parallel_for(wn__pool *pool, int64_t chunks, wn__chunk_body body, void *arg);
/* The same with bodies that may fail: one of their failures, with its message (messages are kept per thread). All chunks are run. */
typedef wn_status (*wn__chunk_attempt)(void *arg, int64_t chunk, int worker);
wn_status wn__parallel_try(wn__pool *pool, int64_t chunks, wn__chunk_attempt body, void *arg);

/* CPUs this process may use (affinity mask and cgroup quota). */
int wn__cpu_count(void);

/* Flush-to-zero and denormals-are-zero for the calling thread; returns the previous mode for wn__fp_restore. */
unsigned wn__fp_flush(void);
void wn__fp_restore(unsigned mode);

#endif
