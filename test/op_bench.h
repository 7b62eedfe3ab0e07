/* Drives one operation of backend ref directly: owns every buffer of a wn__op_args, and runs phases as the executor would.
 * Activations of ref are plain (n,c,h,w) float32, so tests read and write them in place. */
#ifndef WN_TEST_OP_BENCH_H
#define WN_TEST_OP_BENCH_H

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "test.h"

typedef struct op_bench {
    wn__op_desc d;
    wn__pool *pool;
    wn__device *device;
    wn__op *op;
    wn__op_args a;
    int64_t in_count, out_count, param_count[2]; /* floats in the whole batch */
    float *gradient, *t_gradient;                /* what dout[0] and t_dout[0] start from; BACKWARD_PREPARE works in place */
    wn__rng rng;
} op_bench;

static inline float *op_bench_floats(int64_t count)
{
    float *x = WN_NEW_ARRAY(float, count + 1);
    CHECK(x != NULL);
    return x;
}

/* Uniform in (-1, 1). */
static inline void op_bench_draw(op_bench *b, float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = 2 * wn__rng_uniform(&b->rng) - 1;
}

static inline void op_bench_make_params(op_bench *b)
{
    const wn__op_desc *d = &b->d;
    const bool norm = d->kind == WN__OP_NORM;
    if (d->kind == WN__OP_CONV) b->param_count[0] = d->out_c * (d->in_c / d->groups) * d->kernel_h * d->kernel_w;
    if (d->kind == WN__OP_LINEAR) b->param_count[0] = d->out_c * d->in_c * d->in_h * d->in_w;
    if (norm) b->param_count[0] = d->in_c;
    if (norm || d->bias) b->param_count[1] = d->out_c;
    for (int k = 0; k < 2; k++) {
        if (!b->param_count[k]) continue;
        b->a.param[k] = op_bench_floats(b->param_count[k]);
        b->a.dparam[k] = op_bench_floats(b->param_count[k]);
        b->a.t_dparam[k] = op_bench_floats(b->param_count[k]);
        float *tangent = op_bench_floats(b->param_count[k]);
        op_bench_draw(b, b->a.param[k], b->param_count[k]);
        op_bench_draw(b, tangent, b->param_count[k]);
        b->a.t_param[k] = tangent;
    }
    for (int k = 2; norm && k < 4; k++) {
        b->a.param[k] = op_bench_floats(d->in_c);
        for (int64_t c = 0; c < d->in_c; c++)
            b->a.param[k][c] = k == 2 ? 0.1f * (float)c : 1 + 0.2f * (float)c;
    }
}

/* Fills in the output's size where it follows from the input's, and makes everything, with random values, params and gradients. */
static inline op_bench *op_bench_new(wn__op_desc d, int threads)
{
    op_bench *b = WN_NEW(op_bench);
    CHECK(b != NULL);
    const bool window = d.kind == WN__OP_CONV || d.kind == WN__OP_MAX_POOL || d.kind == WN__OP_AVG_POOL;
    if (!d.inputs) d.inputs = 1;
    if (!d.groups) d.groups = 1;
    if (!d.stride) d.stride = 1;
    if (!d.kernel_w) d.kernel_w = d.kernel_h;
    if (!d.eps) d.eps = 1e-5f;
    if (!d.momentum) d.momentum = 0.1f;
    if (!d.out_c) d.out_c = d.in_c;
    if (!d.out_h) d.out_h = window ? (d.in_h + 2 * d.pad - d.kernel_h) / d.stride + 1 : d.kind == WN__OP_LINEAR ? 1 : d.in_h;
    if (!d.out_w) d.out_w = window ? (d.in_w + 2 * d.pad - d.kernel_w) / d.stride + 1 : d.kind == WN__OP_LINEAR ? 1 : d.in_w;
    d.input_gradient = true;
    b->d = d;
    b->rng = wn__rng_make(7, WN__FOR_TEST, (uint64_t)d.kind, (uint64_t)d.n);
    CHECK_OK(wn__pool_new(threads, &b->pool));
    const wn__backend *ref = wn__backend_find("ref");
    CHECK(ref != NULL);
    const wn__device_options options = {.dtype = WN__F32, .pool = b->pool};
    CHECK_OK(ref->open(ref, &options, &b->device));
    CHECK_OK(b->device->prepare(b->device, &d, &b->op));
    b->in_count = d.n * d.in_c * d.in_h * d.in_w;
    b->out_count = d.n * d.out_c * d.out_h * d.out_w;
    b->a.n = d.n;
    b->a.step = (wn__step_info){.training = true, .seed = 3, .step = 11};
    for (int i = 0; i < d.inputs; i++) {
        float *in = op_bench_floats(b->in_count), *t_in = op_bench_floats(b->in_count);
        op_bench_draw(b, in, b->in_count);
        op_bench_draw(b, t_in, b->in_count);
        b->a.in[i] = in;
        b->a.t_in[i] = t_in;
        b->a.din[i] = op_bench_floats(b->in_count);
        b->a.t_din[i] = op_bench_floats(b->in_count);
    }
    b->a.out = op_bench_floats(b->out_count);
    b->a.t_out = op_bench_floats(b->out_count);
    b->a.dout[0] = op_bench_floats(b->out_count);
    b->a.t_dout[0] = op_bench_floats(b->out_count);
    b->gradient = op_bench_floats(b->out_count);
    b->t_gradient = op_bench_floats(b->out_count);
    op_bench_draw(b, b->gradient, b->out_count);
    op_bench_draw(b, b->t_gradient, b->out_count);
    b->a.saved = wn__alloc(b->op->saved_bytes);
    b->a.t_saved = wn__alloc(b->op->saved_bytes);
    b->a.scratch = wn__alloc(b->op->scratch_bytes);
    CHECK(b->a.saved && b->a.t_saved && b->a.scratch);
    memset(b->a.scratch, 0xff, b->op->scratch_bytes); /* NaNs */
    op_bench_make_params(b);
    return b;
}

static inline void op_bench_free(op_bench *b)
{
    for (int i = 0; i < 2; i++) {
        void *owned[] = {(void *)b->a.in[i], (void *)b->a.t_in[i], b->a.din[i],    b->a.t_din[i],           b->a.dout[i],    b->a.t_dout[i],
                         b->a.param[i],      b->a.param[2 + i],    b->a.dparam[i], (void *)b->a.t_param[i], b->a.t_dparam[i]};
        for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
            wn__free(owned[k]);
    }
    wn__free(b->a.out);
    wn__free(b->a.t_out);
    wn__free(b->a.saved);
    wn__free(b->a.t_saved);
    wn__free(b->a.scratch);
    wn__free(b->gradient);
    wn__free(b->t_gradient);
    b->op->cls->release(b->op);
    b->device->close(b->device);
    wn__pool_free(b->pool);
    wn__free(b);
}

typedef struct op_bench_call {
    op_bench *b;
    wn__phase phase;
} op_bench_call;

static inline void op_bench_block(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const op_bench_call *call = arg;
    op_bench *b = call->b;
    const int64_t block = b->device->block, first = chunk * block, left = b->a.n - first;
    if (wn__op_run(b->op, call->phase, &b->a, first, left < block ? left : block) != WN_OK) abort();
}

static inline void op_bench_run(op_bench *b, wn__phase phase)
{
    op_bench_call call = {b, phase};
    if (wn__op_runs(b->op, phase)) wn__parallel_for(b->pool, (b->a.n + b->device->block - 1) / b->device->block, op_bench_block, &call);
    if (b->op->cls->finish[phase]) CHECK_OK(b->op->cls->finish[phase](b->op, &b->a));
}

static inline void op_bench_forward(op_bench *b)
{
    if (b->a.step.training) op_bench_run(b, WN__STATISTICS);
    op_bench_run(b, WN__FORWARD);
}

static inline void op_bench_backward(op_bench *b)
{
    memcpy(b->a.dout[0], b->gradient, (size_t)b->out_count * sizeof(float));
    op_bench_run(b, WN__BACKWARD_PREPARE);
    op_bench_run(b, WN__BACKWARD_PARAMS);
    op_bench_run(b, WN__BACKWARD_DATA);
}

/* Everything and its tangent, in the order in which the executor does it. */
static inline void op_bench_tangents(op_bench *b)
{
    op_bench_forward(b);
    if (b->a.step.training) op_bench_run(b, WN__TANGENT_STATISTICS);
    op_bench_run(b, WN__TANGENT_FORWARD);
    memcpy(b->a.t_dout[0], b->t_gradient, (size_t)b->out_count * sizeof(float));
    memcpy(b->a.dout[0], b->gradient, (size_t)b->out_count * sizeof(float));
    op_bench_run(b, WN__BACKWARD_PREPARE);
    op_bench_run(b, WN__TANGENT_PREPARE);
    op_bench_run(b, WN__BACKWARD_PARAMS);
    op_bench_run(b, WN__TANGENT_PARAMS);
    op_bench_run(b, WN__TANGENT_DATA);
    op_bench_run(b, WN__BACKWARD_DATA);
}

static inline const float *op_bench_out(const op_bench *b) { return b->a.out; }
static inline float *op_bench_in(const op_bench *b, int i) { return (float *)b->a.in[i]; }

#endif
