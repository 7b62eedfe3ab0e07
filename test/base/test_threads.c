#include <float.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/threads.h"
#include "test.h"

enum { MOST = 1000 };

typedef struct counts {
    int runs[MOST];           /* plain on purpose: a race between chunks shows under the thread sanitizer */
    atomic_int wrong_workers; /* outside 0..threads-1 */
    int threads;
} counts;

static void count_chunk(void *arg, int64_t chunk, int worker)
{
    counts *c = arg;
    c->runs[chunk]++;
    if (worker < 0 || worker >= c->threads) atomic_fetch_add(&c->wrong_workers, 1);
}

static void check_each_once(wn__pool *pool, int64_t chunks)
{
    counts c = {.threads = wn__pool_threads(pool)};
    wn__parallel_for(pool, chunks, count_chunk, &c);
    for (int64_t i = 0; i < MOST; i++)
        CHECK_EQ_INT(c.runs[i], i < chunks);
    CHECK_EQ_INT(c.wrong_workers, 0);
}

TEST(each_chunk_runs_exactly_once)
{
    for (int threads = 1; threads <= 5; threads++) {
        wn__pool *pool;
        CHECK_OK(wn__pool_new(threads, &pool));
        CHECK_EQ_INT(wn__pool_threads(pool), threads);
        for (int64_t chunks = 0; chunks <= MOST; chunks = chunks * 3 + 1)
            check_each_once(pool, chunks);
        wn__pool_free(pool);
    }
    check_each_once(NULL, 10);
    wn__pool_free(NULL);
}

TEST(many_small_jobs_follow_each_other)
{
    wn__pool *pool;
    CHECK_OK(wn__pool_new(3, &pool));
    for (int job = 0; job < 3000; job++)
        check_each_once(pool, job % 5);
    wn__pool_free(pool);
}

TEST(sleeping_workers_wake_up)
{
    wn__pool *pool;
    CHECK_OK(wn__pool_new(3, &pool));
    for (int job = 0; job < 10; job++) {
        usleep(3000); /* long enough for them to fall asleep */
        check_each_once(pool, 100);
    }
    usleep(3000);
    wn__pool_free(pool);
}

static void sum_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    double *partial = arg, sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += 1.0 / (double)(chunk * 1000 + i + 1);
    partial[chunk] = sum;
}

TEST(partials_added_in_order_do_not_depend_on_the_thread_count)
{
    double first = 0;
    for (int threads = 1; threads <= 4; threads++) {
        wn__pool *pool;
        double partial[64], sum = 0;
        CHECK_OK(wn__pool_new(threads, &pool));
        wn__parallel_for(pool, 64, sum_chunk, partial);
        for (int i = 0; i < 64; i++)
            sum += partial[i];
        if (threads == 1) first = sum;
        CHECK(sum == first);
        wn__pool_free(pool);
    }
}

static void hold_until_two_are_in(void *arg, int64_t chunk, int worker)
{
    (void)chunk, (void)worker;
    atomic_int *inside = arg;
    atomic_fetch_add(inside, 1);
    while (atomic_load(inside) < 2)
        usleep(100);
}

TEST(chunks_run_at_the_same_time)
{
    wn__pool *pool;
    atomic_int inside = 0;
    CHECK_OK(wn__pool_new(2, &pool));
    wn__parallel_for(pool, 2, hold_until_two_are_in, &inside); /* would never end on one thread */
    CHECK_EQ_INT(inside, 2);
    wn__pool_free(pool);
}

static void halve_smallest(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    volatile float smallest = FLT_MIN;
    ((float *)arg)[chunk] = smallest / 2;
}

TEST(bodies_flush_denormals_and_the_caller_does_not)
{
#if defined(__x86_64__) || defined(__aarch64__)
    for (int threads = 1; threads <= 2; threads++) {
        wn__pool *pool;
        float result[64];
        CHECK_OK(wn__pool_new(threads, &pool));
        wn__parallel_for(pool, 64, halve_smallest, result);
        for (int i = 0; i < 64; i++)
            CHECK(result[i] == 0);
        halve_smallest(result, 0, 0);
        CHECK(result[0] > 0);
        wn__pool_free(pool);
    }
#else
    SKIP("this machine has no flush-to-zero mode that is known");
#endif
}

static void *use_own_pool(void *arg)
{
    wn__pool *pool;
    if (wn__pool_new(2, &pool) != WN_OK) return NULL;
    for (int job = 0; job < 500; job++) {
        counts c = {.threads = 2};
        wn__parallel_for(pool, 20, count_chunk, &c);
        for (int i = 0; i < 20; i++)
            if (c.runs[i] != 1) return NULL;
    }
    wn__pool_free(pool);
    return arg;
}

TEST(two_pools_work_side_by_side)
{
    pthread_t other;
    int token;
    void *result;
    CHECK_EQ_INT(pthread_create(&other, NULL, use_own_pool, &token), 0);
    CHECK(use_own_pool(&token) == &token);
    pthread_join(other, &result);
    CHECK(result == &token);
}

TEST(pool_creation_reports_lack_of_memory_and_leaks_nothing)
{
    const int64_t before = wn__alloc_statistics().bytes;
    wn__pool *pool = NULL;
    int failures = 0;
    for (int n = 1; !pool; n++) {
        wn__alloc_fail_at(n);
        const wn_status status = wn__pool_new(2, &pool);
        wn__alloc_fail_at(0);
        if (status == WN_OK) break;
        CHECK_STATUS(status, WN_ENOMEM);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
        failures++;
    }
    CHECK_EQ_INT(failures, 3);
    wn__pool_free(pool);
    CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
    CHECK_STATUS(wn__pool_new(-1, &pool), WN_EINVAL);
}

TEST(zero_threads_means_the_cpus_allowed)
{
    wn__pool *pool;
    CHECK(wn__cpu_count() >= 1);
    CHECK_OK(wn__pool_new(0, &pool));
    CHECK_EQ_INT(wn__pool_threads(pool), wn__cpu_count());
    wn__pool_free(pool);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(each_chunk_runs_exactly_once),
                                    RUN(many_small_jobs_follow_each_other),
                                    RUN(sleeping_workers_wake_up),
                                    RUN(partials_added_in_order_do_not_depend_on_the_thread_count),
                                    RUN(chunks_run_at_the_same_time),
                                    RUN(bodies_flush_denormals_and_the_caller_does_not),
                                    RUN(two_pools_work_side_by_side),
                                    RUN(pool_creation_reports_lack_of_memory_and_leaks_nothing),
                                    RUN(zero_threads_means_the_cpus_allowed),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
