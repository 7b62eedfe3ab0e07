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
    double row[2];
    float d[6];
    wn__loss_compute(loss, &rows, NULL, &(wn__loss_out){row, d});
    CHECK_NEAR((row[0] + row[1]) / 2, value, 1e-12, 0);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(d[i], gradient[i], 1e-8, 1e-6);
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
    CHECK_NEAR(wn__loss_soft_weight(&loss, WN_TARGET_CLASS, 10), 2.25, 1e-12, 0);
    CHECK_NEAR(wn__loss_soft_gradient_scale(&loss, WN_TARGET_CLASS, 10), 0.45, 1e-12, 0);
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

/* ---- targets of other kinds, against PyTorch */

static const float mixed2[6] = {0.25f, 0.5f, 0.25f, 0.125f, 0.75f, 0.125f}, several2[6] = {1, 0, 1, 0, 0, 1},
                   values2[6] = {0.5f, -2.25f, 2.0f, 0.0f, 0.5f, -1.0f};
static const wn_targets mixed = {.kind = WN_TARGET_DISTRIBUTION, .width = 3, .values = mixed2};
static const wn_targets several = {.kind = WN_TARGET_CLASSES, .width = 3, .values = several2};
static const wn_targets values = {.kind = WN_TARGET_VALUES, .width = 3, .values = values2};

static const wn__loss_type *named(const char *name)
{
    for (int i = 0; wn__losses[i]; i++)
        if (strcmp(wn__losses[i]->name, name) == 0) return wn__losses[i];
    return NULL;
}

static void check_targets(const wn__loss *loss, const wn_targets *targets, double value, const double gradient[6])
{
    const wn__loss_rows rows = {.n = 2, .batch = 2, .classes = 3, .logits = z2, .targets = *targets, .teacher = u2};
    double row[2];
    float d[6];
    wn__loss_compute(loss, &rows, NULL, &(wn__loss_out){.loss = row, .dlogits = d});
    CHECK_NEAR((row[0] + row[1]) / 2, value, 1e-12, 0);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(d[i], gradient[i], 1e-8, 1e-6);
}

TEST(cross_entropy_of_distributions_equals_pytorch)
{
    check_targets(&(wn__loss){0}, &mixed, 1.5541009248042603,
                  (const double[6]){0.1768744480743129, -0.23497055621521298, 0.058096108140900105, -0.03276713049596933,
                                    0.09010033251215643, -0.05733320201618711});
    check_targets(&(wn__loss){.smoothing = 0.1}, &mixed, 1.606705091470927,
                  (const double[6]){0.17270778140764623, -0.22663722288187965, 0.053929441474233425, -0.043183797162636,
                                    0.11093366584548975, -0.06774986868285378});
}

TEST(binary_cross_entropy_equals_pytorch)
{
    const double weight = 2.5;
    check_targets(&(wn__loss){0}, &several, 1.08170112202944,
                  (const double[6]){-0.04482357022833252, 0.019867153670352924, -0.0629234447996909, 0.09369608348096635,
                                    0.15876235447040557, -0.1362624126989406});
    check_targets(&(wn__loss){.hard = named("binary-cross-entropy"), .config = &weight}, &several, 1.7038891094497106,
                  (const double[6]){-0.1120589255708313, 0.019867153670352924, -0.15730861199922727, 0.09369608348096635,
                                    0.15876235447040557, -0.3406560317473515});
}

TEST(errors_of_values_equal_pytorch)
{
    const double delta = 0.5;
    check_targets(
        &(wn__loss){0}, &values, 1.5208333333333333,
        (const double[6]){0.16666666666666666, 0.08333333333333333, -0.5, 0.08333333333333333, 0.8333333333333333, -0.16666666666666666});
    check_targets(&(wn__loss){.hard = named("huber")}, &values, 0.5520833333333334,
                  (const double[6]){0.08333333333333333, 0.041666666666666664, -0.16666666666666666, 0.041666666666666664,
                                    0.16666666666666666, -0.08333333333333333});
    check_targets(&(wn__loss){.hard = named("huber"), .config = &delta}, &values, 0.34375,
                  (const double[6]){0.08333333333333333, 0.041666666666666664, -0.08333333333333333, 0.041666666666666664,
                                    0.08333333333333333, -0.08333333333333333});
}

TEST(a_teacher_of_other_targets_equals_pytorch)
{
    const double delta = 0.5;
    wn__loss loss = {.soft = true, .temperature = 3, .alpha = 0.7, .reduction = WN__KL_MEAN};
    check_targets(&loss, &several, 0.4245138826249861,
                  (const double[6]){-0.040812227874725625, -0.021405010705119975, -0.004327364314027313, 0.020846605798869985,
                                    0.09959963659981322, -0.06918982060445135});
    check_targets(&loss, &values, 1.309375,
                  (const double[6]){-0.1833333333333333, -0.20833333333333331, -0.03333333333333337, -0.033333333333333326,
                                    0.7166666666666666, -0.2833333333333333});
    loss.hard = named("huber");
    loss.config = &delta;
    check_targets(&loss, &values, 0.3546875,
                  (const double[6]){-0.033333333333333326, -0.04583333333333332, 0.033333333333333326, -0.016666666666666663,
                                    0.08333333333333333, -0.08333333333333333});
    CHECK_NEAR(wn__loss_soft_weight(&loss, WN_TARGET_VALUES, 10), 0.7, 1e-12, 0);
}

TEST(every_kind_of_target_but_positions_has_one_usual_loss)
{
    for (int kind = WN_TARGET_CLASS; kind <= WN_TARGET_VALUES; kind++) {
        int usual = 0;
        for (int i = 0; wn__losses[i]; i++) {
            const wn__loss_type *t = wn__losses[i];
            usual += (t->usual & 1u << kind) != 0;
            CHECK((t->usual & ~t->targets) == 0);
            CHECK((t->targets == 0) == (t->soft != 0));
        }
        CHECK_EQ_INT(usual, 1);
    }
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

static int32_t classes_of[N];
static float several_of[N * K], mixed_of[N * K], values_of[N * K], teacher_of[N * K];

/* N targets of a kind. */
static wn_targets targets_of(int kind)
{
    wn_targets t = {.kind = kind, .width = kind == WN_TARGET_CLASS ? 1 : K};
    draw(values_of, N * K, 1.5, 7);
    draw(teacher_of, N * K, 3, 2);
    for (int i = 0; i < N; i++) {
        classes_of[i] = i % K;
        for (int c = 0; c < K; c++) {
            several_of[i * K + c] = (float)((i >> c) & 1);
            mixed_of[i * K + c] = c == i % K ? 0.5f : c == (i + 1) % K ? 0.375f : c == (i + 2) % K ? 0.125f : 0;
        }
    }
    t.classes = kind == WN_TARGET_CLASS ? classes_of : NULL;
    t.values = kind == WN_TARGET_CLASSES        ? several_of
               : kind == WN_TARGET_DISTRIBUTION ? mixed_of
               : kind == WN_TARGET_VALUES       ? values_of
                                                : NULL;
    return t;
}

static void check_derivatives(const wn__loss *loss, const wn_targets *targets)
{
    float z[N * K], t[N * K], d[N * K], td[N * K], up[N * K], down[N * K], d_up[N * K], d_down[N * K];
    draw(z, N * K, 2, 1);
    draw(t, N * K, 1, 3);
    wn__loss_rows rows = {.n = N, .batch = N, .classes = K, .logits = z, .targets = *targets, .teacher = teacher_of};
    wn__loss_compute(loss, &rows, NULL, &(wn__loss_out){.dlogits = d});
    wn__loss_tangent_compute(loss, &rows, t, td);
    const float h = 0x1p-8f;
    double along = 0, size = 0;
    for (int i = 0; i < N * K; i++) {
        up[i] = z[i] + h * t[i];
        down[i] = z[i] - h * t[i];
        along += (double)d[i] * (up[i] - down[i]);
        size += fabs((double)d[i] * t[i]);
    }
    const double step = 2 * h, difference = total(loss, &rows, up) - total(loss, &rows, down);
    CHECK_NEAR(along / step, difference / step, 2e-4 * size, 0);
    rows.logits = up;
    wn__loss_compute(loss, &rows, NULL, &(wn__loss_out){.dlogits = d_up});
    rows.logits = down;
    wn__loss_compute(loss, &rows, NULL, &(wn__loss_out){.dlogits = d_down});
    for (int i = 0; i < N * K; i++) {
        const bool bend = fabs(fabs((double)z[i] - values_of[i]) - 1) < 0.02; /* of huber's second derivative */
        if (!bend) CHECK_NEAR(td[i], ((double)d_up[i] - d_down[i]) / step, 2e-6, 5e-3);
    }
}

TEST(gradients_and_tangents_equal_finite_differences)
{
    for (int kind = WN_TARGET_CLASS; kind <= WN_TARGET_VALUES; kind++) {
        const wn_targets targets = targets_of(kind);
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            for (int i = 0; wn__losses[i]; i++) {
                wn__loss loss = kinds[k];
                if (!(wn__losses[i]->targets & 1u << kind)) continue;
                loss.hard = wn__losses[i];
                check_derivatives(&loss, &targets);
            }
    }
}

static void check_bits(const wn__loss *loss, const wn_targets *targets, wn__pool *pool)
{
    float z[N * K], whole[N * K], parts[N * K], threaded[N * K];
    double rows_whole[N], rows_parts[N], rows_threaded[N];
    draw(z, N * K, 2, 4);
    wn__loss_rows rows = {.n = N, .batch = N, .classes = K, .logits = z, .targets = *targets, .teacher = teacher_of};
    wn__loss_compute(loss, &rows, NULL, &(wn__loss_out){.loss = rows_whole, .dlogits = whole});
    for (int first = 0; first < N; first += 10) {
        const wn__loss_rows part = {.n = first + 10 < N ? 10 : N - first,
                                    .batch = N,
                                    .classes = K,
                                    .logits = z + first * K,
                                    .targets = wn__targets_from(targets, first),
                                    .teacher = teacher_of + first * K};
        wn__loss_compute(loss, &part, NULL, &(wn__loss_out){.loss = rows_parts + first, .dlogits = parts + first * K});
    }
    wn__loss_compute(loss, &rows, pool, &(wn__loss_out){.loss = rows_threaded, .dlogits = threaded});
    CHECK(memcmp(whole, parts, sizeof whole) == 0 && memcmp(rows_whole, rows_parts, sizeof rows_whole) == 0);
    CHECK(memcmp(whole, threaded, sizeof whole) == 0 && memcmp(rows_whole, rows_threaded, sizeof rows_whole) == 0);
}

TEST(micro_batches_and_threads_do_not_change_a_bit)
{
    wn__pool *pool;
    CHECK_OK(wn__pool_new(3, &pool));
    for (int kind = WN_TARGET_CLASS; kind <= WN_TARGET_VALUES; kind++) {
        const wn_targets targets = targets_of(kind);
        for (int i = 0; wn__losses[i]; i++) {
            wn__loss loss = kinds[2];
            if (!(wn__losses[i]->targets & 1u << kind)) continue;
            loss.hard = wn__losses[i];
            check_bits(&loss, &targets, pool);
        }
    }
    wn__pool_free(pool);
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

TEST(losses_of_extreme_outputs_are_finite)
{
    static const float z[3] = {1000, -1000, 0}, y[3] = {0, 1, 1};
    double row;
    float d[3];
    const wn__loss_rows rows = {
        .n = 1, .batch = 1, .classes = 3, .logits = z, .targets = {.kind = WN_TARGET_CLASSES, .width = 3, .values = y}};
    wn__loss_compute(&kinds[0], &rows, NULL, &(wn__loss_out){.loss = &row, .dlogits = d});
    CHECK_NEAR(row, (2000 + log(2)) / 3, 1e-9, 0);
    CHECK_NEAR(d[0], 1.0 / 3, 1e-7, 0);
    CHECK_NEAR(d[1], -1.0 / 3, 1e-7, 0);
    CHECK_NEAR(d[2], -0.5 / 3, 1e-7, 0);
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
                                    RUN(cross_entropy_of_distributions_equals_pytorch),
                                    RUN(binary_cross_entropy_equals_pytorch),
                                    RUN(errors_of_values_equal_pytorch),
                                    RUN(a_teacher_of_other_targets_equals_pytorch),
                                    RUN(every_kind_of_target_but_positions_has_one_usual_loss),
                                    RUN(soft_label_settings_have_the_published_defaults),
                                    RUN(gradients_and_tangents_equal_finite_differences),
                                    RUN(micro_batches_and_threads_do_not_change_a_bit),
                                    RUN(non_finite_logits_give_non_finite_losses),
                                    RUN(losses_of_extreme_logits_are_exact),
                                    RUN(losses_of_extreme_outputs_are_finite),
                                    RUN(elementary_functions_are_within_their_errors),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
