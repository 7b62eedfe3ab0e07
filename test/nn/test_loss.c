/* Losses against PyTorch 1.13 (values below, in double) and against finite differences; elementary functions against the C library. */
#include "base/elementary.h"
#include "base/rng.h"
#include "nn/loss.h"
#include "test.h"

enum { N = 37, K = 5 };

static const float z2[6] = {1.0f, -2.0f, 0.5f, 0.25f, 3.0f, -1.5f};
static const float u2[6] = {2.0f, -1.0f, 0.0f, 0.5f, 1.0f, -0.5f};
static const int32_t y2[2] = {2, 1};

static void check_against(const wn__loss *loss, double value, const double gradient[6])
{
    const wn__loss_rows rows = {.n = 2, .batch = 2, .classes = 3, .logits = z2, .targets = wn__class_targets(y2), .teacher = u2};
    double row[2], p[2];
    uint8_t correct[2];
    float d[6];
    const wn__loss_out out = {row, p, correct, d};
    wn__loss_compute(loss, &rows, NULL, &out);
    CHECK_NEAR((row[0] + row[1]) / 2, value, 1e-12, 0);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(d[i], gradient[i], 1e-8, 1e-6);
    CHECK_EQ_INT(correct[0], 0);
    CHECK_EQ_INT(correct[1], 1);
    CHECK_NEAR(p[1], exp(3.0) / (exp(0.25) + exp(3.0) + exp(-1.5)), 1e-12, 0);
}

TEST(cross_entropy_equals_pytorch)
{
    const wn__loss loss = {0};
    check_against(&loss, 0.5384759248042603,
                  (const double[6]){0.3018744480743129, 0.015029443784787011, -0.3169038918590999, 0.029732869504030677,
                                    -0.034899667487843566, 0.005166797983812894});
}

TEST(smoothed_cross_entropy_equals_pytorch)
{
    const wn__loss loss = {.smoothing = 0.1};
    check_against(&loss, 0.692642591470927,
                  (const double[6]){0.28520778140764624, -0.001637222881879655, -0.28357055852576657, 0.01306620283736401,
                                    -0.0015663341545102405, -0.011499868682853773});
}

TEST(soft_labels_with_mean_reduction_equal_the_published_code)
{
    const wn__loss loss = {.soft = true, .temperature = 5, .alpha = 0.9, .reduction = WN__KL_MEAN};
    check_against(&loss, 0.21774798498095999,
                  (const double[6]){-0.002115399395983597, -0.016225232399287876, 0.018340631795271324, -0.03537946271780532,
                                    0.0911422016718546, -0.05576273895404922});
    CHECK_NEAR(wn__loss_soft_weight(&loss, 10), 2.25, 1e-12, 0);
    CHECK_NEAR(wn__loss_soft_gradient_scale(&loss, 10), 0.45, 1e-12, 0);
}

TEST(soft_labels_with_batchmean_reduction_equal_pytorch)
{
    const wn__loss loss = {.soft = true, .temperature = 5, .alpha = 0.9, .reduction = WN__KL_BATCHMEAN};
    check_against(&loss, 0.545548769982028,
                  (const double[6]){-0.06672108780281336, -0.05168158595482105, 0.11840267375763404, -0.11208496205422214,
                                    0.2804065385131324, -0.16832157645891024});
}

TEST(soft_label_settings_have_the_published_defaults)
{
    wn__loss loss = {0};
    CHECK_OK(wn__settings_defaults(wn__soft_label_settings, &loss));
    CHECK_NEAR(loss.temperature, 5, 0, 0);
    CHECK_NEAR(loss.alpha, 0.9, 0, 0);
    CHECK_EQ_INT(loss.reduction, WN__KL_MEAN);
}

static void draw(float *x, int n, double size, uint64_t stream)
{
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, stream, 0);
    for (int i = 0; i < n; i++)
        x[i] = (float)(size * wn__rng_normal(&rng));
}

static const wn__loss kinds[] = {
    {0},
    {.smoothing = 0.2},
    {.soft = true, .temperature = 3, .alpha = 0.7, .reduction = WN__KL_MEAN},
    {.smoothing = 0.1, .soft = true, .temperature = 0.5, .alpha = 1, .reduction = WN__KL_BATCHMEAN},
};

static double total(const wn__loss *loss, wn__loss_rows *rows, const float *z)
{
    double row[N], sum = 0;
    rows->logits = z;
    wn__loss_compute(loss, rows, NULL, &(wn__loss_out){.loss = row});
    for (int i = 0; i < N; i++)
        sum += row[i];
    return sum / N;
}

TEST(gradients_and_tangents_equal_finite_differences)
{
    float z[N * K], u[N * K], t[N * K], d[N * K], td[N * K], up[N * K], down[N * K], d_up[N * K], d_down[N * K];
    int32_t y[N];
    draw(z, N * K, 2, 1);
    draw(u, N * K, 3, 2);
    draw(t, N * K, 1, 3);
    for (int i = 0; i < N; i++)
        y[i] = i % K;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        wn__loss_rows rows = {.n = N, .batch = N, .classes = K, .logits = z, .targets = wn__class_targets(y), .teacher = u};
        wn__loss_compute(&kinds[k], &rows, NULL, &(wn__loss_out){.dlogits = d});
        wn__loss_tangent_compute(&kinds[k], &rows, t, td);
        const float h = 0x1p-8f;
        for (int i = 0; i < N * K; i++) {
            up[i] = z[i] + h * t[i];
            down[i] = z[i] - h * t[i];
        }
        double along = 0, step = 0, size = 0;
        for (int i = 0; i < N * K; i++) {
            along += (double)d[i] * (up[i] - down[i]);
            size += fabs((double)d[i] * t[i]);
            step = 2 * h;
        }
        const double difference = total(&kinds[k], &rows, up) - total(&kinds[k], &rows, down);
        CHECK_NEAR(along / step, difference / step, 2e-4 * size, 0);
        rows.logits = up;
        wn__loss_compute(&kinds[k], &rows, NULL, &(wn__loss_out){.dlogits = d_up});
        rows.logits = down;
        wn__loss_compute(&kinds[k], &rows, NULL, &(wn__loss_out){.dlogits = d_down});
        for (int i = 0; i < N * K; i++)
            CHECK_NEAR(td[i], ((double)d_up[i] - d_down[i]) / step, 2e-6, 5e-3);
    }
}

TEST(micro_batches_and_threads_do_not_change_a_bit)
{
    float z[N * K], u[N * K], whole[N * K], parts[N * K], threaded[N * K];
    int32_t y[N];
    double rows_whole[N], rows_parts[N], rows_threaded[N];
    draw(z, N * K, 2, 4);
    draw(u, N * K, 2, 5);
    for (int i = 0; i < N; i++)
        y[i] = i % K;
    const wn__loss *loss = &kinds[2];
    wn__loss_rows rows = {.n = N, .batch = N, .classes = K, .logits = z, .targets = wn__class_targets(y), .teacher = u};
    wn__loss_compute(loss, &rows, NULL, &(wn__loss_out){.loss = rows_whole, .dlogits = whole});
    for (int first = 0; first < N; first += 10) {
        const wn__loss_rows part = {.n = first + 10 < N ? 10 : N - first,
                                    .batch = N,
                                    .classes = K,
                                    .logits = z + first * K,
                                    .targets = wn__class_targets(y + first),
                                    .teacher = u + first * K};
        wn__loss_compute(loss, &part, NULL, &(wn__loss_out){.loss = rows_parts + first, .dlogits = parts + first * K});
    }
    wn__pool *pool;
    CHECK_OK(wn__pool_new(3, &pool));
    wn__loss_compute(loss, &rows, pool, &(wn__loss_out){.loss = rows_threaded, .dlogits = threaded});
    wn__pool_free(pool);
    CHECK(memcmp(whole, parts, sizeof whole) == 0 && memcmp(rows_whole, rows_parts, sizeof rows_whole) == 0);
    CHECK(memcmp(whole, threaded, sizeof whole) == 0 && memcmp(rows_whole, rows_threaded, sizeof rows_whole) == 0);
}

TEST(non_finite_logits_give_non_finite_losses)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int b = 0; b < 3; b++)
        for (int at = 0; at < 3; at++)
            for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
                float z[3] = {1, 2, 3};
                double row;
                z[at] = bad[b];
                const wn__loss_rows rows = {.n = 1, .batch = 1, .classes = 3, .logits = z, .targets = wn__class_targets(y2), .teacher = u2};
                wn__loss_compute(&kinds[k], &rows, NULL, &(wn__loss_out){.loss = &row});
                CHECK(!isfinite(row));
            }
}

TEST(losses_of_extreme_logits_are_exact)
{
    static const float z[3] = {1000, -1000, 0};
    static const int32_t y[1] = {1};
    double row;
    float d[3];
    const wn__loss_rows rows = {.n = 1, .batch = 1, .classes = 3, .logits = z, .targets = wn__class_targets(y)};
    wn__loss_compute(&kinds[0], &rows, NULL, &(wn__loss_out){.loss = &row, .dlogits = d});
    CHECK_NEAR(row, 2000, 1e-9, 0);
    CHECK_NEAR(d[0], 1, 1e-7, 0);
    CHECK_NEAR(d[1], -1, 1e-7, 0);
}

TEST(elementary_functions_are_within_their_errors)
{
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, 6, 0);
    for (int i = 0; i < 20000; i++) {
        const double x = (wn__rng_uniform_double(&rng) - 0.5) * 1400, positive = ldexp(0.5 + wn__rng_uniform_double(&rng), i % 600 - 300);
        CHECK_NEAR(wn__exp(x), exp(x), 0, 6e-16);
        CHECK_NEAR(wn__exp(x / 1000), exp(x / 1000), 0, 6e-16);
        CHECK_NEAR(wn__ln(positive), log(positive), 2e-16, 1e-15);
        const double unit = wn__rng_uniform_double(&rng);
        CHECK_NEAR(wn__cos_pi(unit), cos(3.14159265358979323846 * unit), 5e-16, 0);
    }
    CHECK(wn__exp(0) == 1 && wn__ln(1) == 0 && wn__cos_pi(0) == 1 && wn__power(0.5, 0) == 1 && wn__power(0.5, 10) == 0x1p-10);
    CHECK(isnan(wn__exp(NAN)) && wn__exp(-INFINITY) == 0 && wn__exp(INFINITY) == INFINITY);
    CHECK(isnan(wn__ln(-1)) && isnan(wn__ln(NAN)) && wn__ln(0) == -INFINITY && wn__ln(INFINITY) == INFINITY);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(cross_entropy_equals_pytorch),
                                    RUN(smoothed_cross_entropy_equals_pytorch),
                                    RUN(soft_labels_with_mean_reduction_equal_the_published_code),
                                    RUN(soft_labels_with_batchmean_reduction_equal_pytorch),
                                    RUN(soft_label_settings_have_the_published_defaults),
                                    RUN(gradients_and_tangents_equal_finite_differences),
                                    RUN(micro_batches_and_threads_do_not_change_a_bit),
                                    RUN(non_finite_logits_give_non_finite_losses),
                                    RUN(losses_of_extreme_logits_are_exact),
                                    RUN(elementary_functions_are_within_their_errors),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
