#include "base/threads.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* The ticket is all that threads compete for: the job's number in the upper bits, its next chunk in the lower ones. A chunk is taken by
 * compare-and-swap, so a worker that wakes up late can neither take a chunk of a finished job nor hold one up: a job ends when its
 * chunks are done, whoever did them. While the fields of a new job are written, its ticket says that no chunk is left; a worker that
 * read a field in that moment fails to swap (all accesses are sequentially consistent). (It would have to sleep through 2^24 jobs to be fooled.) */
enum { CHUNK_BITS = 40, SPINS = 2000 };
#define CHUNK_MASK ((UINT64_C(1) << CHUNK_BITS) - 1)

struct wn__pool {
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) atomic_llong done; /* chunks of the current job that are finished */
    _Alignas(64) _Atomic(wn__chunk_body) body;
    _Atomic(void *) arg;
    atomic_llong chunks;
    atomic_bool stop;
    atomic_int sleepers;  /* workers that sleep or are about to */
    atomic_bool waiting;  /* the caller sleeps or is about to */
    pthread_mutex_t lock; /* guards only the two conditions */
    pthread_cond_t work, finished;
    int threads, started, spins;
    pid_t process; /* that the workers live in */
    pthread_t *handles;
    struct worker *workers;
};

typedef struct worker {
    wn__pool *pool;
    int index;
} worker;

static void pause_briefly(void)
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint64_t job_of(uint64_t ticket) { return ticket >> CHUNK_BITS; }

/* A job other than `job`, whose fields are written. */
static bool is_new(uint64_t ticket, uint64_t job) { return job_of(ticket) != job && (ticket & CHUNK_MASK) != CHUNK_MASK; }

static void report_done(wn__pool *pool, int64_t chunks)
{
    if (atomic_fetch_add(&pool->done, 1) + 1 != chunks || !atomic_load(&pool->waiting)) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
}

/* Take and run chunks of the job that `ticket` names until none is left. */
static void run_chunks(wn__pool *pool, uint64_t ticket, int index)
{
    const uint64_t job = job_of(ticket);
    while (job_of(ticket) == job) {
        const wn__chunk_body body = atomic_load(&pool->body);
        void *arg = atomic_load(&pool->arg);
        const int64_t chunks = atomic_load(&pool->chunks);
        const int64_t chunk = (int64_t)(ticket & CHUNK_MASK);
        if (chunk >= chunks) return;
        if (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1)) continue;
        body(arg, chunk, index);
        report_done(pool, chunks);
        ticket = atomic_load(&pool->ticket);
    }
}

/* Spin for a while, then sleep, until there is a job other than `job` or the pool stops; returns the ticket. */
static uint64_t wait_for_job(wn__pool *pool, uint64_t job)
{
    for (int i = 0; i < pool->spins; i++) {
        const uint64_t ticket = atomic_load(&pool->ticket);
        if (is_new(ticket, job)) return ticket;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!is_new(atomic_load(&pool->ticket), job) && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->work, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
    return atomic_load(&pool->ticket);
}

static void *worker_main(void *argument)
{
    const worker *self = argument;
    wn__pool *pool = self->pool;
    wn__fp_flush();
    for (uint64_t job = 0; !atomic_load(&pool->stop);) {
        const uint64_t ticket = wait_for_job(pool, job);
        run_chunks(pool, ticket, self->index);
        job = job_of(ticket);
    }
    return NULL;
}

static void wake_workers(wn__pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void wait_until_done(wn__pool *pool, int64_t chunks)
{
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load(&pool->done) == chunks) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->waiting, true);
    while (atomic_load(&pool->done) != chunks)
        pthread_cond_wait(&pool->finished, &pool->lock);
    atomic_store(&pool->waiting, false);
    pthread_mutex_unlock(&pool->lock);
}

/* A forked child has none: it does all chunks itself. */
static bool has_workers(const wn__pool *pool) { return pool->process == getpid(); }

static void run_in_pool(wn__pool *pool, int64_t chunks, wn__chunk_body body, void *arg)
{
    assert(chunks < (int64_t)CHUNK_MASK);
    const uint64_t job = (job_of(atomic_load(&pool->ticket)) + 1) << CHUNK_BITS;
    atomic_store(&pool->ticket, job | CHUNK_MASK); /* closed until the fields are written */
    atomic_store(&pool->body, body);
    atomic_store(&pool->arg, arg);
    atomic_store(&pool->chunks, chunks);
    atomic_store(&pool->done, 0);
    atomic_store(&pool->ticket, job);
    wake_workers(pool);
    run_chunks(pool, job, 0);
    wait_until_done(pool, chunks);
}

void wn__parallel_for(wn__pool *pool, int64_t chunks, wn__chunk_body body, void *arg)
{
    const unsigned mode = wn__fp_flush();
    if (pool && pool->threads > 1 && chunks > 1 && has_workers(pool))
        run_in_pool(pool, chunks, body, arg);
    else
        for (int64_t chunk = 0; chunk < chunks; chunk++)
            body(arg, chunk, 0);
    wn__fp_restore(mode);
}

/* Workers block all signals, so that handlers run in the program's own threads. */
static wn_status start_workers(wn__pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    for (int i = 1; i < pool->threads && error == 0; i++) {
        pool->workers[i] = (worker){.pool = pool, .index = i};
        error = pthread_create(&pool->handles[i], NULL, worker_main, &pool->workers[i]);
        if (error == 0) pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0) return WN_OK;
    return wn__fail(WN_ENOMEM, "cannot start thread %d of %d: %s", pool->started + 2, pool->threads, strerrordesc_np(error));
}

wn_status wn__pool_new(int threads, wn__pool **out)
{
    if (threads < 0) return wn__fail(WN_EINVAL, "%d threads, must be >= 0", threads);
    const int cpus = wn__cpu_count();
    if (threads == 0) threads = cpus;
    wn__pool *pool = WN_NEW(wn__pool);
    if (!pool) return wn__no_memory(sizeof *pool);
    pool->threads = threads;
    pool->process = getpid();
    pool->spins = threads <= cpus ? SPINS : 0;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pool->handles = WN_NEW_ARRAY(pthread_t, threads);
    pool->workers = WN_NEW_ARRAY(worker, threads);
    const wn_status status =
        pool->handles && pool->workers ? start_workers(pool) : wn__no_memory((size_t)threads * (sizeof(pthread_t) + sizeof(worker)));
    if (status != WN_OK) {
        wn__pool_free(pool);
        return status;
    }
    *out = pool;
    return WN_OK;
}

static void end_workers(wn__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i <= pool->started; i++)
        pthread_join(pool->handles[i], NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
}

void wn__pool_free(wn__pool *pool)
{
    if (!pool) return;
    if (has_workers(pool)) end_workers(pool);
    wn__free(pool->workers);
    wn__free(pool->handles);
    wn__free(pool);
}

int wn__pool_threads(const wn__pool *pool) { return pool ? pool->threads : 1; }

/* CPUs that the quota in `path` ("max 100000" or "150000 100000", microseconds) allows, rounded up; INT32_MAX if there is no limit. */
static int quota_in(const char *path)
{
    long long quota, period;
    FILE *file = fopen(path, "re");
    if (!file) return INT32_MAX;
    const bool limited = fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0;
    fclose(file);
    return limited ? (int)((quota + period - 1) / period) : INT32_MAX;
}

/* The lowest quota of this process' control group (version 2) and of those above it. */
static int cgroup_quota(void)
{
    char group[1024] = "", path[1200];
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file) {
        if (fscanf(file, "0::%1023s", group) != 1) group[0] = 0;
        fclose(file);
    }
    int lowest = INT32_MAX;
    for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
        *end = 0;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        const int quota = quota_in(path);
        if (quota < lowest) lowest = quota;
    }
    return lowest;
}

int wn__cpu_count(void)
{
    cpu_set_t allowed;
    const int cpus = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    const int quota = cgroup_quota();
    return quota < cpus ? quota : cpus;
}

int wn_cpu_count(void) { return wn__cpu_count(); }

typedef struct attempt {
    wn__chunk_attempt body;
    void *arg;
    atomic_int failed;
    char message[512];
} attempt;

static void run_attempt(void *arg, int64_t chunk, int thread)
{
    attempt *a = arg;
    const wn_status status = a->body(a->arg, chunk, thread);
    int none = WN_OK;
    if (status != WN_OK && atomic_compare_exchange_strong(&a->failed, &none, status))
        snprintf(a->message, sizeof a->message, "%s", wn_error_message());
}

wn_status wn__parallel_try(wn__pool *pool, int64_t chunks, wn__chunk_attempt body, void *arg)
{
    attempt a = {.body = body, .arg = arg};
    wn__parallel_for(pool, chunks, run_attempt, &a);
    return a.failed == WN_OK ? WN_OK : wn__fail((wn_status)a.failed, "%s", a.message);
}

#if defined(__x86_64__)
enum { FLUSH_BITS = 0x8040 }; /* MXCSR: flush to zero, denormals are zero */

unsigned wn__fp_flush(void)
{
    const unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | FLUSH_BITS);
    return mode;
}

void wn__fp_restore(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
enum { FLUSH_BITS = 1 << 24 }; /* FPCR.FZ */

unsigned wn__fp_flush(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | FLUSH_BITS));
    return (unsigned)mode;
}

void wn__fp_restore(unsigned mode) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode)); }
#else
unsigned wn__fp_flush(void) { return 0; }

void wn__fp_restore(unsigned mode) { (void)mode; }
#endif
