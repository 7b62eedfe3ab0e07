/* The sparse backend's device for few images: every operation against the reference backend, and against batch lanes bit for bit, for any
 * number of threads; then whole networks. */
#include "backend/sparse/few.h"
#include "backend/sparse/sparse.h"
#include "backend/sparse/sparse_device.h"
#include "models/named.h"
#include "nn/executor/executor.h"
#include "nn/init.h"
#include "op_desc.h"
#include "sparse/prune/distribution.h"
#include "tensor/compression.h"
#include "tiny_network.h"

/* --- one operation ------------------------------------------------------------------------------------------------------------- */

typedef struct problem {
    wn__op_desc d;
    int64_t in, out, entries;
    float *plain_in[2], *param[WN__PARAMS]; /* weight, bias, then norm's four; a norm alone has its four first */
    float *stored;                          /* the weight's entries that the pattern has */
    bool has_pattern;
    wn__pattern pattern;
} problem;

static wn__op_desc for_inference(wn__op_desc d)
{
    d = complete(d);
    d.inference_only = true;
    d.input_gradient = false;
    return d;
}

static void make_pattern(problem *p, wn__rng *r, float density)
{
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, p->entries + 1);
    for (int64_t i = 0; i < p->entries; i++) {
        mask[i] = wn__rng_uniform(r) < density;
        if (!mask[i]) p->param[0][i] = 0;
    }
    CHECK_OK(wn__pattern_from_mask(p->d.out_c, p->entries / p->d.out_c, mask, &p->pattern));
    p->has_pattern = true;
    p->stored = floats(p->pattern.stored);
    wn__pattern_gather(&p->pattern, p->param[0], p->stored);
    wn__free(mask);
}

/* density < 0: dense, without a pattern. */
static problem make_problem(wn__op_desc desc, float density)
{
    problem p = {.d = for_inference(desc)};
    const wn__op_desc *d = &p.d;
    wn__rng r = wn__rng_make(1, WN__FOR_TEST, (uint64_t)d->kind, (uint64_t)(d->n * 1000 + d->in_c));
    p.in = d->n * d->in_c * d->in_h * d->in_w;
    p.out = d->n * d->out_c * d->out_h * d->out_w;
    if (d->kind == WN__OP_CONV) p.entries = d->out_c * (d->in_c / d->groups) * d->kernel_h * d->kernel_w;
    if (d->kind == WN__OP_LINEAR) p.entries = d->out_c * d->in_c * d->in_h * d->in_w;
    p.plain_in[0] = draw(&r, p.in, -1, 1);
    p.plain_in[1] = draw(&r, p.out > p.in ? p.out : p.in, -1, 1);
    if (p.entries) p.param[0] = draw(&r, p.entries, -1, 1);
    if (d->bias) p.param[1] = draw(&r, d->out_c, -1, 1);
    const int norm = d->kind == WN__OP_NORM ? 0 : 2;
    for (int k = norm; (d->norm || norm == 0) && k < norm + 4; k++)
        p.param[k] = draw(&r, d->out_c, k == norm + 3 ? 0.5f : -1, 1.5f);
    if (p.entries && density >= 0) make_pattern(&p, &r, density);
    return p;
}

static void release_problem(problem *p)
{
    for (int k = 0; k < WN__PARAMS; k++)
        wn__free(p->param[k]);
    wn__free(p->plain_in[0]);
    wn__free(p->plain_in[1]);
    wn__free(p->stored);
    wn__pattern_release(&p->pattern);
}

static void *activation(wn__device *device, const float *plain, wn__shape shape)
{
    const size_t bytes = device->activation_bytes(device, &shape);
    void *x = wn__alloc(bytes);
    CHECK(x != NULL);
    memset(x, 0xFF, bytes); /* NaNs */
    if (plain) CHECK_OK(device->upload(device, plain, &shape, x));
    return x;
}

static int border_of_input(const wn__device *device, const wn__op_desc *d)
{
    return device->borders && d->kind == WN__OP_CONV ? d->pad : 0;
}

/* The operation's output on `device`, to be freed. */
static float *output_of(wn__device *device, const problem *p, wn__op_desc d, const float *in, float *const param[WN__PARAMS])
{
    const wn__shape out = {d.n, d.out_c, d.out_h, d.out_w, 0};
    d.in_border[0] = border_of_input(device, &d);
    const wn__shape shape = {d.n, d.in_c, d.in_h, d.in_w, d.in_border[0]};
    wn__op *op;
    CHECK_OK(device->prepare(device, &d, &op));
    void *first = activation(device, in, shape);
    void *second = d.inputs == 2 ? activation(device, p->plain_in[1], d.kind == WN__OP_CONV ? out : shape) : NULL;
    wn__op_args a = {.n = d.n, .in = {first, second}, .out = activation(device, NULL, out)};
    a.saved = wn__alloc(op->saved_bytes);
    a.scratch = wn__alloc(op->scratch_bytes);
    memset(a.scratch, 0xFF, op->scratch_bytes);
    memcpy(a.param, param, sizeof a.param);
    if (p->has_pattern && device->compressed && op->cls->bind) a.param[0] = p->stored;
    if (op->cls->bind) CHECK_OK(op->cls->bind(op, p->has_pattern ? &p->pattern : NULL));
    if (op->cls->pack) CHECK_OK(op->cls->pack(op, a.param));
    const int64_t block = device->block ? device->block : d.n;
    for (int64_t i = 0; wn__op_runs(op, WN__FORWARD) && i < d.n; i += block)
        CHECK_OK(wn__op_run(op, WN__FORWARD, &a, i, d.n - i < block ? d.n - i : block));
    if (op->cls->finish[WN__FORWARD]) CHECK_OK(op->cls->finish[WN__FORWARD](op, &a));
    float *plain = floats(d.n * d.out_c * d.out_h * d.out_w);
    CHECK_OK(device->download(device, a.out, &out, plain));
    wn__free(first);
    wn__free(second);
    wn__free(a.out);
    wn__free(a.saved);
    wn__free(a.scratch);
    op->cls->release(op);
    return plain;
}

/* The same, a convolution's norm by itself on devices that don't take it in. */
static float *result_on(wn__device *used, const problem *p)
{
    if (!p->d.norm || used->norms_in_convs) return output_of(used, p, p->d, p->plain_in[0], p->param);
    wn__op_desc conv = p->d, norm = p->d;
    conv.norm = conv.relu = false;
    conv.relu_most = 0;
    conv.inputs = 1;
    norm.kind = WN__OP_NORM;
    norm.in_c = norm.out_c;
    norm.in_h = norm.out_h;
    norm.in_w = norm.out_w;
    float *between = output_of(used, p, conv, p->plain_in[0], p->param), *param[WN__PARAMS] = {NULL};
    memcpy(param, p->param + 2, 4 * sizeof *param);
    float *out = output_of(used, p, norm, between, param);
    wn__free(between);
    return out;
}

static float *result_of(const wn__backend *b, bool few, int threads, const problem *p)
{
    wn__pool *pool;
    wn__device *device = tiny_device(b->name, threads, WN__F32, &pool);
    float *out = result_on(few ? device->few : device, p);
    tiny_device_close(device, pool);
    return out;
}

static void fail_at(const problem *p, const char *what, int64_t i, float got, float want)
{
    const wn__op_desc *d = &p->d;
    WN_TEST_FAIL("%s: kind %d, %lld of %lld x %lld x %lld to %lld x %lld x %lld, kernel %dx%d, stride %d, pad %d, groups %d, %lld stored: "
                 "output %lld is %.9g, not %.9g",
                 what, (int)d->kind, (long long)d->n, (long long)d->in_c, (long long)d->in_h, (long long)d->in_w, (long long)d->out_c,
                 (long long)d->out_h, (long long)d->out_w, d->kernel_h, d->kernel_w, d->stride, d->pad, d->groups,
                 (long long)p->pattern.stored, (long long)i, (double)got, (double)want);
}

static void compare(const problem *p, const char *what, const float *got, const float *want, double tolerance)
{
    double largest = 1;
    for (int64_t i = 0; i < p->out; i++)
        if (isfinite(want[i])) largest = fmax(largest, fabs((double)want[i]));
    for (int64_t i = 0; i < p->out; i++) {
        const bool alike = isnan(got[i])       ? isnan(want[i])
                           : isfinite(want[i]) ? fabs((double)got[i] - (double)want[i]) <= tolerance * largest
                                               : got[i] == want[i];
        if (!alike) fail_at(p, what, i, got[i], want[i]);
    }
}

/* `special`, if not 0, stands in the middle of the input. */
static void check(wn__op_desc desc, float density, float special)
{
    problem p = make_problem(desc, density);
    if (special != 0) p.plain_in[0][p.in / 2] = special;
    float *want = special != 0 && p.has_pattern ? NULL : result_of(wn__backend_find("ref"), false, 2, &p);
    float *lanes = result_of(&wn__backend_sparse, false, 1, &p), *got = result_of(&wn__backend_sparse, true, 1, &p);
    if (want) compare(&p, "reference", got, want, 2e-5);
    compare(&p, "batch lanes", got, lanes, 0);
    for (int threads = 2; threads <= 5; threads++) {
        float *more = result_of(&wn__backend_sparse, true, threads, &p);
        if (memcmp(more, got, (size_t)p.out * sizeof *got) != 0) fail_at(&p, "threads", threads, more[0], got[0]);
        wn__free(more);
    }
    wn__free(want);
    wn__free(lanes);
    wn__free(got);
    release_problem(&p);
}

/* --- what is checked ----------------------------------------------------------------------------------------------------------- */

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const float densities[] = {-1, 1, 0.3f, 0.05f, 0};

static const wn__op_desc convolutions[] = {
    {.n = 1, .in_c = 1, .in_h = 1, .in_w = 1, .out_c = 1, .kernel_h = 1, .bias = true},
    {.n = 2, .in_c = 7, .in_h = 1, .in_w = 1, .out_c = 33, .kernel_h = 1, .relu = true},
    {.n = 1, .in_c = 3, .in_h = 1, .in_w = 1, .out_c = 5, .kernel_h = 3, .pad = 1},
    {.n = 1, .in_c = 16, .in_h = 32, .in_w = 32, .out_c = 16, .kernel_h = 3, .pad = 1},
    {.n = 3, .in_c = 16, .in_h = 32, .in_w = 32, .out_c = 8, .kernel_h = 3, .stride = 2, .pad = 1},
    {.n = 4, .in_c = 64, .in_h = 7, .in_w = 7, .out_c = 40, .kernel_h = 3, .pad = 1, .bias = true, .relu = true},
    {.n = 5, .in_c = 9, .in_h = 4, .in_w = 4, .out_c = 11, .kernel_h = 3, .pad = 1},
    {.n = 1, .in_c = 200, .in_h = 14, .in_w = 14, .out_c = 20, .kernel_h = 1},
    {.n = 1, .in_c = 8, .in_h = 57, .in_w = 33, .out_c = 6, .kernel_h = 3, .pad = 1, .bias = true},
    {.n = 2, .in_c = 5, .in_h = 13, .in_w = 9, .out_c = 7, .kernel_h = 5, .bias = true},
    {.n = 1, .in_c = 5, .in_h = 13, .in_w = 9, .out_c = 7, .kernel_h = 5, .stride = 3, .pad = 2},
    {.n = 1, .in_c = 3, .in_h = 45, .in_w = 44, .out_c = 9, .kernel_h = 7, .stride = 2, .pad = 3},
    {.n = 2, .in_c = 6, .in_h = 9, .in_w = 7, .out_c = 32, .kernel_h = 1, .stride = 2},
    {.n = 1, .in_c = 4, .in_h = 9, .in_w = 8, .out_c = 4, .kernel_h = 2, .stride = 3, .pad = 1},
    {.n = 2, .in_c = 8, .in_h = 6, .in_w = 6, .out_c = 12, .kernel_h = 3, .kernel_w = 1, .groups = 4, .relu = true},
    {.n = 1, .in_c = 3, .in_h = 6, .in_w = 20, .out_c = 4, .kernel_h = 1, .kernel_w = 5},
    {.n = 2, .in_c = 18, .in_h = 15, .in_w = 17, .out_c = 18, .kernel_h = 3, .pad = 1, .groups = 18, .relu = true, .relu_most = 0.5f},
    {.n = 1, .in_c = 24, .in_h = 20, .in_w = 20, .out_c = 24, .kernel_h = 3, .stride = 2, .pad = 1, .groups = 24},
    {.n = 1, .in_c = 3, .in_h = 4, .in_w = 5, .out_c = 3, .kernel_h = 1, .pad = 2},
    {.n = 1, .in_c = 3, .in_h = 3, .in_w = 2, .out_c = 4, .kernel_h = 5, .pad = 2},
    {.n = 1, .in_c = 2, .in_h = 2, .in_w = 2, .out_c = 3, .kernel_h = 5, .stride = 3, .pad = 2},
    {.n = 1, .in_c = 100, .in_h = 30, .in_w = 30, .out_c = 5, .kernel_h = 3, .pad = 1},
};

static const wn__op_desc linears[] = {
    {.kind = WN__OP_LINEAR, .n = 1, .in_c = 1, .in_h = 1, .in_w = 1, .out_c = 1},
    {.kind = WN__OP_LINEAR, .n = 5, .in_c = 16, .in_h = 4, .in_w = 3, .out_c = 10, .bias = true, .relu = true},
    {.kind = WN__OP_LINEAR, .n = 1, .in_c = 400, .in_h = 1, .in_w = 1, .out_c = 130, .bias = true},
    {.kind = WN__OP_LINEAR, .n = 2, .in_c = 784, .in_h = 1, .in_w = 1, .out_c = 300, .relu = true, .relu_most = 2},
    {.kind = WN__OP_LINEAR, .n = 3, .in_c = 1, .in_h = 28, .in_w = 28, .out_c = 7, .bias = true},
};

static const wn__op_desc pools[] = {
    {.kind = WN__OP_MAX_POOL, .n = 3, .in_c = 17, .in_h = 7, .in_w = 6, .kernel_h = 2, .stride = 2},
    {.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 5, .in_h = 57, .in_w = 46, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_MAX_POOL, .n = 2, .in_c = 1, .in_h = 5, .in_w = 90, .kernel_h = 3, .kernel_w = 2, .stride = 1, .pad = 1},
    {.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 2, .in_h = 40, .in_w = 40, .kernel_h = 4, .stride = 4},
    {.kind = WN__OP_MAX_POOL, .n = 5, .in_c = 2, .in_h = 1, .in_w = 1, .kernel_h = 1},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 64, .in_h = 8, .in_w = 8, .kernel_h = 8},
    {.kind = WN__OP_AVG_POOL, .n = 1, .in_c = 67, .in_h = 7, .in_w = 7, .kernel_h = 7},
    {.kind = WN__OP_AVG_POOL, .n = 2, .in_c = 7, .in_h = 7, .in_w = 6, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_AVG_POOL, .n = 1, .in_c = 1, .in_h = 1, .in_w = 1, .kernel_h = 1},
};

static const wn__op_desc sizes[] = {
    {.n = 1, .in_c = 1, .in_h = 1, .in_w = 1},   {.n = 3, .in_c = 5, .in_h = 1, .in_w = 9},    {.n = 5, .in_c = 17, .in_h = 1, .in_w = 1},
    {.n = 2, .in_c = 1, .in_h = 40, .in_w = 21}, {.n = 4, .in_c = 30, .in_h = 16, .in_w = 16},
};

TEST(convolutions_equal_the_reference_and_batch_lanes)
{
    for (size_t i = 0; i < COUNT(convolutions); i++)
        for (size_t k = 0; k < COUNT(densities); k++)
            check(convolutions[i], densities[k], 0);
}

TEST(convolutions_take_what_follows)
{
    for (size_t i = 0; i < COUNT(convolutions); i++)
        for (int inputs = 1; inputs <= 2; inputs++) {
            wn__op_desc d = convolutions[i];
            d.norm = true;
            d.inputs = inputs;
            check(d, i % 2 ? 0.2f : -1, 0);
            d.relu = !d.relu;
            if (!d.relu) d.relu_most = 0;
            check(d, i % 2 ? -1 : 0.2f, 0);
        }
}

TEST(linear_layers_equal_the_reference_and_batch_lanes)
{
    for (size_t i = 0; i < COUNT(linears); i++)
        for (size_t k = 0; k < COUNT(densities); k++)
            check(linears[i], densities[k], 0);
}

TEST(pools_equal_the_reference_and_batch_lanes)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        check(pools[i], -1, 0);
}

static void check_points(float special)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int relu = 0; relu <= 2; relu++)
            for (int inputs = 1; inputs <= 2; inputs++) {
                wn__op_desc d = sizes[i];
                d.inputs = inputs;
                d.relu = relu > 0;
                d.relu_most = relu == 2 ? 0.5f : 0;
                d.kind = WN__OP_NORM;
                check(d, -1, special);
                d.kind = WN__OP_ADD;
                check(d, -1, special);
            }
    check((wn__op_desc){.kind = WN__OP_DROPOUT, .n = 2, .in_c = 3, .in_h = 5, .in_w = 7, .rate = 0.4f}, -1, special);
}

TEST(norms_and_additions_equal_the_reference_and_batch_lanes) { check_points(0); }

TEST(nan_and_infinity_go_where_the_reference_lets_them)
{
    const float specials[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(specials); i++) {
        check_points(specials[i]);
        for (size_t k = 0; k < COUNT(pools); k++)
            check(pools[k], -1, specials[i]);
        for (size_t k = 0; k < COUNT(convolutions); k++)
            check(convolutions[k], k % 2 ? 0.3f : -1, specials[i]);
        for (size_t k = 0; k < COUNT(linears); k++)
            check(linears[k], k % 2 ? 0.3f : -1, specials[i]);
    }
}

/* --- dense layers by another backend -------------------------------------------------------------------------------------------- */

/* The device for few images beside `other`; *device is closed with tiny_device_close. */
static wn__few *few_beside(const wn__backend *other, int threads, wn__few_dense_kernels dense, wn__device **device, wn__pool **pool)
{
    CHECK_OK(wn__pool_new(threads, pool));
    CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){.pool = *pool, .dense = other}, device));
    wn__few *few = (wn__few *)(*device)->few;
    few->dense = dense;
    return few;
}

static void check_other(const wn__backend *other, wn__op_desc d, float density)
{
    problem p = make_problem(d, density);
    float *want = result_of(wn__backend_find("ref"), false, 2, &p);
    for (int threads = 1; threads <= 3; threads++) {
        wn__device *device;
        wn__pool *pool;
        wn__few *few = few_beside(other, threads, WN__FEW_DENSE_OTHER, &device, &pool);
        float *got = result_on(&few->base, &p);
        compare(&p, other->name, got, want, 2e-5);
        tiny_device_close(device, pool);
        wn__free(got);
    }
    wn__free(want);
    release_problem(&p);
}

TEST(dense_layers_of_another_backend_equal_the_reference)
{
    const wn__backend *other = wn__backend_find("onednn");
    if (!other) SKIP("no oneDNN");
    for (size_t i = 0; i < COUNT(convolutions); i++) {
        wn__op_desc d = convolutions[i];
        check_other(other, d, -1);
        check_other(other, d, 0.3f); /* stays here */
        d.norm = true;
        for (d.inputs = 1; d.inputs <= 2; d.inputs++)
            check_other(other, d, -1);
    }
    for (size_t i = 0; i < COUNT(linears); i++)
        check_other(other, linears[i], -1);
}

/* Is it by the other backend that a dense layer runs, once its weights are there? */
static bool runs_on_other(wn__few *few, const problem *p)
{
    wn__op *op;
    CHECK_OK(few->base.prepare(&few->base, &p->d, &op));
    CHECK_OK(op->cls->pack(op, (float *const *)p->param));
    const bool other = strncmp(op->implementation, "onednn ", 7) == 0;
    CHECK(other || strcmp(op->implementation, "winnow planes") == 0);
    op->cls->release(op);
    return other;
}

TEST(a_dense_layer_runs_on_what_was_measured_once)
{
    const wn__op_desc layers[] = {{.n = 1, .in_c = 128, .in_h = 12, .in_w = 12, .out_c = 128, .kernel_h = 3, .pad = 1},
                                  {.kind = WN__OP_LINEAR, .n = 4, .in_c = 1500, .in_h = 1, .in_w = 1, .out_c = 300},
                                  {.n = 1, .in_c = 64, .in_h = 20, .in_w = 20, .out_c = 64, .kernel_h = 3, .pad = 1, .groups = 64}};
    const wn__backend *onednn = wn__backend_find("onednn");
    if (!onednn) SKIP("no oneDNN");
    for (size_t i = 0; i < COUNT(layers); i++) {
        problem p = make_problem(layers[i], -1);
        wn__device *device;
        wn__pool *pool;
        wn__few *few = few_beside(onednn, 1, WN__FEW_DENSE_MEASURED, &device, &pool);
        const bool first = runs_on_other(few, &p);
        for (int again = 0; again < 3; again++)
            CHECK(runs_on_other(few, &p) == first);
        few->dense = WN__FEW_DENSE_OTHER;
        CHECK(runs_on_other(few, &p) == (layers[i].groups <= 1)); /* depthwise layers stay */
        few->dense = WN__FEW_DENSE_OWN;
        CHECK(!runs_on_other(few, &p));
        tiny_device_close(device, pool);
        few = few_beside(NULL, 1, WN__FEW_DENSE_OTHER, &device, &pool);
        CHECK(!runs_on_other(few, &p));
        tiny_device_close(device, pool);
        release_problem(&p);
    }
}

/* --- whole networks ------------------------------------------------------------------------------------------------------------ */

typedef struct network {
    const char *name, *set;
    int image;
    double sparsity;
    bool compressed;
    int64_t n;
} network;

typedef struct machine {
    const wn__backend *backend;
    bool few;
    int threads;
    bool bound; /* by memory, so that larger batches are run as few images, too */
} machine;

static wn_graph *build(const network *net)
{
    const int channels = net->image == 28 ? 1 : 3;
    const wn__named_model named = {
        .name = net->name, .set = &net->set, .sets = net->set ? 1 : 0, .input = {channels, net->image, net->image, 10}};
    wn_graph *g;
    CHECK_OK(wn__named_model_build(&named, &g));
    return g;
}

/* Weights, running statistics that are not those of a new network, and masks. */
static void draw_params(const network *net, const wn_graph *g, wn__params *params)
{
    wn__rng r = wn__rng_make(2, WN__FOR_TEST, 0, 0);
    CHECK_OK(wn__graph_make_params(g, params));
    CHECK_OK(wn__init_params(params, &(wn__init_options){0}, 1));
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        const bool scale = p->role == WN__VARIANCE || p->role == WN__SCALE;
        for (int64_t k = 0; p->role != WN__WEIGHT && k < p->stored; k++)
            p->value[k] = (scale ? 1 : 0) + 0.4f * (wn__rng_uniform(&r) - 0.5f);
    }
    wn__selection selection;
    int64_t *active = WN_NEW_ARRAY(int64_t, params->count);
    CHECK_OK(wn__selection_make(g, NULL, 0, &selection));
    CHECK_OK(wn__distribution_counts(params, &selection, &(wn__distribute){.sparsity = net->sparsity}, active, NULL));
    CHECK_OK(wn__masks_random(params, &selection, active, 0));
    if (net->compressed) CHECK_OK(wn__params_compress_masked(params));
    wn__selection_release(&selection);
    wn__free(active);
}

static void check_planes(void *user, const char *layer, const char *implementation)
{
    (void)layer;
    CHECK((strcmp(implementation, "winnow planes") == 0) == *(const bool *)user);
}

static float *logits_of(const network *net, machine m)
{
    wn_graph *g = build(net);
    wn__params params = {0};
    wn__pool *pool;
    wn__executor *ex;
    wn__device *device = tiny_device(m.backend->name, m.threads, WN__F32, &pool);
    draw_params(net, g, &params);
    if (!m.few) device->few_images = 0;
    device->few_bytes = m.bound ? 0 : SIZE_MAX;
    device->few_products = INFINITY;
    CHECK_OK(wn__executor_new(g, &params, device, &(wn__executor_options){.batch = net->n}, &ex));
    float *images = tiny_images(g, net->n, 3), *logits = floats(net->n * 10);
    CHECK_OK(wn__executor_infer(ex, images, net->n, (wn__step_info){0}, logits));
    if (m.few && net->n > WN__FEW_IMAGES) CHECK_OK(wn__executor_kernels(ex, net->n, check_planes, &m.bound));
    wn__executor_free(ex);
    tiny_device_close(device, pool);
    wn__params_release(&params);
    wn_graph_free(g);
    wn__free(images);
    return logits;
}

static void check_network(network net)
{
    float *want = logits_of(&net, (machine){wn__backend_find("ref"), false, 2, false});
    float *lanes = logits_of(&net, (machine){&wn__backend_sparse, false, 2, false});
    float *one = logits_of(&net, (machine){&wn__backend_sparse, true, 1, false}),
          *three = logits_of(&net, (machine){&wn__backend_sparse, true, 3, true});
    double largest = 0;
    for (int64_t i = 0; i < net.n * 10; i++)
        largest = fmax(largest, fabs((double)want[i]));
    CHECK(largest > 0);
    for (int64_t i = 0; i < net.n * 10; i++)
        if (!(fabs((double)one[i] - (double)want[i]) <= 1e-4 * largest) || one[i] != lanes[i] || one[i] != three[i])
            WN_TEST_FAIL("%s, %lld images, logit %lld: %.9g, with three threads %.9g, in batch lanes %.9g, reference %.9g", net.name,
                         (long long)net.n, (long long)i, (double)one[i], (double)three[i], (double)lanes[i], (double)want[i]);
    wn__free(want);
    wn__free(lanes);
    wn__free(one);
    wn__free(three);
}

TEST(networks_equal_the_reference_and_batch_lanes)
{
    static const network networks[] = {
        {"resnet20", NULL, 32, 0.9, true, 1},
        {"resnet20", NULL, 16, 0.9, false, 3},
        {"resnet20", NULL, 16, 0, false, 2},
        {"wrn-22-2", "scale=0.5", 32, 0.95, true, 1},
        {"lenet5", NULL, 28, 0.8, true, 4},
        {"lenet5-caffe", NULL, 28, 0, true, 1},
        {"lenet-300-100", NULL, 28, 0.9, true, 2},
        {"vgg16", "width=0.4", 32, 0.95, true, 1},
        {"mobilenet-v1", "width=0.5", 64, 0.5, true, 1},
        {"mobilenet-v2", "width=0.5", 64, 0.8, true, 2},
        {"resnet50", "width=0.3", 64, 0.95, true, 1},
        {"mobilenet-v1", "width=0.25", 32, 0.5, true, 10}, /* three images at a time with three threads, and one is left */
        {"resnet20", "width=0.5", 16, 0, false, 20},
    };
    for (size_t i = 0; i < COUNT(networks); i++)
        check_network(networks[i]);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(convolutions_equal_the_reference_and_batch_lanes),
                                    RUN(convolutions_take_what_follows),
                                    RUN(linear_layers_equal_the_reference_and_batch_lanes),
                                    RUN(pools_equal_the_reference_and_batch_lanes),
                                    RUN(norms_and_additions_equal_the_reference_and_batch_lanes),
                                    RUN(nan_and_infinity_go_where_the_reference_lets_them),
                                    RUN(dense_layers_of_another_backend_equal_the_reference),
                                    RUN(a_dense_layer_runs_on_what_was_measured_once),
                                    RUN(networks_equal_the_reference_and_batch_lanes),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
