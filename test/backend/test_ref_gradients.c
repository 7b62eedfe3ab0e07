/* Every operation of backend ref: gradients against finite differences of the outputs, tangents against finite differences of
 * outputs and gradients along the same direction. */
#include "op_bench.h"

/* Fourth-order central difference: weights of f(x - 2h), f(x - h), f(x + h), f(x + 2h), divided by h. */
enum { POINTS = 4 };
static const double offset[POINTS] = {-2, -1, 1, 2};
static const double weight[POINTS] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
#define STEP 0x1p-6 /* a power of two, so that x + STEP * direction loses little in float */

typedef struct trial {
    op_bench *b;
    float *out[POINTS];
    void *saved;  /* winners of a max pool at the middle */
    bool *kinked; /* (out_count): some point lies beyond a kink, seen from the middle */
} trial;

static void trial_open(trial *t, wn__op_desc d, bool training)
{
    t->b = op_bench_new(d, 1);
    t->b->a.step.training = training;
    for (int p = 0; p < POINTS; p++)
        t->out[p] = op_bench_floats(t->b->out_count);
    t->saved = wn__alloc(t->b->op->saved_bytes);
    t->kinked = WN_NEW_ARRAY(bool, t->b->out_count);
    CHECK(t->saved && t->kinked);
}

static void trial_close(trial *t)
{
    for (int p = 0; p < POINTS; p++)
        wn__free(t->out[p]);
    wn__free(t->saved);
    wn__free(t->kinked);
    op_bench_free(t->b);
}

/* The function has a kink where a ReLU switches or another place wins a maximum. */
static void mark_kinks(trial *t, const float *middle)
{
    const op_bench *b = t->b;
    const float *out = b->a.out;
    for (int64_t i = 0; i < b->out_count; i++) {
        const float most = b->d.relu_most;
        if (b->d.relu && (out[i] > 0) != (middle[i] > 0)) t->kinked[i] = true;
        if (most > 0 && (out[i] < most) != (middle[i] < most)) t->kinked[i] = true;
        if (b->d.kind == WN__OP_MAX_POOL && ((int32_t *)b->a.saved)[i] != ((int32_t *)t->saved)[i]) t->kinked[i] = true;
    }
}

static void keep_middle(trial *t, float *middle)
{
    op_bench_forward(t->b);
    memcpy(middle, t->b->a.out, (size_t)t->b->out_count * sizeof(float));
    memcpy(t->saved, t->b->a.saved, t->b->op->saved_bytes);
    memset(t->kinked, 0, (size_t)t->b->out_count * sizeof(bool));
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* d loss / d x[at] where loss = sum gradient * out; outputs beyond a kink are taken out of the loss on both sides. */
static void check_entry(trial *t, float *x, int64_t at, const float *analytic, double scale)
{
    op_bench *b = t->b;
    const float start = x[at];
    float *middle = op_bench_floats(b->out_count), *all = op_bench_floats(b->out_count);
    double numeric = 0;
    keep_middle(t, middle);
    for (int p = 0; p < POINTS; p++) {
        x[at] = (float)(start + offset[p] * STEP);
        op_bench_forward(b);
        mark_kinks(t, middle);
        memcpy(t->out[p], b->a.out, (size_t)b->out_count * sizeof(float));
    }
    x[at] = start;
    memcpy(all, b->gradient, (size_t)b->out_count * sizeof(float));
    for (int64_t i = 0; i < b->out_count; i++)
        if (t->kinked[i]) b->gradient[i] = 0;
    for (int p = 0; p < POINTS; p++)
        numeric += weight[p] / STEP * dot(t->out[p], b->gradient, b->out_count);
    op_bench_forward(b);
    op_bench_backward(b);
    CHECK_NEAR(analytic[at], numeric, 2e-5 * scale, 2e-4);
    memcpy(b->gradient, all, (size_t)b->out_count * sizeof(float));
    wn__free(middle);
    wn__free(all);
}

/* Up to 20 entries, spread over the tensor. */
static void check_tensor(trial *t, float *x, const float *analytic, int64_t count)
{
    double scale = 1;
    for (int64_t i = 0; i < t->b->out_count; i++) /* rounding errors grow with what is summed */
        scale = fmax(scale, fabsf(op_bench_out(t->b)[i]) * sqrt((double)t->b->out_count));
    const int64_t stride = count / 20 + 1;
    for (int64_t i = 0; i < count; i += stride)
        check_entry(t, x, i, analytic, scale);
}

static void check_gradients(wn__op_desc d, bool training)
{
    trial t;
    trial_open(&t, d, training);
    op_bench *b = t.b;
    op_bench_forward(b);
    for (int i = 0; i < b->d.inputs; i++)
        check_tensor(&t, op_bench_in(b, i), b->a.din[i], b->in_count);
    for (int k = 0; k < 2; k++)
        if (b->param_count[k]) check_tensor(&t, b->a.param[k], b->a.dparam[k], b->param_count[k]);
    trial_close(&t);
}

/* --- tangents ------------------------------------------------------------------------------------------------------------------ */

enum { VARIABLES = 5, RESULTS = 5 };
typedef struct along {
    float *x, *start; /* value, and its copy */
    const float *tangent;
    int64_t count;
} along;
typedef struct result {
    const float *value, *tangent;
    double *numeric; /* (count) */
    int64_t count;
} result;

static along make_variable(float *x, const float *tangent, int64_t count)
{
    along v = {x, op_bench_floats(count), tangent, count};
    if (x) memcpy(v.start, x, (size_t)count * sizeof(float));
    return v;
}

static void list_variables(op_bench *b, along v[VARIABLES])
{
    v[0] = make_variable(op_bench_in(b, 0), b->a.t_in[0], b->a.t_in[0] ? b->in_count : 0);
    v[1] = make_variable(op_bench_in(b, 1), b->a.t_in[1], b->d.inputs == 2 && b->a.t_in[1] ? b->in_count : 0);
    v[2] = make_variable(b->a.param[0], b->a.t_param[0], b->param_count[0]);
    v[3] = make_variable(b->a.param[1], b->a.t_param[1], b->param_count[1]);
    v[4] = make_variable(b->gradient, b->t_gradient, b->out_count);
}

static result make_result(const float *value, const float *tangent, int64_t count)
{
    result r = {value, tangent, WN_NEW_ARRAY(double, count + 1), count};
    CHECK(r.numeric != NULL);
    return r;
}

static void list_results(op_bench *b, result r[RESULTS])
{
    r[0] = make_result(b->a.out, b->a.t_out, b->out_count);
    r[1] = make_result(b->a.din[0], b->a.t_din[0], b->in_count);
    r[2] = make_result(b->a.din[1], b->a.t_din[1], b->d.inputs == 2 ? b->in_count : 0);
    r[3] = make_result(b->a.dparam[0], b->a.t_dparam[0], b->param_count[0]);
    r[4] = make_result(b->a.dparam[1], b->a.t_dparam[1], b->param_count[1]);
}

static void move_to(along v[VARIABLES], double by)
{
    for (int k = 0; k < VARIABLES; k++)
        for (int64_t i = 0; i < v[k].count; i++)
            v[k].x[i] = (float)(v[k].start[i] + by * v[k].tangent[i]);
}

/* Take outputs that meet a kink out of the loss: their gradient is zero all along. */
static void find_kinks(trial *t, along v[VARIABLES])
{
    op_bench *b = t->b;
    float *middle = op_bench_floats(b->out_count);
    keep_middle(t, middle);
    for (int p = 0; p < POINTS; p++) {
        move_to(v, offset[p] * STEP);
        op_bench_forward(b);
        mark_kinks(t, middle);
    }
    for (int64_t i = 0; i < b->out_count; i++)
        if (t->kinked[i]) v[4].start[i] = b->t_gradient[i] = 0;
    wn__free(middle);
}

static void check_tangents_of(trial *t)
{
    op_bench *b = t->b;
    along v[VARIABLES];
    result r[RESULTS];
    list_variables(b, v);
    list_results(b, r);
    find_kinks(t, v);
    for (int p = 0; p < POINTS; p++) {
        move_to(v, offset[p] * STEP);
        op_bench_forward(b);
        op_bench_backward(b);
        for (int k = 0; k < RESULTS; k++)
            for (int64_t i = 0; i < r[k].count; i++)
                r[k].numeric[i] += weight[p] / STEP * r[k].value[i];
    }
    move_to(v, 0);
    op_bench_tangents(b);
    for (int k = 0; k < RESULTS; k++) {
        double scale = 1;
        for (int64_t i = 0; i < r[k].count; i++)
            scale = fmax(scale, fabsf(r[k].value[i]));
        for (int64_t i = 0; i < r[k].count; i++)
            if (k > 0 || !t->kinked[i]) CHECK_NEAR(r[k].tangent[i], r[k].numeric[i], 3e-5 * scale, 2e-4);
        wn__free(r[k].numeric);
    }
    for (int k = 0; k < VARIABLES; k++)
        wn__free(v[k].start);
}

static void check_tangents(wn__op_desc d, bool training)
{
    trial t;
    trial_open(&t, d, training);
    check_tangents_of(&t);
    trial_close(&t);
}

/* The images have no tangent. */
static void check_tangents_without_input(wn__op_desc d, bool training)
{
    trial t;
    trial_open(&t, d, training);
    const void *owned[2] = {t.b->a.t_in[0], t.b->a.t_in[1]};
    t.b->a.t_in[0] = t.b->a.t_in[1] = NULL;
    check_tangents_of(&t);
    t.b->a.t_in[0] = owned[0];
    t.b->a.t_in[1] = owned[1];
    trial_close(&t);
}

/* --- cases --------------------------------------------------------------------------------------------------------------------- */

static const wn__op_desc convs[] = {
    {.n = 3, .in_c = 2, .in_h = 5, .in_w = 4, .out_c = 3, .kernel_h = 3, .pad = 1},
    {.n = 17, .in_c = 2, .in_h = 3, .in_w = 3, .out_c = 2, .kernel_h = 3, .pad = 1, .relu = true, .bias = true},
    {.n = 2, .in_c = 2, .in_h = 7, .in_w = 6, .out_c = 2, .kernel_h = 3, .stride = 2, .pad = 1, .bias = true},
    {.n = 2, .in_c = 4, .in_h = 6, .in_w = 5, .out_c = 6, .kernel_h = 3, .pad = 1, .groups = 2, .relu = true},
    {.n = 2, .in_c = 3, .in_h = 5, .in_w = 5, .out_c = 3, .kernel_h = 3, .stride = 2, .groups = 3, .pad = 1}, /* depthwise */
    {.n = 2, .in_c = 2, .in_h = 5, .in_w = 5, .out_c = 4, .kernel_h = 3, .groups = 2},                        /* two outputs a channel */
    {.n = 2, .in_c = 3, .in_h = 1, .in_w = 1, .out_c = 2, .kernel_h = 3, .pad = 1, .relu = true}, /* pixels meet the middle only */
    {.n = 33, .in_c = 2, .in_h = 1, .in_w = 1, .out_c = 3, .kernel_h = 1, .bias = true},
    {.n = 2, .in_c = 2, .in_h = 5, .in_w = 6, .out_c = 3, .kernel_h = 1, .stride = 2, .relu = true, .bias = true},
    {.n = 2, .in_c = 2, .in_h = 6, .in_w = 5, .out_c = 2, .kernel_h = 2, .kernel_w = 3, .stride = 3, .pad = 1},
    {.n = 3, .in_c = 2, .in_h = 4, .in_w = 4, .out_c = 3, .kernel_h = 3, .pad = 1, .relu = true, .relu_most = 0.4f},
    {.n = 1, .in_c = 1, .in_h = 4, .in_w = 3, .out_c = 2, .kernel_h = 5, .pad = 4}, /* windows wholly in the padding */
};

static const wn__op_desc linears[] = {
    {.n = 3, .in_c = 7, .in_h = 1, .in_w = 1, .out_c = 4},
    {.n = 18, .in_c = 2, .in_h = 3, .in_w = 2, .out_c = 5, .bias = true},
    {.n = 5, .in_c = 6, .in_h = 1, .in_w = 1, .out_c = 5, .bias = true, .relu = true},
    {.n = 5, .in_c = 6, .in_h = 1, .in_w = 1, .out_c = 5, .bias = true, .relu = true, .relu_most = 0.4f},
};
static const wn__op_desc norms[] = {
    {.n = 4, .in_c = 3, .in_h = 3, .in_w = 2},
    {.n = 18, .in_c = 2, .in_h = 2, .in_w = 1, .relu = true},
    {.n = 5, .in_c = 2, .in_h = 2, .in_w = 3, .inputs = 2},
    {.n = 17, .in_c = 2, .in_h = 1, .in_w = 2, .inputs = 2, .relu = true},
    {.n = 17, .in_c = 2, .in_h = 2, .in_w = 2, .inputs = 2, .relu = true, .relu_most = 0.7f},
    {.n = 9, .in_c = 3, .in_h = 2, .in_w = 1, .relu = true, .relu_most = 0.7f},
    {.n = 9, .in_c = 3, .in_h = 1, .in_w = 1},
    {.n = 1, .in_c = 2, .in_h = 3, .in_w = 3, .relu = true},
};
static const wn__op_desc adds[] = {
    {.n = 17, .in_c = 2, .in_h = 2, .in_w = 2, .inputs = 2},
    {.n = 2, .in_c = 3, .in_h = 3, .in_w = 2, .inputs = 2, .relu = true},
    {.n = 2, .in_c = 3, .in_h = 3, .in_w = 2, .inputs = 1, .relu = true},
    {.n = 2, .in_c = 3, .in_h = 3, .in_w = 2, .inputs = 2, .relu = true, .relu_most = 0.7f},
};
static const wn__op_desc pools[] = {
    {.n = 2, .in_c = 2, .in_h = 4, .in_w = 6, .kernel_h = 2, .stride = 2},
    {.n = 17, .in_c = 1, .in_h = 5, .in_w = 4, .kernel_h = 3, .stride = 2, .pad = 1}, /* overlapping, cut by the border */
    {.n = 1, .in_c = 2, .in_h = 7, .in_w = 7, .kernel_h = 2, .stride = 3},            /* pixels that no window sees */
    {.n = 2, .in_c = 3, .in_h = 5, .in_w = 3, .kernel_h = 5, .kernel_w = 3},          /* global */
    {.n = 2, .in_c = 3, .in_h = 1, .in_w = 1, .kernel_h = 2, .pad = 1},
};
static const wn__op_desc dropouts[] = {
    {.n = 19, .in_c = 3, .in_h = 1, .in_w = 1, .rate = 0.5f, .node = 4},
    {.n = 2, .in_c = 3, .in_h = 3, .in_w = 3, .rate = 0.25f},
};

#define EACH_OF(list) (list), (int)(sizeof(list) / sizeof *(list))

static void check_each(wn__op_kind kind, const wn__op_desc *list, int count, bool training, void (*check)(wn__op_desc d, bool training))
{
    for (int i = 0; i < count; i++) {
        wn__op_desc d = list[i];
        d.kind = kind;
        printf("  %d\n", i);
        check(d, training);
    }
}

TEST(conv_gradients_equal_differences) { check_each(WN__OP_CONV, EACH_OF(convs), true, check_gradients); }
TEST(conv_tangents_equal_differences)
{
    check_each(WN__OP_CONV, EACH_OF(convs), true, check_tangents);
    check_each(WN__OP_CONV, EACH_OF(convs), true, check_tangents_without_input);
}

TEST(linear_gradients_equal_differences) { check_each(WN__OP_LINEAR, EACH_OF(linears), true, check_gradients); }
TEST(linear_tangents_equal_differences)
{
    check_each(WN__OP_LINEAR, EACH_OF(linears), true, check_tangents);
    check_each(WN__OP_LINEAR, EACH_OF(linears), true, check_tangents_without_input);
}

TEST(norm_gradients_equal_differences_in_training) { check_each(WN__OP_NORM, EACH_OF(norms), true, check_gradients); }
TEST(norm_gradients_equal_differences_in_evaluation) { check_each(WN__OP_NORM, EACH_OF(norms), false, check_gradients); }
TEST(norm_tangents_equal_differences_in_training)
{
    check_each(WN__OP_NORM, EACH_OF(norms), true, check_tangents);
    check_each(WN__OP_NORM, EACH_OF(norms), true, check_tangents_without_input);
}
TEST(norm_tangents_equal_differences_in_evaluation)
{
    check_each(WN__OP_NORM, EACH_OF(norms), false, check_tangents);
    check_each(WN__OP_NORM, EACH_OF(norms), false, check_tangents_without_input);
}

TEST(add_gradients_equal_differences) { check_each(WN__OP_ADD, EACH_OF(adds), true, check_gradients); }
TEST(add_tangents_equal_differences)
{
    check_each(WN__OP_ADD, EACH_OF(adds), true, check_tangents);
    check_each(WN__OP_ADD, EACH_OF(adds), true, check_tangents_without_input);
}

TEST(pool_gradients_equal_differences)
{
    check_each(WN__OP_MAX_POOL, EACH_OF(pools), true, check_gradients);
    check_each(WN__OP_AVG_POOL, EACH_OF(pools), true, check_gradients);
}
TEST(pool_tangents_equal_differences)
{
    check_each(WN__OP_MAX_POOL, EACH_OF(pools), true, check_tangents);
    check_each(WN__OP_AVG_POOL, EACH_OF(pools), true, check_tangents);
    check_each(WN__OP_MAX_POOL, EACH_OF(pools), true, check_tangents_without_input);
    check_each(WN__OP_AVG_POOL, EACH_OF(pools), true, check_tangents_without_input);
}

TEST(dropout_gradients_and_tangents_equal_differences)
{
    check_each(WN__OP_DROPOUT, EACH_OF(dropouts), true, check_gradients);
    check_each(WN__OP_DROPOUT, EACH_OF(dropouts), false, check_gradients);
    check_each(WN__OP_DROPOUT, EACH_OF(dropouts), true, check_tangents);
    check_each(WN__OP_DROPOUT, EACH_OF(dropouts), true, check_tangents_without_input);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(conv_gradients_equal_differences),
        RUN(conv_tangents_equal_differences),
        RUN(linear_gradients_equal_differences),
        RUN(linear_tangents_equal_differences),
        RUN(norm_gradients_equal_differences_in_training),
        RUN(norm_gradients_equal_differences_in_evaluation),
        RUN(norm_tangents_equal_differences_in_training),
        RUN(norm_tangents_equal_differences_in_evaluation),
        RUN(add_gradients_equal_differences),
        RUN(add_tangents_equal_differences),
        RUN(pool_gradients_equal_differences),
        RUN(pool_tangents_equal_differences),
        RUN(dropout_gradients_and_tangents_equal_differences),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
