/* Every operation of the onednn backend against the reference backend: same parameters and images, all phases. */
#include "backend/backend.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "nn/executor.h"
#include "nn/init.h"
#include "nn/plan.h"
#include "test.h"

/* One operation on one device with all its buffers, filled from plain arrays and read back to them. */
typedef struct side {
    wn__device *device;
    wn__op *op;
    wn__op_args a;
    float *out, *din[2], *dparam[2], *statistics[2]; /* plain results */
} side;

typedef struct pair {
    wn__op_desc d;
    bool training, two_gradients, accumulate;
    int64_t in, out, param[2];
    float *plain_in[2], *plain_dout[2], *plain_param[4];
    wn__pool *pool;
    side ref, own;
} pair;

static float *floats(int64_t n)
{
    float *x = WN_NEW_ARRAY(float, n + 1);
    CHECK(x != NULL);
    return x;
}

static float *draw(wn__rng *r, int64_t n, float low, float high)
{
    float *x = floats(n);
    for (int64_t i = 0; i < n; i++)
        x[i] = low + (high - low) * wn__rng_uniform(r);
    return x;
}

static void to_bf16_values(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        union {
            float f;
            uint32_t u;
        } v = {.f = x[i]};
        v.u &= 0xFFFF0000u;
        x[i] = v.f;
    }
}

static wn__op_desc complete(wn__op_desc d)
{
    const bool window = d.kind == WN__OP_CONV || d.kind == WN__OP_MAX_POOL || d.kind == WN__OP_AVG_POOL;
    if (!d.inputs) d.inputs = 1;
    if (!d.groups) d.groups = 1;
    if (!d.stride) d.stride = 1;
    if (!d.kernel_w) d.kernel_w = d.kernel_h;
    if (!d.out_c) d.out_c = d.in_c;
    d.out_h = window ? (d.in_h + 2 * d.pad - d.kernel_h) / d.stride + 1 : d.kind == WN__OP_LINEAR ? 1 : d.in_h;
    d.out_w = window ? (d.in_w + 2 * d.pad - d.kernel_w) / d.stride + 1 : d.kind == WN__OP_LINEAR ? 1 : d.in_w;
    d.eps = 1e-5f;
    d.momentum = 0.1f;
    d.input_gradient = true;
    return d;
}

static void *activation(const pair *p, wn__device *dev, const float *plain, int64_t c, int64_t h, int64_t w)
{
    void *x = wn__alloc(dev->activation_bytes(dev, &(wn__shape){p->d.n, c, h, w, 0}));
    CHECK(x != NULL);
    if (plain) CHECK_OK(dev->upload(dev, plain, &(wn__shape){p->d.n, c, h, w, 0}, x));
    return x;
}

static void open_side(const pair *p, const char *backend, wn__dtype dtype, side *s)
{
    const wn__op_desc *d = &p->d;
    const wn__backend *b = wn__backend_find(backend);
    const wn__device_options wanted = {dtype, p->pool};
    CHECK_OK(b->open(b, &wanted, &s->device));
    CHECK_OK(s->device->prepare(s->device, d, &s->op));
    s->a = (wn__op_args){
        .step = {.training = p->training, .update_statistics = p->training, .seed = 5, .step = 3}, .n = d->n, .accumulate = p->accumulate};
    for (int i = 0; i < d->inputs; i++) {
        s->a.in[i] = activation(p, s->device, p->plain_in[i], d->in_c, d->in_h, d->in_w);
        s->a.din[i] = activation(p, s->device, NULL, d->in_c, d->in_h, d->in_w);
        s->din[i] = floats(p->in);
    }
    for (int i = 0; i < (p->two_gradients ? 2 : 1); i++)
        s->a.dout[i] = activation(p, s->device, p->plain_dout[i], d->out_c, d->out_h, d->out_w);
    s->a.out = activation(p, s->device, NULL, d->out_c, d->out_h, d->out_w);
    s->out = floats(p->out);
    s->a.saved = wn__alloc(s->op->saved_bytes);
    s->a.scratch = wn__alloc(s->op->scratch_bytes);
    for (int k = 0; k < 4; k++) {
        const int64_t n = k < 2 ? p->param[k] : d->kind == WN__OP_NORM ? d->in_c : 0;
        if (!n) continue;
        s->a.param[k] = floats(n);
        memcpy(s->a.param[k], p->plain_param[k], (size_t)n * sizeof(float));
        if (k > 1) continue;
        s->a.dparam[k] = s->dparam[k] = floats(n);
        for (int64_t i = 0; i < n; i++)
            s->dparam[k][i] = 0.5f;
    }
}

static void run_phase(side *s, wn__phase phase)
{
    const int64_t n = s->a.n, block = s->device->block ? s->device->block : n;
    for (int64_t first = 0; wn__op_runs(s->op, phase) && first < n; first += block)
        CHECK_OK(wn__op_run(s->op, phase, &s->a, first, n - first < block ? n - first : block));
    if (s->op->cls->finish[phase]) CHECK_OK(s->op->cls->finish[phase](s->op, &s->a));
}

static void run_side(const pair *p, side *s)
{
    const wn__op_desc *d = &p->d;
    if (s->op->cls->pack) CHECK_OK(s->op->cls->pack(s->op, s->a.param));
    if (p->training) run_phase(s, WN__STATISTICS);
    run_phase(s, WN__FORWARD);
    CHECK_OK(s->device->download(s->device, s->a.out, &(wn__shape){d->n, d->out_c, d->out_h, d->out_w, 0}, s->out));
    run_phase(s, WN__BACKWARD_PREPARE);
    run_phase(s, WN__BACKWARD_PARAMS);
    run_phase(s, WN__BACKWARD_DATA);
    for (int i = 0; i < d->inputs; i++)
        CHECK_OK(s->device->download(s->device, s->a.din[i], &(wn__shape){d->n, d->in_c, d->in_h, d->in_w, 0}, s->din[i]));
}

static void close_side(side *s)
{
    for (int i = 0; i < 2; i++) {
        wn__free((void *)s->a.in[i]);
        wn__free(s->a.din[i]);
        wn__free(s->a.dout[i]);
        wn__free(s->din[i]);
        wn__free(s->dparam[i]);
    }
    for (int k = 0; k < 4; k++)
        wn__free(s->a.param[k]);
    wn__free(s->a.out);
    wn__free(s->out);
    wn__free(s->a.saved);
    wn__free(s->a.scratch);
    s->op->cls->release(s->op);
    s->device->close(s->device);
}

/* Largest difference over the largest value, at most `tolerance`; NaNs must agree. */
static void compare(const char *what, const wn__op_desc *d, const float *got, const float *want, int64_t n, double tolerance)
{
    double difference = 0, largest = 1; /* inputs, gradients and weights are drawn of size 1 */
    for (int64_t i = 0; i < n; i++) {
        if (isnan(got[i]) != isnan(want[i]))
            WN_TEST_FAIL("%s[%lld] is %g, reference %g", what, (long long)i, (double)got[i], (double)want[i]);
        if (isnan(want[i])) continue;
        difference = fmax(difference, fabs((double)got[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    if (!(difference <= tolerance * largest))
        WN_TEST_FAIL("%s of kind %d (%lld of %lld x %lld x %lld, kernel %d, stride %d, pad %d, groups %d): off by %g of %g", what,
                     (int)d->kind, (long long)d->n, (long long)d->in_c, (long long)d->in_h, (long long)d->in_w, d->kernel_h, d->stride,
                     d->pad, d->groups, difference, largest);
}

typedef struct options {
    bool evaluation, two_gradients, accumulate, nan;
    float offset; /* added to the inputs */
} options;

static void check(wn__op_desc desc, wn__dtype dtype, options o)
{
    pair p = {.d = complete(desc), .training = !o.evaluation, .two_gradients = o.two_gradients, .accumulate = o.accumulate};
    const wn__op_desc *d = &p.d;
    wn__rng r = wn__rng_make(1, WN__FOR_TEST, (uint64_t)d->kind, (uint64_t)(d->n * 1000 + d->in_c));
    p.in = d->n * d->in_c * d->in_h * d->in_w;
    p.out = d->n * d->out_c * d->out_h * d->out_w;
    if (d->kind == WN__OP_CONV) p.param[0] = d->out_c * (d->in_c / d->groups) * d->kernel_h * d->kernel_w;
    if (d->kind == WN__OP_LINEAR) p.param[0] = d->out_c * d->in_c * d->in_h * d->in_w;
    if (d->kind == WN__OP_NORM) p.param[0] = d->in_c;
    if (d->kind == WN__OP_NORM || d->bias) p.param[1] = d->out_c;
    for (int i = 0; i < 2; i++) {
        p.plain_in[i] = draw(&r, p.in, o.offset - 1, o.offset + 1);
        p.plain_dout[i] = draw(&r, p.out, -1, 1);
        if (p.param[i]) p.plain_param[i] = draw(&r, p.param[i], -1, 1);
        if (d->kind == WN__OP_NORM) p.plain_param[2 + i] = draw(&r, d->in_c, 0.5f, 1.5f);
        if (dtype == WN__BF16) {
            to_bf16_values(p.plain_in[i], p.in);
            to_bf16_values(p.plain_dout[i], p.out);
            if (p.param[i] && d->kind != WN__OP_NORM && i == 0) to_bf16_values(p.plain_param[i], p.param[i]);
        }
    }
    if (o.nan) p.plain_in[0][p.in / 2] = NAN;
    CHECK_OK(wn__pool_new(2, &p.pool));
    open_side(&p, "ref", WN__F32, &p.ref);
    open_side(&p, "onednn", dtype, &p.own);
    run_side(&p, &p.ref);
    run_side(&p, &p.own);
    const double tolerance = dtype == WN__BF16 ? 2e-2 : o.offset > 0 ? 1e-4 : 2e-5;
    compare("output", d, p.own.out, p.ref.out, p.out, tolerance);
    for (int i = 0; i < d->inputs; i++)
        compare("gradient of input", d, p.own.din[i], p.ref.din[i], p.in, tolerance);
    for (int k = 0; k < 2; k++)
        if (p.param[k])
            compare(k ? "gradient of parameter 1" : "gradient of parameter 0", d, p.own.dparam[k], p.ref.dparam[k], p.param[k], tolerance);
    for (int k = 2; k < 4 && d->kind == WN__OP_NORM; k++)
        compare("running statistics", d, p.own.a.param[k], p.ref.a.param[k], d->in_c, tolerance);
    close_side(&p.ref);
    close_side(&p.own);
    for (int i = 0; i < 2; i++) {
        wn__free(p.plain_in[i]);
        wn__free(p.plain_dout[i]);
        wn__free(p.plain_param[i]);
        wn__free(p.plain_param[2 + i]);
    }
    wn__pool_free(p.pool);
}

static void need_onednn(void)
{
    if (!wn__backend_find("onednn")) SKIP("this build has no oneDNN");
}

static void need_bf16(void)
{
    need_onednn();
    wn__device *device;
    const wn__backend *b = wn__backend_find("onednn");
    const wn__device_options wanted = {.dtype = WN__BF16};
    if (b->open(b, &wanted, &device) != WN_OK) SKIP("this CPU has no bfloat16");
    device->close(device);
}

static const wn__op_desc convolutions[] = {
    {.n = 5, .in_c = 3, .in_h = 9, .in_w = 9, .out_c = 16, .kernel_h = 3, .pad = 1},
    {.n = 18, .in_c = 16, .in_h = 8, .in_w = 8, .out_c = 16, .kernel_h = 3, .pad = 1, .bias = true, .relu = true},
    {.n = 4, .in_c = 16, .in_h = 9, .in_w = 7, .out_c = 32, .kernel_h = 3, .stride = 2, .pad = 1},
    {.n = 4, .in_c = 16, .in_h = 9, .in_w = 7, .out_c = 32, .kernel_h = 1, .stride = 2},
    {.n = 3, .in_c = 5, .in_h = 7, .in_w = 6, .out_c = 7, .kernel_h = 5, .bias = true},
    {.n = 3, .in_c = 8, .in_h = 6, .in_w = 6, .out_c = 12, .kernel_h = 3, .kernel_w = 1, .groups = 4, .relu = true},
    {.n = 2, .in_c = 16, .in_h = 5, .in_w = 5, .out_c = 16, .kernel_h = 3, .pad = 1, .groups = 16},
    {.n = 1, .in_c = 1, .in_h = 1, .in_w = 1, .out_c = 1, .kernel_h = 1, .bias = true},
    {.n = 17, .in_c = 64, .in_h = 1, .in_w = 1, .out_c = 10, .kernel_h = 1, .relu = true},
    {.n = 70, .in_c = 32, .in_h = 4, .in_w = 4, .out_c = 48, .kernel_h = 3, .pad = 1, .bias = true}, /* two pieces of weight gradient */
    {.n = 128, .in_c = 16, .in_h = 2, .in_w = 2, .out_c = 32, .kernel_h = 3, .pad = 1},
};

static const wn__op_desc others[] = {
    {.kind = WN__OP_LINEAR, .n = 5, .in_c = 16, .in_h = 4, .in_w = 3, .out_c = 10, .bias = true, .relu = true},
    {.kind = WN__OP_LINEAR, .n = 70, .in_c = 40, .in_h = 1, .in_w = 1, .out_c = 130, .bias = true}, /* three tiles of outputs */
    {.kind = WN__OP_LINEAR, .n = 33, .in_c = 784, .in_h = 1, .in_w = 1, .out_c = 30},
    {.kind = WN__OP_LINEAR, .n = 1, .in_c = 1, .in_h = 28, .in_w = 28, .out_c = 7, .bias = true},
    {.kind = WN__OP_ADD, .n = 18, .in_c = 3, .in_h = 5, .in_w = 5, .inputs = 2, .relu = true},
    {.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .relu = true},
    {.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .inputs = 2},
    {.kind = WN__OP_MAX_POOL, .n = 3, .in_c = 17, .in_h = 7, .in_w = 6, .kernel_h = 2, .stride = 2},
    {.kind = WN__OP_MAX_POOL, .n = 3, .in_c = 70, .in_h = 7, .in_w = 6, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 64, .in_h = 8, .in_w = 8, .kernel_h = 8},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 70, .in_h = 7, .in_w = 6, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 3, .in_h = 7, .in_w = 6, .kernel_h = 2, .stride = 3},
    {.kind = WN__OP_DROPOUT, .n = 3, .in_c = 5, .in_h = 3, .in_w = 3, .rate = 0.3f},
    {.kind = WN__OP_DROPOUT, .n = 17, .in_c = 19, .in_h = 21, .in_w = 17, .rate = 0.5f}, /* more pixels than are drawn at a time */
    {.kind = WN__OP_DROPOUT, .n = 2, .in_c = 4101, .in_h = 1, .in_w = 1, .rate = 0.1f},  /* more channels */
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

TEST(convolutions_equal_the_reference)
{
    need_onednn();
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check(convolutions[i], WN__F32, (options){0});
}

TEST(other_operations_equal_the_reference)
{
    need_onednn();
    for (size_t i = 0; i < COUNT(others); i++)
        check(others[i], WN__F32, (options){0});
}

/* Inputs are within +-1: bounds that cut some outputs. */
static wn__op_desc bounded_norm(int inputs)
{
    return (wn__op_desc){.kind = WN__OP_NORM, .n = 20, .in_c = 35, .in_h = 7, .in_w = 6, .inputs = inputs, .relu = true, .relu_most = 0.5f};
}

TEST(bounded_relus_equal_the_reference)
{
    need_onednn();
    check((wn__op_desc){.kind = WN__OP_ADD, .n = 18, .in_c = 3, .in_h = 5, .in_w = 5, .inputs = 2, .relu = true, .relu_most = 0.5f},
          WN__F32, (options){0});
    check((wn__op_desc){.kind = WN__OP_LINEAR, .n = 5, .in_c = 16, .in_h = 4, .in_w = 3, .out_c = 10, .relu = true, .relu_most = 0.5f},
          WN__F32, (options){0});
    for (int inputs = 1; inputs <= 2; inputs++) {
        check(bounded_norm(inputs), WN__F32, (options){0});
        check(bounded_norm(inputs), WN__F32, (options){.two_gradients = true});
    }
    check(bounded_norm(1), WN__F32, (options){.nan = true});
}

/* Where the mask comes from stored outputs, those that were rounded to the bound count as cut: no comparison with the reference. */
TEST(bounded_relu_in_bfloat16_is_near_the_reference)
{
    need_bf16();
    check(bounded_norm(1), WN__BF16, (options){0});
}

/* Channel counts under, at and over the register widths; rows over and under a chunk. */
static void check_norms(wn__dtype dtype, options o)
{
    static const int64_t channels[] = {1, 3, 4, 8, 15, 16, 17, 32, 48, 64, 67, 100};
    for (size_t i = 0; i < COUNT(channels); i++)
        for (int relu = 0; relu < 2; relu++)
            for (int inputs = 1; inputs <= 2; inputs++)
                check((wn__op_desc){.kind = WN__OP_NORM,
                                    .n = i % 2 ? 3 : 20,
                                    .in_c = channels[i],
                                    .in_h = 7,
                                    .in_w = 6,
                                    .inputs = inputs,
                                    .relu = relu},
                      dtype, o);
}

TEST(norms_equal_the_reference)
{
    need_onednn();
    check_norms(WN__F32, (options){0});
}

TEST(norms_in_evaluation_equal_the_reference)
{
    need_onednn();
    check_norms(WN__F32, (options){.evaluation = true});
}

TEST(two_gradients_of_one_output_add_up)
{
    need_onednn();
    check_norms(WN__F32, (options){.two_gradients = true});
    check((wn__op_desc){.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .inputs = 2}, WN__F32,
          (options){.two_gradients = true});
    check((wn__op_desc){.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .relu = true}, WN__F32,
          (options){.two_gradients = true});
}

TEST(gradients_of_parameters_accumulate)
{
    need_onednn();
    check_norms(WN__F32, (options){.accumulate = true});
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check(convolutions[i], WN__F32, (options){.accumulate = true});
    for (size_t i = 0; i < 4; i++)
        check(others[i], WN__F32, (options){.accumulate = true});
}

TEST(evaluation_leaves_dropout_out)
{
    need_onednn();
    check((wn__op_desc){.kind = WN__OP_DROPOUT, .n = 3, .in_c = 5, .in_h = 3, .in_w = 3, .rate = 0.3f}, WN__F32,
          (options){.evaluation = true});
}

TEST(nan_in_an_image_reaches_the_output)
{
    need_onednn();
    check(convolutions[1], WN__F32, (options){.nan = true});
    check((wn__op_desc){.kind = WN__OP_NORM, .n = 3, .in_c = 17, .in_h = 3, .in_w = 3, .relu = true}, WN__F32, (options){.nan = true});
    check(others[4], WN__F32, (options){.nan = true});
    check(others[6], WN__F32, (options){.nan = true});
    check(others[8], WN__F32, (options){.nan = true});
}

/* float32 inputs of 1000 +- 1 carry 6e-5 of rounding themselves; sums of squares in float32 would lose the variance altogether. */
TEST(variance_survives_a_large_mean)
{
    need_onednn();
    check((wn__op_desc){.kind = WN__OP_NORM, .n = 20, .in_c = 17, .in_h = 7, .in_w = 6}, WN__F32, (options){.offset = 1000});
}

TEST(bfloat16_is_near_the_reference)
{
    need_bf16();
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check(convolutions[i], WN__BF16, (options){0});
    for (size_t i = 0; i < COUNT(others); i++)
        check(others[i], WN__BF16, (options){0});
    check_norms(WN__BF16, (options){0});
}

/* --- whole networks ------------------------------------------------------------------------------------------------------------ */

enum { IMAGES = 70, CLASSES = 10, PIXELS = 3 * 12 * 12 };

static wn_graph *small_network(void)
{
    wn_graph *g = wn_graph_new("small", 3, 12, 12);
    int x = wn_graph_conv(g, wn_graph_input(g), "first", (wn_conv){.out = 16, .kernel = 3, .pad = 1});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "norm"));
    const int y = wn_graph_batch_norm(g, wn_graph_conv(g, x, "second", (wn_conv){.out = 16, .kernel = 3, .pad = 1}), "norm2");
    x = wn_graph_max_pool(g, wn_graph_relu(g, wn_graph_add(g, x, y)), 3, 2, 1);
    x = wn_graph_relu(g, wn_graph_conv(g, x, "third", (wn_conv){.out = 24, .kernel = 3, .stride = 2, .bias = true}));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_dropout(g, x, 0.2), "last", CLASSES, true)));
    return g;
}

static wn_status pull_to_zero(void *arg, const float *logits, int64_t first, int64_t n, float *dlogits)
{
    (void)arg, (void)first;
    memcpy(dlogits, logits, (size_t)(n * CLASSES) * sizeof(float));
    return WN_OK;
}

/* All gradients of one step, one after the other; to be freed. */
static float *gradients_with(int threads, wn__dtype dtype, int64_t *count)
{
    wn_graph *g = small_network();
    wn__params params = {0};
    wn__pool *pool;
    wn__device *device;
    wn__executor *executor;
    wn__rng r = wn__rng_make(2, WN__FOR_TEST, 0, 0);
    float *images = draw(&r, (int64_t)IMAGES * PIXELS, -1, 1);
    const wn__backend *b = wn__backend_find("onednn");
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_OK(wn__init_params(&params, &(wn__init_options){0}, 1));
    CHECK_OK(wn__pool_new(threads, &pool));
    CHECK_OK(b->open(b, &(wn__device_options){.dtype = dtype, .pool = pool}, &device));
    CHECK_OK(wn__executor_new(g, &params, device, &(wn__executor_options){.batch = IMAGES, .training = true}, &executor));
    CHECK_OK(wn__executor_gradients(executor, images, IMAGES, (wn__step_info){.training = true}, pull_to_zero, NULL));
    *count = 0;
    float *all = floats(wn_graph_parameter_count(g));
    for (int i = 0; i < params.count; i++)
        if (params.item[i].grad) {
            memcpy(all + *count, params.item[i].grad, (size_t)params.item[i].stored * sizeof(float));
            *count += params.item[i].stored;
        }
    wn__executor_free(executor);
    device->close(device);
    wn__pool_free(pool);
    wn__params_release(&params);
    wn_graph_free(g);
    wn__free(images);
    return all;
}

/* The group in which the node's phase runs. */
static int group_of(const wn_graph *g, const wn__plan *plan, const char *node, wn__phase phase)
{
    for (int i = plan->forward_calls; i < plan->calls; i++)
        if (plan->call[i].phase == phase && !strcmp(g->node[plan->call[i].lowered->node].name, node)) return plan->call[i].group;
    WN_TEST_FAIL("no %s of %s", wn__phase_name(phase), node);
}

TEST(a_block_passes_backward_from_one_norm_to_the_next_in_one_group)
{
    need_onednn();
    wn_graph *g = small_network();
    wn__lowered *ops;
    int count;
    wn__device *device;
    wn__plan plan;
    const wn__backend *b = wn__backend_find("onednn");
    CHECK_OK(b->open(b, &(wn__device_options){.dtype = WN__F32}, &device));
    CHECK_OK(wn__lower(g, false, &ops, &count));
    CHECK_OK(wn__plan_make(
        &(wn__plan_request){.graph = g, .lowered = ops, .count = count, .device = device, .n = 16, .kind = WN__PLAN_TRAIN}, &plan));
    const int group = group_of(g, &plan, "norm2", WN__BACKWARD_DATA);
    CHECK_EQ_INT(group, group_of(g, &plan, "norm2", WN__BACKWARD_PREPARE) + 1);
    CHECK_EQ_INT(group, group_of(g, &plan, "second", WN__BACKWARD_PARAMS));
    CHECK_EQ_INT(group, group_of(g, &plan, "second", WN__BACKWARD_DATA));
    CHECK_EQ_INT(group, group_of(g, &plan, "norm", WN__BACKWARD_PREPARE));
    wn__plan_release(&plan);
    wn__free(ops);
    device->close(device);
    wn_graph_free(g);
}

/* Operations look for a block that many blocks' bytes behind the start: slabs must be as large as blocks. */
TEST(slabs_of_workers_are_as_large_as_blocks)
{
    need_bf16();
    wn_graph *g = wn_graph_new("odd", 3, 7, 7);
    wn__lowered *ops;
    int count, locals = 0;
    wn__device *device;
    wn__pool *pool;
    wn__plan plan;
    const int64_t blocks = 5;
    int x = wn_graph_relu(g, wn_graph_conv(g, wn_graph_input(g), "even", (wn_conv){.out = 4, .kernel = 1}));
    x = wn_graph_relu(g, wn_graph_conv(g, x, "odd", (wn_conv){.out = 3, .kernel = 3}));
    CHECK_OK(wn_graph_finish(g, wn_graph_conv(g, x, "last", (wn_conv){.out = 2, .kernel = 5})));
    CHECK_OK(wn__pool_new(2, &pool));
    const wn__backend *b = wn__backend_find("onednn");
    CHECK_OK(b->open(b, &(wn__device_options){.dtype = WN__BF16, .pool = pool}, &device));
    CHECK_OK(wn__lower(g, false, &ops, &count));
    CHECK_OK(wn__plan_make(
        &(wn__plan_request){.graph = g, .lowered = ops, .count = count, .device = device, .n = 16 * blocks, .kind = WN__PLAN_INFER},
        &plan));
    for (int i = 0; i < plan.buffers; i++) {
        locals += plan.buffer[i].local;
        if (plan.buffer[i].local) CHECK_EQ_INT(plan.buffer[i].slab * blocks, plan.buffer[i].size);
    }
    CHECK_EQ_INT(locals, 1);
    wn__plan_release(&plan);
    wn__free(ops);
    device->close(device);
    wn__pool_free(pool);
    wn_graph_free(g);
}

static void check_thread_counts(wn__dtype dtype)
{
    int64_t count, again;
    float *one = gradients_with(1, dtype, &count);
    for (int threads = 2; threads <= 5; threads++) {
        float *more = gradients_with(threads, dtype, &again);
        CHECK_EQ_INT(again, count);
        for (int64_t i = 0; i < count; i++)
            if (memcmp(&one[i], &more[i], sizeof(float)) != 0)
                WN_TEST_FAIL("gradient %lld is %.9g with %d threads, %.9g with one", (long long)i, (double)more[i], threads,
                             (double)one[i]);
        wn__free(more);
    }
    wn__free(one);
}

TEST(gradients_do_not_depend_on_the_number_of_threads)
{
    need_onednn();
    check_thread_counts(WN__F32);
}

TEST(bfloat16_gradients_do_not_depend_on_the_number_of_threads)
{
    need_bf16();
    check_thread_counts(WN__BF16);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(convolutions_equal_the_reference),
                                    RUN(a_block_passes_backward_from_one_norm_to_the_next_in_one_group),
                                    RUN(slabs_of_workers_are_as_large_as_blocks),
                                    RUN(other_operations_equal_the_reference),
                                    RUN(bounded_relus_equal_the_reference),
                                    RUN(bounded_relu_in_bfloat16_is_near_the_reference),
                                    RUN(norms_equal_the_reference),
                                    RUN(norms_in_evaluation_equal_the_reference),
                                    RUN(two_gradients_of_one_output_add_up),
                                    RUN(gradients_of_parameters_accumulate),
                                    RUN(evaluation_leaves_dropout_out),
                                    RUN(nan_in_an_image_reaches_the_output),
                                    RUN(variance_survives_a_large_mean),
                                    RUN(bfloat16_is_near_the_reference),
                                    RUN(gradients_do_not_depend_on_the_number_of_threads),
                                    RUN(bfloat16_gradients_do_not_depend_on_the_number_of_threads),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
