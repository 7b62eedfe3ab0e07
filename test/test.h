/* Test harness. A test program is:
 *
 *     TEST(spmm_handles_empty_rows) { CHECK_EQ_INT(rows, 3); }
 *     int main(int argc, char **argv)
 *     {
 *         static const wn_test tests[] = {RUN(spmm_handles_empty_rows), {0}};
 *         return wn_test_main(argc, argv, tests);
 *     }
 *
 * `test_x name ...` runs only the named tests; `test_x --list` lists them. Each test runs in a process of its own: what it leaves in memory no
 * other test sees, and a crash fails it alone; `test_x --no-fork name ...` runs all in one process, for debuggers. A failed check prints both
 * values, ends its test, and the program exits 1. SKIP(reason) ends a test as skipped; if all were skipped the exit code is 77. Checks are
 * never compiled out. */
#ifndef WN_TEST_H
#define WN_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "winnow/core.h"

typedef struct wn_test {
    const char *name;
    void (*run)(void);
} wn_test;

/* Failures leave the test by longjmp, so helpers may check as well; checks belong into the main thread. */
static jmp_buf wn_test_exit;
enum { WN_TEST_FAILED = 1, WN_TEST_SKIPPED = 2 };
enum { WN_TEST_CODE = 64 /* plus one of the above or 0: exit code of a test's process that came to its end */ };

#define TEST(name) static void name(void)
#define RUN(name)   \
    {               \
#name, name \
    }

#define WN_TEST_FAIL(...)                               \
    do {                                                \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__);                   \
        fputc('\n', stderr);                            \
        longjmp(wn_test_exit, WN_TEST_FAILED);          \
    } while (0)

#define SKIP(reason)                            \
    do {                                        \
        printf("  skipped: %s\n", reason);      \
        longjmp(wn_test_exit, WN_TEST_SKIPPED); \
    } while (0)

#define CHECK(condition)                                         \
    do {                                                         \
        if (!(condition)) WN_TEST_FAIL("CHECK(%s)", #condition); \
    } while (0)

#define CHECK_EQ_INT(got, want)                                                                             \
    do {                                                                                                    \
        const long long wn_got_ = (long long)(got), wn_want_ = (long long)(want);                           \
        if (wn_got_ != wn_want_) WN_TEST_FAIL("%s is %lld, not %s = %lld", #got, wn_got_, #want, wn_want_); \
    } while (0)

#define CHECK_EQ_TEXT(got, want)                                                                    \
    do {                                                                                            \
        const char *wn_got_ = (got), *wn_want_ = (want);                                            \
        if (!wn_got_ || strcmp(wn_got_, wn_want_) != 0)                                             \
            WN_TEST_FAIL("%s is \"%s\", not \"%s\"", #got, wn_got_ ? wn_got_ : "(null)", wn_want_); \
    } while (0)

/* The text holds the part, for messages. */
#define CHECK_HAS_TEXT(got, part)                                                                       \
    do {                                                                                                \
        const char *wn_got_ = (got), *wn_part_ = (part);                                                \
        if (!wn_got_ || !strstr(wn_got_, wn_part_))                                                     \
            WN_TEST_FAIL("%s is \"%s\", without \"%s\"", #got, wn_got_ ? wn_got_ : "(null)", wn_part_); \
    } while (0)

/* |got - want| <= atol + rtol * |want|; never true for a NaN. */
#define CHECK_NEAR(got, want, atol, rtol)                                                                                \
    do {                                                                                                                 \
        const double wn_got_ = (got), wn_want_ = (want);                                                                 \
        if (!(fabs(wn_got_ - wn_want_) <= (atol) + (rtol)*fabs(wn_want_)))                                               \
            WN_TEST_FAIL("%s is %.9g, not %s = %.9g (off by %.3g)", #got, wn_got_, #want, wn_want_, wn_got_ - wn_want_); \
    } while (0)

#define CHECK_OK(expr)                                                                                                 \
    do {                                                                                                               \
        const wn_status wn_status_ = (expr);                                                                           \
        if (wn_status_ != WN_OK) WN_TEST_FAIL("%s: WN_%s: %s", #expr, wn_status_name(wn_status_), wn_error_message()); \
    } while (0)

#define CHECK_STATUS(expr, want)                                                                                                        \
    do {                                                                                                                                \
        const wn_status wn_status_ = (expr);                                                                                            \
        if (wn_status_ != (want)) WN_TEST_FAIL("%s: WN_%s (%s), not %s", #expr, wn_status_name(wn_status_), wn_error_message(), #want); \
    } while (0)

static inline bool wn_test_is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc < 2;
}

/* 0, WN_TEST_FAILED or WN_TEST_SKIPPED. A function of its own, so that no variable lives across the jump. */
static inline int wn_test_run(const wn_test *test)
{
    const int how = setjmp(wn_test_exit);
    if (how == 0) test->run();
    return how;
}

static inline double wn_test_seconds(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

/* The same in a process of its own; tells of long ones how much time of a CPU they took. */
static inline int wn_test_run_apart(const wn_test *test)
{
    int status;
    struct rusage usage;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const int how = wn_test_run(test);
        if (how == 0) exit(WN_TEST_CODE);
        fflush(NULL); /* a test that was left by a jump has freed nothing: no look for leaks */
        _exit(WN_TEST_CODE + how);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("a process for the test");
        return WN_TEST_FAILED;
    }
    const double seconds = wn_test_seconds(usage.ru_utime) + wn_test_seconds(usage.ru_stime);
    if (seconds >= 1) printf("  %.1f s of CPU\n", seconds);
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s was ended by signal %d: %s\n", test->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) - WN_TEST_CODE >= 0 && WEXITSTATUS(status) - WN_TEST_CODE <= WN_TEST_SKIPPED)
        return WEXITSTATUS(status) - WN_TEST_CODE;
    else
        fprintf(stderr, "%s left its process with exit code %d\n", test->name, WEXITSTATUS(status));
    return WN_TEST_FAILED;
}

static inline int wn_test_main(int argc, char **argv, const wn_test *tests)
{
    const bool only_list = argc == 2 && strcmp(argv[1], "--list") == 0, apart = argc < 2 || strcmp(argv[1], "--no-fork") != 0;
    int run = 0, failed = 0, skipped = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!apart) argc--, argv++;
    for (; tests->name; tests++) {
        if (only_list) puts(tests->name);
        if (!wn_test_is_wanted(tests->name, argc, argv)) continue;
        printf("%s\n", tests->name);
        const int how = apart ? wn_test_run_apart(tests) : wn_test_run(tests);
        if (how == WN_TEST_FAILED) fprintf(stderr, "FAILED: %s\n", tests->name);
        run++;
        failed += how == WN_TEST_FAILED;
        skipped += how == WN_TEST_SKIPPED;
    }
    if (only_list) return 0;
    printf("%d run, %d failed, %d skipped\n", run, failed, skipped);
    if (run == 0) return 2;
    return failed ? 1 : skipped == run ? 77 : 0;
}

#endif
