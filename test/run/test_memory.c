/* What training steps are said to take in memory, and what they take. */
#include "backend/backend.h"
#include "test.h"
#include "winnow/bench.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

static wn_bench_result step(const char *backend, const char *sparsity, int64_t micro_batch, const char *memory)
{
    const wn_bench_options options = {.size = sizeof options,
                                      .model = "resnet20", /* nearly all of its memory is activations */
                                      .batch = 128,
                                      .micro_batch = micro_batch,
                                      .memory = memory,
                                      .sparsity = sparsity,
                                      .backend = backend,
                                      .threads = 2,
                                      .runs = 1};
    wn_bench_result r;
    CHECK_OK(wn_bench_step(&options, &r));
    printf("  %s %s: %.3f GiB estimated, %.3f at the peak\n", backend, memory ? memory : "no limit", (double)r.estimate_bytes / 0x1p30,
           (double)r.peak_bytes / 0x1p30);
    return r;
}

static void check_estimate(const wn_bench_result *r)
{
    CHECK(r->estimate_bytes > r->bytes);
#ifndef SANITIZED /* they take memory of their own */
    if (r->peak_bytes) CHECK_NEAR((double)r->peak_bytes, (double)r->estimate_bytes, 0, 0.1);
#endif
}

TEST(steps_take_the_memory_that_was_estimated)
{
    const char *const backend[] = {"sparse", "onednn"};
    for (int i = 0; i < 2; i++) {
        const bool sparse = i == 0;
        if (!sparse && !wn__backend_find(backend[i])) continue;
        const wn_bench_result whole = step(backend[i], sparse ? "90%" : NULL, 0, NULL);
        const wn_bench_result parts = step(backend[i], sparse ? "90%" : NULL, 32, NULL);
        check_estimate(&whole);
        check_estimate(&parts);
#ifndef SANITIZED
        CHECK(parts.estimate_bytes < whole.estimate_bytes);
#endif
    }
}

/* A network whose memory is mostly weights, half of which are stored. */
TEST(weights_with_their_zeros_are_part_of_the_estimate)
{
    static const char *const kernels[] = {"sparse", "dense"};
    const double expanded = (3072 + 1024) * 1024 * sizeof(float);
    wn_bench_options options = {
        .size = sizeof options, .model = WN_TEST_SOURCE "/../bench/mlp-1024.yaml", .batch = 16, .sparsity = "50%", .backend = "sparse"};
    wn_bench_memory plan[2];
    options.threads = 2;
    options.runs = 1;
    for (int i = 0; i < 2; i++) {
        wn_bench_result r;
        setenv("WINNOW_KERNELS", kernels[i], 1);
        CHECK_OK(wn_bench_plan(&options, &plan[i]));
        CHECK_OK(wn_bench_step(&options, &r));
        printf("  %s kernels: %.1f MiB, of it operations' own %.1f; at the peak %.1f\n", kernels[i],
               (double)plan[i].estimate_bytes / 0x1p20, (double)plan[i].operation_bytes / 0x1p20, (double)r.peak_bytes / 0x1p20);
        check_estimate(&r);
    }
    unsetenv("WINNOW_KERNELS");
    CHECK_NEAR((double)(plan[1].operation_bytes - plan[0].operation_bytes), expanded, 0, 0.05);
    CHECK_NEAR((double)(plan[1].estimate_bytes - plan[0].estimate_bytes), expanded, 0, 0.2);
}

/* Just below what the step takes without. */
TEST(a_limit_of_memory_is_kept_by_making_activations_again)
{
    char limit[32];
    if (!wn__backend_find("onednn")) SKIP("no onednn");
    const wn_bench_result free_of_limits = step("onednn", NULL, 0, NULL);
    snprintf(limit, sizeof limit, "%.3f", 0.97 * (double)free_of_limits.estimate_bytes / 0x1p30);
    const wn_bench_result limited = step("onednn", NULL, 0, limit);
    check_estimate(&limited);
    CHECK(limited.bytes < free_of_limits.bytes);
#ifndef SANITIZED
    CHECK((double)limited.estimate_bytes < 0.97 * (double)free_of_limits.estimate_bytes);
#endif
}

TEST(a_limit_that_cannot_be_kept_is_told_before_the_first_step)
{
    const wn_bench_options options = {.size = sizeof options, .model = "resnet8", .backend = "sparse", .batch = 32, .memory = "0.001"};
    wn_bench_result r;
    CHECK_STATUS(wn_bench_step(&options, &r), WN_ENOMEM);
    CHECK_HAS_TEXT(wn_error_message(), "the limit is 0.00 GiB: use a smaller micro-batch");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(steps_take_the_memory_that_was_estimated),
                                    RUN(weights_with_their_zeros_are_part_of_the_estimate),
                                    RUN(a_limit_of_memory_is_kept_by_making_activations_again),
                                    RUN(a_limit_that_cannot_be_kept_is_told_before_the_first_step),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
