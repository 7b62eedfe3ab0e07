/* Backend ref: values worked out by hand, rules for NaN, ties and padding, and equal bytes for any number of threads. */
#include "op_bench.h"

static void set(float *to, const float *values, int64_t count) { memcpy(to, values, (size_t)count * sizeof(float)); }
#define SET(to, ...)                                      \
    do {                                                  \
        const float values_[] = {__VA_ARGS__};            \
        set(to, values_, sizeof values_ / sizeof(float)); \
    } while (0)

static void check_values(const float *got, const float *want, int64_t count, double rtol)
{
    for (int64_t i = 0; i < count; i++)
        CHECK_NEAR(got[i], want[i], 1e-9, rtol);
}
#define CHECK_VALUES(got, ...)                                            \
    do {                                                                  \
        const float values_[] = {__VA_ARGS__};                            \
        check_values(got, values_, sizeof values_ / sizeof(float), 2e-7); \
    } while (0)

/* --- values -------------------------------------------------------------------------------------------------------------------- */

TEST(conv_matches_hand_values)
{
    op_bench *b = op_bench_new(
        (wn__op_desc){.kind = WN__OP_CONV, .n = 1, .in_c = 1, .in_h = 3, .in_w = 3, .out_c = 1, .kernel_h = 2, .bias = true}, 1);
    SET(op_bench_in(b, 0), 1, 2, 3, 4, 5, 6, 7, 8, 9);
    SET(b->a.param[0], 1, 2, 3, 4);
    SET(b->a.param[1], 0.5f);
    op_bench_forward(b);
    CHECK_VALUES(op_bench_out(b), 37.5f, 47.5f, 67.5f, 77.5f);
    op_bench_free(b);
}

TEST(conv_pads_with_zeros_and_strides)
{
    op_bench *b = op_bench_new(
        (wn__op_desc){.kind = WN__OP_CONV, .n = 1, .in_c = 1, .in_h = 4, .in_w = 3, .out_c = 1, .kernel_h = 3, .stride = 2, .pad = 1}, 1);
    SET(op_bench_in(b, 0), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    SET(b->a.param[0], 1, 1, 1, 1, 1, 1, 1, 1, 1);
    op_bench_forward(b);
    CHECK_EQ_INT(b->out_count, 4);
    CHECK_VALUES(op_bench_out(b), 4, 4, 6, 6);
    op_bench_free(b);
}

TEST(conv_groups_see_only_their_channels)
{
    op_bench *b = op_bench_new(
        (wn__op_desc){.kind = WN__OP_CONV, .n = 1, .in_c = 4, .in_h = 1, .in_w = 1, .out_c = 2, .kernel_h = 1, .groups = 2}, 1);
    SET(op_bench_in(b, 0), 1, 10, 100, 1000);
    SET(b->a.param[0], 1, 2, 3, 4);
    op_bench_forward(b);
    CHECK_VALUES(op_bench_out(b), 21, 4300);
    op_bench_free(b);
}

TEST(conv_relu_clips)
{
    op_bench *b = op_bench_new(
        (wn__op_desc){.kind = WN__OP_CONV, .n = 1, .in_c = 1, .in_h = 1, .in_w = 3, .out_c = 1, .kernel_h = 1, .relu = true}, 1);
    SET(op_bench_in(b, 0), -1, 0, 2);
    SET(b->a.param[0], 3);
    op_bench_forward(b);
    CHECK_VALUES(op_bench_out(b), 0, 0, 6);
    op_bench_free(b);
}

TEST(linear_matches_hand_values)
{
    op_bench *b = op_bench_new((wn__op_desc){.kind = WN__OP_LINEAR, .n = 2, .in_c = 1, .in_h = 1, .in_w = 2, .out_c = 2, .bias = true}, 1);
    SET(op_bench_in(b, 0), 1, 2, 3, 4);
    SET(b->a.param[0], 1, 10, 100, 1000);
    SET(b->a.param[1], 0.25f, -0.5f);
    op_bench_forward(b);
    CHECK_VALUES(op_bench_out(b), 21.25f, 2099.5f, 43.25f, 4299.5f);
    op_bench_free(b);
}

static op_bench *norm_of_four(int inputs)
{
    op_bench *b =
        op_bench_new((wn__op_desc){.kind = WN__OP_NORM, .n = 2, .in_c = 1, .in_h = 1, .in_w = 2, .inputs = inputs, .eps = 0.25f}, 1);
    SET(op_bench_in(b, 0), 2, 4, 6, 8); /* mean 5, variance 5 (unbiased 20 / 3) */
    SET(b->a.param[0], 2);
    SET(b->a.param[1], 1);
    SET(b->a.param[2], 10);
    SET(b->a.param[3], 2);
    return b;
}

TEST(norm_matches_hand_values_in_training)
{
    op_bench *b = norm_of_four(1);
    b->a.step.update_statistics = true;
    op_bench_forward(b);
    const float r = (float)(2 / sqrt(5.25));
    CHECK_VALUES(op_bench_out(b), 1 - 3 * r, 1 - r, 1 + r, 1 + 3 * r);
    CHECK_VALUES(b->a.param[2], 9.5f);
    CHECK_VALUES(b->a.param[3], 1.8f + 2.0f / 3);
    op_bench_free(b);
}

TEST(norm_leaves_running_statistics_alone_unless_told)
{
    op_bench *b = norm_of_four(1);
    op_bench_forward(b);
    CHECK_VALUES(b->a.param[2], 10);
    CHECK_VALUES(b->a.param[3], 2);
    op_bench_free(b);
}

TEST(norm_uses_running_statistics_in_evaluation)
{
    op_bench *b = norm_of_four(2);
    b->a.step.training = false;
    SET(op_bench_in(b, 1), 1, 2, 3, 4);
    op_bench_forward(b);
    const float r = 2 / 1.5f;
    CHECK_VALUES(op_bench_out(b), 1 - 8 * r + 1, 1 - 6 * r + 2, 1 - 4 * r + 3, 1 - 2 * r + 4);
    op_bench_free(b);
}

TEST(norm_of_a_single_value_keeps_the_running_variance_finite)
{
    op_bench *b = op_bench_new((wn__op_desc){.kind = WN__OP_NORM, .n = 1, .in_c = 2, .in_h = 1, .in_w = 1}, 1);
    b->a.step.update_statistics = true;
    SET(b->a.param[3], 1, 1);
    op_bench_forward(b);
    CHECK_VALUES(op_bench_out(b), b->a.param[1][0], b->a.param[1][1]);
    CHECK_VALUES(b->a.param[3], 0.9f, 0.9f);
    op_bench_free(b);
}

TEST(norm_variance_is_right_far_from_zero)
{
    for (double mean = 1000; mean <= 1e6; mean *= 1000) {
        op_bench *b = op_bench_new((wn__op_desc){.kind = WN__OP_NORM, .n = 50, .in_c = 2, .in_h = 3, .in_w = 3}, 2);
        float *in = op_bench_in(b, 0);
        double sum[2] = {0}, squares[2] = {0};
        const double count = 50 * 9;
        for (int64_t i = 0; i < b->in_count; i++) {
            in[i] = (float)(mean + wn__rng_normal(&b->rng));
            sum[i / 9 % 2] += in[i] - mean;
        }
        for (int64_t i = 0; i < b->in_count; i++)
            squares[i / 9 % 2] += pow(in[i] - mean - sum[i / 9 % 2] / count, 2);
        op_bench_forward(b);
        const double *saved = b->a.saved;
        for (int c = 0; c < 2; c++) {
            CHECK_NEAR(squares[c] / count, 1, 0.15, 0);
            CHECK_NEAR(saved[c], mean + sum[c] / count, 0, 1e-14);
            CHECK_NEAR(saved[2 + c], 1 / sqrt(squares[c] / count + b->d.eps), 0, 1e-11);
        }
        op_bench_free(b);
    }
}

TEST(add_matches_hand_values)
{
    op_bench *b = op_bench_new((wn__op_desc){.kind = WN__OP_ADD, .n = 1, .in_c = 1, .in_h = 1, .in_w = 4, .inputs = 2, .relu = true}, 1);
    SET(op_bench_in(b, 0), 1, -2, 3, -0.0f);
    SET(op_bench_in(b, 1), 1, 1, -1, -0.0f);
    op_bench_forward(b);
    CHECK_VALUES(op_bench_out(b), 2, 0, 2, 0);
    CHECK(!signbit(op_bench_out(b)[3]));
    op_bench_free(b);
}

TEST(bounded_relu_cuts_and_stops_gradients_at_both_bounds)
{
    op_bench *b = op_bench_new((wn__op_desc){.kind = WN__OP_ADD, .n = 1, .in_c = 1, .in_h = 1, .in_w = 5, .relu = true, .relu_most = 6}, 1);
    SET(op_bench_in(b, 0), -1, 5, 6, 7, INFINITY);
    SET(b->gradient, 1, 2, 3, 4, 5);
    op_bench_forward(b);
    op_bench_backward(b);
    CHECK_VALUES(op_bench_out(b), 0, 5, 6, 6, 6);
    CHECK_VALUES((float *)b->a.din[0], 0, 2, 0, 0, 0);
    op_bench_free(b);
}

TEST(max_pool_first_maximum_wins)
{
    op_bench *b =
        op_bench_new((wn__op_desc){.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 1, .in_h = 2, .in_w = 4, .kernel_h = 2, .stride = 2}, 1);
    SET(op_bench_in(b, 0), 1, 5, -3, -3, 5, 5, -3, -3);
    SET(b->gradient, 10, 20);
    op_bench_forward(b);
    op_bench_backward(b);
    CHECK_VALUES(op_bench_out(b), 5, -3);
    CHECK_VALUES((float *)b->a.din[0], 0, 10, 20, 0, 0, 0, 0, 0);
    op_bench_free(b);
}

TEST(max_pool_padding_never_wins)
{
    op_bench *b = op_bench_new(
        (wn__op_desc){.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 2, .in_h = 2, .in_w = 2, .kernel_h = 3, .stride = 2, .pad = 1}, 1);
    SET(op_bench_in(b, 0), -4, -3, -2, -1, -INFINITY, -INFINITY, -INFINITY, -INFINITY);
    SET(b->gradient, 3, 7);
    op_bench_forward(b);
    op_bench_backward(b);
    CHECK_VALUES(op_bench_out(b), -1);
    CHECK(op_bench_out(b)[1] == -INFINITY);
    CHECK_VALUES((float *)b->a.din[0], 0, 0, 0, 3, 7, 0, 0, 0);
    op_bench_free(b);
}

TEST(max_pool_infers_without_saved_places)
{
    op_bench *b =
        op_bench_new((wn__op_desc){.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 1, .in_h = 1, .in_w = 2, .kernel_h = 1, .kernel_w = 2}, 1);
    void *saved = b->a.saved;
    b->a.saved = NULL;
    SET(op_bench_in(b, 0), 1, 2);
    op_bench_run(b, WN__FORWARD);
    CHECK_VALUES(op_bench_out(b), 2);
    b->a.saved = saved;
    op_bench_free(b);
}

TEST(avg_pool_does_not_count_padding)
{
    op_bench *b = op_bench_new(
        (wn__op_desc){.kind = WN__OP_AVG_POOL, .n = 1, .in_c = 1, .in_h = 3, .in_w = 3, .kernel_h = 3, .stride = 2, .pad = 1}, 1);
    SET(op_bench_in(b, 0), 1, 2, 3, 4, 5, 6, 7, 8, 9);
    SET(b->gradient, 4, 8, 12, 16);
    op_bench_forward(b);
    op_bench_backward(b);
    CHECK_VALUES(op_bench_out(b), 3, 4, 6, 7);
    CHECK_VALUES((float *)b->a.din[0], 1, 3, 2, 4, 10, 6, 3, 7, 4);
    op_bench_free(b);
}

TEST(dropout_keeps_what_its_stream_says)
{
    op_bench *b = op_bench_new((wn__op_desc){.kind = WN__OP_DROPOUT, .n = 37, .in_c = 3, .in_h = 5, .in_w = 1, .rate = 0.3f, .node = 6}, 2);
    op_bench_forward(b);
    wn__rng r = wn__rng_make(b->a.step.seed, WN__FOR_DROPOUT, (uint64_t)b->a.step.step, 6);
    int64_t kept = 0;
    for (int64_t i = 0; i < b->in_count; i++) {
        const bool keep = wn__rng_uniform(&r) >= 0.3f;
        CHECK(op_bench_out(b)[i] == (keep ? op_bench_in(b, 0)[i] * (1 / (1 - 0.3f)) : 0));
        kept += keep;
    }
    CHECK_NEAR((double)kept / (double)b->in_count, 0.7, 0.08, 0);
    float *before = op_bench_floats(b->out_count);
    memcpy(before, b->a.out, (size_t)b->out_count * sizeof(float));
    b->a.step.step++;
    op_bench_forward(b);
    CHECK(memcmp(before, b->a.out, (size_t)b->out_count * sizeof(float)) != 0);
    b->a.step.training = false;
    op_bench_forward(b);
    CHECK(memcmp(b->a.in[0], b->a.out, (size_t)b->out_count * sizeof(float)) == 0);
    wn__free(before);
    op_bench_free(b);
}

/* --- NaN ----------------------------------------------------------------------------------------------------------------------- */

/* A NaN at in[at] must reach out[reach], and the gradient must pass there. */
static void check_nan(wn__op_desc d, int64_t at, int64_t reach)
{
    op_bench *b = op_bench_new(d, 1);
    op_bench_in(b, 0)[at] = NAN;
    op_bench_forward(b);
    CHECK(isnan(op_bench_out(b)[reach]));
    op_bench_backward(b);
    CHECK(((float *)b->a.dout[0])[reach] == b->gradient[reach]);
    op_bench_free(b);
}

TEST(nan_propagates)
{
    check_nan(
        (wn__op_desc){.kind = WN__OP_CONV, .n = 2, .in_c = 2, .in_h = 4, .in_w = 4, .out_c = 3, .kernel_h = 3, .pad = 1, .relu = true}, 15,
        47);
    check_nan((wn__op_desc){.kind = WN__OP_LINEAR, .n = 2, .in_c = 5, .in_h = 1, .in_w = 1, .out_c = 3, .relu = true}, 4, 2);
    check_nan((wn__op_desc){.kind = WN__OP_NORM, .n = 20, .in_c = 2, .in_h = 2, .in_w = 2, .relu = true}, 0, 19 * 8 + 3);
    check_nan((wn__op_desc){.kind = WN__OP_ADD, .n = 1, .in_c = 1, .in_h = 1, .in_w = 2, .inputs = 2, .relu = true}, 1, 1);
    check_nan((wn__op_desc){.kind = WN__OP_ADD, .n = 1, .in_c = 1, .in_h = 1, .in_w = 2, .relu = true}, 1, 1);
    check_nan((wn__op_desc){.kind = WN__OP_AVG_POOL, .n = 1, .in_c = 1, .in_h = 2, .in_w = 2, .kernel_h = 2}, 3, 0);
    for (int at = 0; at < 4; at++)
        check_nan((wn__op_desc){.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 1, .in_h = 2, .in_w = 2, .kernel_h = 2}, at, 0);
}

TEST(max_pool_gives_the_gradient_to_the_first_nan)
{
    op_bench *b =
        op_bench_new((wn__op_desc){.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 1, .in_h = 1, .in_w = 4, .kernel_h = 1, .kernel_w = 4}, 1);
    SET(op_bench_in(b, 0), 5, NAN, 7, NAN);
    SET(b->gradient, 2);
    op_bench_forward(b);
    op_bench_backward(b);
    CHECK_VALUES((float *)b->a.din[0], 0, 2, 0, 0);
    op_bench_free(b);
}

/* --- gradients and buffers ----------------------------------------------------------------------------------------------------- */

TEST(two_gradients_add_before_the_relu_masks_them)
{
    op_bench *b = op_bench_new((wn__op_desc){.kind = WN__OP_ADD, .n = 1, .in_c = 1, .in_h = 1, .in_w = 3, .inputs = 2, .relu = true}, 1);
    SET(op_bench_in(b, 0), 1, -5, 3);
    SET(op_bench_in(b, 1), 1, 1, -1);
    SET(b->gradient, 1, 2, 3);
    b->a.dout[1] = op_bench_floats(3);
    SET((float *)b->a.dout[1], 10, 20, 30);
    op_bench_forward(b);
    op_bench_backward(b);
    CHECK_VALUES((float *)b->a.din[0], 11, 0, 33);
    CHECK_VALUES((float *)b->a.din[1], 11, 0, 33);
    op_bench_free(b);
}

static wn__op_desc residual_norm(void)
{
    return (wn__op_desc){.kind = WN__OP_NORM, .n = 18, .in_c = 2, .in_h = 2, .in_w = 2, .inputs = 2, .relu = true};
}

TEST(input_gradients_may_take_the_place_of_the_outputs)
{
    wn__op_desc d = residual_norm();
    for (int inputs = 1; inputs <= 2; inputs++) {
        d.inputs = inputs;
        op_bench *apart = op_bench_new(d, 1), *shared = op_bench_new(d, 1);
        op_bench_forward(apart);
        op_bench_backward(apart);
        void *const own = shared->a.din[inputs - 1];
        shared->a.din[inputs - 1] = shared->a.dout[0];
        op_bench_forward(shared);
        op_bench_backward(shared);
        for (int i = 0; i < inputs; i++)
            CHECK(memcmp(apart->a.din[i], shared->a.din[i], (size_t)apart->in_count * sizeof(float)) == 0);
        shared->a.din[inputs - 1] = own;
        op_bench_free(apart);
        op_bench_free(shared);
    }
}

static void check_accumulates(wn__op_desc d)
{
    op_bench *b = op_bench_new(d, 1);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < b->param_count[k]; i++)
            b->a.dparam[k][i] = b->a.t_dparam[k][i] = 100;
    op_bench_tangents(b); /* overwrites */
    float *once[2] = {op_bench_floats(b->param_count[0]), op_bench_floats(b->param_count[1])};
    float *t_once[2] = {op_bench_floats(b->param_count[0]), op_bench_floats(b->param_count[1])};
    for (int k = 0; k < 2; k++) {
        set(once[k], b->a.dparam[k], b->param_count[k]);
        set(t_once[k], b->a.t_dparam[k], b->param_count[k]);
    }
    b->a.accumulate = true;
    op_bench_tangents(b);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < b->param_count[k]; i++) {
            CHECK(b->a.dparam[k][i] == 2 * once[k][i]);
            CHECK(b->a.t_dparam[k][i] == 2 * t_once[k][i]);
        }
    for (int k = 0; k < 2; k++) {
        wn__free(once[k]);
        wn__free(t_once[k]);
    }
    op_bench_free(b);
}

TEST(parameter_gradients_overwrite_or_accumulate)
{
    /* One chunk, so that doubling is exact. */
    check_accumulates((wn__op_desc){.kind = WN__OP_CONV, .n = 5, .in_c = 2, .in_h = 3, .in_w = 3, .out_c = 2, .kernel_h = 2, .bias = true});
    check_accumulates((wn__op_desc){.kind = WN__OP_LINEAR, .n = 5, .in_c = 3, .in_h = 1, .in_w = 1, .out_c = 2, .bias = true});
    check_accumulates((wn__op_desc){.kind = WN__OP_NORM, .n = 5, .in_c = 2, .in_h = 3, .in_w = 3});
}

TEST(unwanted_gradients_are_not_written)
{
    op_bench *b = op_bench_new(residual_norm(), 1);
    void *const din = b->a.din[0], *const t_din = b->a.t_din[0];
    b->a.din[0] = b->a.t_din[0] = NULL;
    float *const dscale = b->a.dparam[0];
    b->a.dparam[0] = NULL;
    op_bench_tangents(b);
    CHECK_NEAR(((float *)din)[0], 0, 0, 0);
    CHECK_NEAR(((float *)t_din)[0], 0, 0, 0);
    CHECK_NEAR(dscale[0], 0, 0, 0);
    CHECK(b->a.dparam[1][0] != 0);
    b->a.din[0] = din;
    b->a.t_din[0] = t_din;
    b->a.dparam[0] = dscale;
    op_bench_free(b);
}

/* --- threads ------------------------------------------------------------------------------------------------------------------- */

static void check_same(const void *a, const void *b, int64_t floats)
{
    if (a) CHECK(memcmp(a, b, (size_t)floats * sizeof(float)) == 0);
}

static void check_threads(wn__op_desc d)
{
    op_bench *one = op_bench_new(d, 1);
    op_bench_tangents(one);
    for (int threads = 2; threads <= 3; threads++) {
        op_bench *many = op_bench_new(d, threads);
        op_bench_tangents(many);
        check_same(one->a.out, many->a.out, one->out_count);
        check_same(one->a.t_out, many->a.t_out, one->out_count);
        for (int i = 0; i < 2; i++) {
            check_same(one->a.din[i], many->a.din[i], one->in_count);
            check_same(one->a.t_din[i], many->a.t_din[i], one->in_count);
            check_same(one->a.dparam[i], many->a.dparam[i], one->param_count[i]);
            check_same(one->a.t_dparam[i], many->a.t_dparam[i], one->param_count[i]);
        }
        op_bench_free(many);
    }
    op_bench_free(one);
}

TEST(threads_do_not_change_a_byte)
{
    check_threads((wn__op_desc){
        .kind = WN__OP_CONV, .n = 70, .in_c = 4, .in_h = 6, .in_w = 6, .out_c = 4, .kernel_h = 3, .pad = 1, .bias = true, .relu = true});
    check_threads((wn__op_desc){.kind = WN__OP_LINEAR, .n = 70, .in_c = 90, .in_h = 1, .in_w = 1, .out_c = 60, .bias = true});
    check_threads((wn__op_desc){.kind = WN__OP_NORM, .n = 70, .in_c = 4, .in_h = 6, .in_w = 6, .inputs = 2, .relu = true});
    check_threads((wn__op_desc){.kind = WN__OP_ADD, .n = 70, .in_c = 4, .in_h = 6, .in_w = 6, .inputs = 2, .relu = true});
    check_threads((wn__op_desc){.kind = WN__OP_MAX_POOL, .n = 70, .in_c = 4, .in_h = 6, .in_w = 6, .kernel_h = 3, .stride = 2});
    check_threads((wn__op_desc){.kind = WN__OP_AVG_POOL, .n = 70, .in_c = 4, .in_h = 6, .in_w = 6, .kernel_h = 3, .stride = 2});
    check_threads((wn__op_desc){.kind = WN__OP_DROPOUT, .n = 70, .in_c = 4, .in_h = 6, .in_w = 6, .rate = 0.5f});
}

/* --- device and checks --------------------------------------------------------------------------------------------------------- */

static wn__device *open_ref(void)
{
    const wn__backend *ref = wn__backend_find("ref");
    wn__device *device;
    CHECK(ref != NULL);
    CHECK_OK(ref->open(ref, &(wn__device_options){.dtype = WN__F32}, &device));
    return device;
}

static void check_refused(wn__op_desc d, const char *says)
{
    wn__device *device = open_ref();
    wn__op *op = NULL;
    CHECK_STATUS(device->prepare(device, &d, &op), WN_EINVAL);
    CHECK(op == NULL);
    CHECK_HAS_TEXT(wn_error_message(), says);
    device->close(device);
}

TEST(wrong_descriptions_are_refused)
{
    const wn__op_desc conv = {.kind = WN__OP_CONV,
                              .n = 1,
                              .in_c = 4,
                              .in_h = 5,
                              .in_w = 5,
                              .out_c = 6,
                              .out_h = 3,
                              .out_w = 3,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .stride = 1,
                              .groups = 1,
                              .inputs = 1};
    wn__op_desc d = conv;
    d.groups = 4;
    check_refused(d, "4 groups must divide 4 input and 6 output channels");
    d = conv;
    d.out_w = 4;
    check_refused(d, "output is 3x4, must be 3x3");
    d = conv;
    d.kernel_h = 6;
    check_refused(d, "kernel 6x3 does not fit into 5x5");
    d = conv;
    d.stride = 0;
    check_refused(d, "stride 0");
    d = conv;
    d.inputs = 2;
    check_refused(d, "2 inputs, must be 1");
    d = conv;
    d.n = INT64_MAX / 100;
    check_refused(d, "fit into memory");
    d = conv;
    d.kind = (wn__op_kind)99;
    check_refused(d, "no operation of kind 99");
    d = conv;
    d.kind = WN__OP_LINEAR;
    check_refused(d, "must be (outputs,1,1)");
    d.kind = WN__OP_MAX_POOL;
    check_refused(d, "6 output channels, must be 4");
    d.out_c = 4;
    d.relu = true;
    check_refused(d, "no fused relu");
    d.relu = false;
    d.pad = 3;
    d.out_h = d.out_w = 9;
    check_refused(d, "pad 3 must be smaller than the kernel");
    d.kind = WN__OP_ADD;
    check_refused(d, "not of the input's shape");
    d.kind = WN__OP_NORM;
    check_refused(d, "eps 0, must be > 0");
    d.kind = WN__OP_DROPOUT;
    d.rate = 1;
    check_refused(d, "rate 1, must be at least 0 and below 1");
}

TEST(device_refuses_bfloat16)
{
    const wn__backend *ref = wn__backend_find("ref");
    wn__device *device;
    CHECK_STATUS(ref->open(ref, &(wn__device_options){.dtype = WN__BF16}, &device), WN_EUNSUPPORTED);
}

TEST(device_reports_missing_memory)
{
    const wn__backend *ref = wn__backend_find("ref");
    const wn__op_desc d = {.kind = WN__OP_ADD, .n = 1, .in_c = 1, .in_h = 1, .in_w = 1, .out_c = 1, .out_h = 1, .out_w = 1, .inputs = 1};
    wn__device *device;
    wn__op *op;
    wn__alloc_fail_at(1);
    CHECK_STATUS(ref->open(ref, &(wn__device_options){.dtype = WN__F32}, &device), WN_ENOMEM);
    device = open_ref();
    wn__alloc_fail_at(1);
    CHECK_STATUS(device->prepare(device, &d, &op), WN_ENOMEM);
    device->close(device);
}

TEST(images_come_back_as_they_went)
{
    wn__device *device = open_ref();
    const float images[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    float activation[12], back[12];
    CHECK_EQ_INT(device->activation_bytes(device, &(wn__shape){2, 3, 1, 2, 0}), sizeof activation);
    CHECK_OK(device->upload(device, images, &(wn__shape){2, 3, 1, 2, 0}, activation));
    CHECK_OK(device->download(device, activation, &(wn__shape){2, 3, 1, 2, 0}, back));
    CHECK(memcmp(images, back, sizeof images) == 0);
    device->close(device);
}

TEST(backends_are_found_by_name)
{
    for (const wn__backend *const *b = wn__backends; *b; b++)
        CHECK(wn__backend_find((*b)->name) == *b);
    CHECK_EQ_TEXT(wn__backend_find("ref")->name, "ref");
    CHECK(wn__backend_find("refx") == NULL);
}

/* --- sums over chunks ---------------------------------------------------------------------------------------------------------- */

TEST(reduce_adds_in_chunk_order)
{
    const double partials[] = {1, 10, -1, 0x1p60, 20, -1, -0x1p60, 30, -1};
    double sums[2];
    wn__reduce_sums(partials, 3, 3, 2, sums);
    CHECK(sums[0] == 0 && sums[1] == 60); /* 1 is lost: (1 + 2^60) - 2^60 */
}

TEST(reduce_of_floats_covers_every_index)
{
    enum { LENGTH = 10001, CHUNKS = 5, STRIDE = LENGTH + 7 };
    float *partials = op_bench_floats(CHUNKS * STRIDE), *sums = op_bench_floats(LENGTH);
    wn__pool *pool;
    CHECK_OK(wn__pool_new(3, &pool));
    for (int64_t i = 0; i < CHUNKS * STRIDE; i++)
        partials[i] = (float)(i % STRIDE + i / STRIDE);
    wn__reduce_sums_f32(pool, partials, CHUNKS, STRIDE, LENGTH, sums, false);
    for (int64_t i = 0; i < LENGTH; i++)
        CHECK(sums[i] == (float)(5 * i + 10));
    wn__reduce_sums_f32(pool, partials, CHUNKS, STRIDE, LENGTH, sums, true);
    for (int64_t i = 0; i < LENGTH; i++)
        CHECK(sums[i] == (float)(10 * i + 20));
    wn__pool_free(pool);
    wn__free(partials);
    wn__free(sums);
}

TEST(reduce_of_moments_equals_one_pass_over_all)
{
    /* {1000, 1002}, nothing, {1004}: mean 1002, squares 8. */
    const wn__moments partials[] = {{2, 1001, 2}, {0, 0, 0}, {1, 1004, 0}};
    wn__moments all;
    wn__reduce_moments(partials, 3, 1, &all);
    CHECK_NEAR(all.count, 3, 0, 0);
    CHECK_NEAR(all.mean, 1002, 0, 1e-15);
    CHECK_NEAR(all.m2, 8, 0, 1e-14);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(conv_matches_hand_values),
        RUN(conv_pads_with_zeros_and_strides),
        RUN(conv_groups_see_only_their_channels),
        RUN(conv_relu_clips),
        RUN(linear_matches_hand_values),
        RUN(norm_matches_hand_values_in_training),
        RUN(norm_leaves_running_statistics_alone_unless_told),
        RUN(norm_uses_running_statistics_in_evaluation),
        RUN(norm_of_a_single_value_keeps_the_running_variance_finite),
        RUN(norm_variance_is_right_far_from_zero),
        RUN(add_matches_hand_values),
        RUN(bounded_relu_cuts_and_stops_gradients_at_both_bounds),
        RUN(max_pool_first_maximum_wins),
        RUN(max_pool_padding_never_wins),
        RUN(max_pool_infers_without_saved_places),
        RUN(avg_pool_does_not_count_padding),
        RUN(dropout_keeps_what_its_stream_says),
        RUN(nan_propagates),
        RUN(max_pool_gives_the_gradient_to_the_first_nan),
        RUN(two_gradients_add_before_the_relu_masks_them),
        RUN(input_gradients_may_take_the_place_of_the_outputs),
        RUN(parameter_gradients_overwrite_or_accumulate),
        RUN(unwanted_gradients_are_not_written),
        RUN(threads_do_not_change_a_byte),
        RUN(wrong_descriptions_are_refused),
        RUN(device_refuses_bfloat16),
        RUN(device_reports_missing_memory),
        RUN(images_come_back_as_they_went),
        RUN(backends_are_found_by_name),
        RUN(reduce_adds_in_chunk_order),
        RUN(reduce_of_floats_covers_every_index),
        RUN(reduce_of_moments_equals_one_pass_over_all),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
