/* One operation on a backend and on ref, through all phases: same parameters and images, results compared. Tensors may have borders, batches
 * leave lanes unused. Buffers hold garbage before they are written, and unused lanes of values hold numbers. */
#ifndef WN_TEST_OP_PAIR_H
#define WN_TEST_OP_PAIR_H

#include "backend/sparse/sparse.h"
#include "backend/sparse/sparse_device.h"
#include "op_desc.h"

typedef struct options {
    bool evaluation, two_gradients, accumulate, in_place;
    bool ties;     /* inputs are -1, 0 or 1 */
    int band;      /* rows that a phase is given at a time; 0: all */
    float offset;  /* added to the inputs */
    float special; /* if not 0: stands in the middle of the first input */
    float density; /* of a convolution's or linear layer's weight; 0: dense, and nothing is bound */
    wn__dtype dtype;
} options;

/* One operation on one device with all its buffers, filled from plain arrays and read back to them. */
typedef struct side {
    wn__device *device;
    wn__op *op;
    wn__op_args a;
    wn__kernels kernels;
    int band;
    void *owned_din[2];
    float *out, *din[2], *dparam[2]; /* plain results */
} side;

typedef struct pair {
    wn__op_desc d;
    options o;
    int64_t in, out, param[2];
    float *plain_in[2], *plain_dout[2], *plain_param[4];
    bool has_pattern;
    wn__pattern pattern;
    wn__pool *pool;
    side ref, own;
} pair;

static inline wn__shape in_shape(const pair *p, const side *s, int i)
{
    return (wn__shape){p->d.n, p->d.in_c, p->d.in_h, p->d.in_w, s->device->borders ? p->d.in_border[i] : 0};
}
static inline wn__shape out_shape(const pair *p, const side *s)
{
    return (wn__shape){p->d.n, p->d.out_c, p->d.out_h, p->d.out_w, s->device->borders ? p->d.out_border : 0};
}

static inline void *garbage(size_t bytes)
{
    void *x = wn__alloc(bytes);
    CHECK(x != NULL);
    memset(x, 0xFF, bytes); /* NaNs */
    return x;
}

static inline void *activation(side *s, const float *plain, wn__shape shape)
{
    void *x = garbage(s->device->activation_bytes(s->device, &shape));
    if (plain) CHECK_OK(s->device->upload(s->device, plain, &shape, x));
    return x;
}

enum unused { ZERO, FINITE, ANYTHING };

/* What the backend promises of a written tensor: a border of zeros, and unused lanes as the word says. */
static inline void check_written(const side *s, const char *what, const void *tensor, wn__shape shape, enum unused unused)
{
    if (!s->device->borders) return;
    const wn__lane_layout l = wn__lane_layout_of(shape.c, shape.h, shape.w, shape.border);
    const float *x = tensor;
    for (int64_t i = 0; i < wn__chunks(shape.n) * l.block; i++) {
        if (i % l.plane >= l.row * (l.h + 2 * l.border)) continue; /* between channels */
        const int64_t y = i % l.plane / l.row - l.border, column = i % l.plane % l.row - l.border, first = i / l.block * WN__LANE;
        const bool inside = y >= 0 && y < l.h && column >= 0 && column < l.w;
        for (int64_t k = 0; k < WN__LANE; k++) {
            const float value = x[i * WN__LANE + k];
            const bool is_unused = first + k >= shape.n;
            if (!inside && value != 0) WN_TEST_FAIL("%s: border at pixel %lld is %g", what, (long long)i, (double)value);
            if (inside && is_unused && unused == ZERO && value != 0)
                WN_TEST_FAIL("%s: unused lane at pixel %lld is %g", what, (long long)i, (double)value);
            if (inside && is_unused && unused == FINITE && !isfinite(value))
                WN_TEST_FAIL("%s: unused lane at pixel %lld is %g", what, (long long)i, (double)value);
        }
    }
}

static inline void fill_unused_lanes(const side *s, void *tensor, wn__shape shape, float value)
{
    if (!s->device->borders) return;
    const wn__lane_layout l = wn__lane_layout_of(shape.c, shape.h, shape.w, shape.border);
    float *x = wn__lane_block(tensor, &l, shape.n - 1);
    for (int64_t c = 0; c < l.c; c++)
        for (int64_t y = 0; y < l.h; y++)
            for (int64_t column = 0; column < l.w; column++)
                for (int64_t k = (shape.n - 1) % WN__LANE + 1; k < WN__LANE; k++)
                    x[(c * l.plane + l.origin + y * l.row + column) * WN__LANE + k] = value;
}

/* Where the plan lets gradients of inputs take the place of the output's gradient. */
static inline bool shares_gradient(const pair *p, const side *s, int i)
{
    const wn__op_desc *d = &p->d;
    if (!p->o.in_place || !s->device->borders || d->in_border[i] != d->out_border) return false;
    return d->kind == WN__OP_ADD || (d->kind == WN__OP_NORM && i == d->inputs - 1);
}

static inline void make_params(const pair *p, side *s)
{
    for (int k = 0; k < 4; k++) {
        const int64_t n = k < 2 ? p->param[k] : p->d.kind == WN__OP_NORM ? p->d.in_c : 0;
        if (!n) continue;
        s->a.param[k] = floats(n);
        memcpy(s->a.param[k], p->plain_param[k], (size_t)n * sizeof(float));
        if (k == 0 && p->has_pattern && s->device->compressed) wn__pattern_gather(&p->pattern, p->plain_param[0], s->a.param[0]);
        if (k > 1) continue;
        s->a.dparam[k] = s->dparam[k] = floats(n);
        for (int64_t i = 0; i < n; i++)
            s->dparam[k][i] = 0.5f;
    }
}

static inline void open_side(const pair *p, const wn__backend *b, wn__dtype dtype, side *s)
{
    const wn__op_desc *d = &p->d;
    const wn__device_options wanted = {.dtype = dtype, .pool = p->pool, .kernels = s->kernels};
    CHECK_OK(b->open(b, &wanted, &s->device));
    CHECK_OK(s->device->prepare(s->device, d, &s->op));
    s->band = p->o.band;
    s->a = (wn__op_args){.step = {.training = !p->o.evaluation, .update_statistics = !p->o.evaluation, .seed = 5, .step = 3},
                         .n = d->n,
                         .accumulate = p->o.accumulate};
    for (int i = 0; i < (p->o.two_gradients ? 2 : 1); i++) {
        s->a.dout[i] = activation(s, p->plain_dout[i], out_shape(p, s));
        check_written(s, "uploaded gradient", s->a.dout[i], out_shape(p, s), ZERO);
    }
    for (int i = 0; i < d->inputs; i++) {
        void *in = activation(s, p->plain_in[i], in_shape(p, s, i));
        check_written(s, "uploaded image", in, in_shape(p, s, i), ZERO);
        fill_unused_lanes(s, in, in_shape(p, s, i), 3.5f);
        s->a.in[i] = in;
        if (!shares_gradient(p, s, i)) s->owned_din[i] = activation(s, NULL, in_shape(p, s, i));
        s->a.din[i] = s->owned_din[i] ? s->owned_din[i] : s->a.dout[0];
        s->din[i] = floats(p->in);
    }
    s->a.out = activation(s, NULL, out_shape(p, s));
    s->out = floats(p->out);
    s->a.saved = garbage(s->op->saved_bytes);
    s->a.scratch = garbage(s->op->scratch_bytes);
    make_params(p, s);
}

static inline wn_status run_bands(side *s, wn__phase phase, int64_t first, int64_t n)
{
    if (!s->band || !s->op->cls->run_rows[phase]) return wn__op_run(s->op, phase, &s->a, first, n);
    const int64_t height = wn__op_height(s->op, phase);
    for (int64_t y = 0; y < height; y += s->band)
        CHECK_OK(s->op->cls->run_rows[phase](s->op, &s->a, first, n, (wn__rows){y, y + s->band < height ? y + s->band : height}));
    return WN_OK;
}

static inline void run_phase(side *s, wn__phase phase)
{
    const int64_t n = s->a.n, block = s->device->block ? s->device->block : n;
    for (int64_t first = 0; wn__op_runs(s->op, phase) && first < n; first += block)
        CHECK_OK(run_bands(s, phase, first, n - first < block ? n - first : block));
    if (s->op->cls->finish[phase]) CHECK_OK(s->op->cls->finish[phase](s->op, &s->a));
}

static inline void run_side(const pair *p, side *s)
{
    const wn__op_desc *d = &p->d;
    const wn__shape out = out_shape(p, s);
    if (s->op->cls->bind) CHECK_OK(s->op->cls->bind(s->op, p->has_pattern ? &p->pattern : NULL));
    if (s->op->cls->pack) CHECK_OK(s->op->cls->pack(s->op, s->a.param));
    if (s->a.step.training) run_phase(s, WN__STATISTICS);
    run_phase(s, WN__FORWARD);
    check_written(s, "output", s->a.out, out, p->o.special != 0 ? ANYTHING : FINITE);
    CHECK_OK(s->device->download(s->device, s->a.out, &out, s->out));
    run_phase(s, WN__BACKWARD_PREPARE);
    check_written(s, "prepared gradient", s->a.dout[0], out, ZERO);
    s->a.dout[1] = NULL;
    run_phase(s, WN__BACKWARD_PARAMS);
    run_phase(s, WN__BACKWARD_DATA);
    for (int i = 0; i < d->inputs; i++) {
        const wn__shape in = in_shape(p, s, i);
        check_written(s, "gradient of input", s->a.din[i], in, ZERO);
        CHECK_OK(s->device->download(s->device, s->a.din[i], &in, s->din[i]));
    }
}

static inline void close_side(side *s, void *second_gradient)
{
    for (int i = 0; i < 2; i++) {
        wn__free((void *)s->a.in[i]);
        wn__free(s->owned_din[i]);
        wn__free(s->din[i]);
        wn__free(s->dparam[i]);
    }
    for (int k = 0; k < 4; k++)
        wn__free(s->a.param[k]);
    wn__free(s->a.dout[0]);
    wn__free(second_gradient);
    wn__free(s->a.out);
    wn__free(s->out);
    wn__free(s->a.saved);
    wn__free(s->a.scratch);
    s->op->cls->release(s->op);
    s->device->close(s->device);
}

static inline void run_and_close(const pair *p, side *s, void (*compare)(const pair *p))
{
    void *second = s->a.dout[1];
    run_side(p, s);
    if (compare) compare(p);
    close_side(s, second);
}

/* Largest difference over the largest value, at most `tolerance`; NaNs and infinities must agree. */
static inline void compare(const pair *p, const char *what, const float *got, const float *want, int64_t n, double tolerance)
{
    const wn__op_desc *d = &p->d;
    double difference = 0, largest = 1; /* inputs, gradients and weights are drawn of size 1 */
    for (int64_t i = 0; i < n; i++) {
        if (isnan(got[i]) != isnan(want[i]) || isinf(got[i]) != isinf(want[i]))
            WN_TEST_FAIL("%s[%lld] of kind %d is %g, reference %g", what, (long long)i, (int)d->kind, (double)got[i], (double)want[i]);
        if (!isfinite(want[i])) continue;
        difference = fmax(difference, fabs((double)got[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    if (!(difference <= tolerance * largest))
        WN_TEST_FAIL(
            "%s of kind %d (%lld of %lld x %lld x %lld, kernel %d, stride %d, pad %d, groups %d, borders %d %d to %d): off by %g of %g",
            what, (int)d->kind, (long long)d->n, (long long)d->in_c, (long long)d->in_h, (long long)d->in_w, d->kernel_h, d->stride, d->pad,
            d->groups, d->in_border[0], d->in_border[1], d->out_border, difference, largest);
}

static inline void compare_params(const pair *p, double tolerance)
{
    for (int k = 0; k < 2; k++) {
        if (!p->param[k]) continue;
        const bool some = k == 0 && p->has_pattern;
        float *want = some ? floats(p->pattern.stored) : p->ref.dparam[k];
        if (some) wn__pattern_gather(&p->pattern, p->ref.dparam[0], want);
        compare(p, k ? "gradient of parameter 1" : "gradient of parameter 0", p->own.dparam[k], want,
                some ? p->pattern.stored : p->param[k], tolerance);
        if (some) wn__free(want);
    }
    for (int k = 2; k < 4 && p->d.kind == WN__OP_NORM; k++)
        compare(p, "running statistics", p->own.a.param[k], p->ref.a.param[k], p->d.in_c, tolerance);
}

static inline void compare_sides(const pair *p)
{
    const wn__op_kind kind = p->d.kind;
    const bool rounded = p->o.dtype == WN__BF16;
    const double tolerance = rounded ? 2e-2 : p->o.offset > 0 ? 1e-4 : 2e-5;
    const bool exact = !rounded && (kind == WN__OP_ADD || kind == WN__OP_DROPOUT);
    const bool exact_output = exact || (!rounded && kind == WN__OP_MAX_POOL);
    compare(p, "output", p->own.out, p->ref.out, p->out, exact_output ? 0 : tolerance);
    for (int i = 0; i < p->d.inputs; i++)
        compare(p, "gradient of input", p->own.din[i], p->ref.din[i], p->in, exact ? 0 : tolerance);
    compare_params(p, tolerance);
}

/* Zeros in the weight, and the pattern of the rest. */
static inline void make_pattern(pair *p, wn__rng *r)
{
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, p->param[0]);
    for (int64_t i = 0; i < p->param[0]; i++) {
        mask[i] = wn__rng_uniform(r) < p->o.density;
        if (!mask[i]) p->plain_param[0][i] = 0;
    }
    CHECK_OK(wn__pattern_from_mask(p->d.out_c, p->param[0] / p->d.out_c, mask, &p->pattern));
    p->has_pattern = true;
    wn__free(mask);
}

/* Inputs, gradients and weights that bfloat16 holds exactly. */
static inline void to_bf16_values(float *x, int64_t n)
{
    for (int64_t i = 0; x && i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0xFFFF0000u;
        memcpy(&x[i], &bits, sizeof bits);
    }
}

static inline void round_all(pair *p)
{
    for (int i = 0; i < 2; i++) {
        to_bf16_values(p->plain_in[i], p->in);
        to_bf16_values(p->plain_dout[i], p->out);
    }
    if (p->d.kind != WN__OP_NORM) to_bf16_values(p->plain_param[0], p->param[0]);
}

static inline void draw_all(pair *p)
{
    const wn__op_desc *d = &p->d;
    wn__rng r = wn__rng_make(1, WN__FOR_TEST, (uint64_t)d->kind, (uint64_t)(d->n * 1000 + d->in_c));
    p->in = d->n * d->in_c * d->in_h * d->in_w;
    p->out = d->n * d->out_c * d->out_h * d->out_w;
    if (d->kind == WN__OP_CONV) p->param[0] = d->out_c * (d->in_c / d->groups) * d->kernel_h * d->kernel_w;
    if (d->kind == WN__OP_LINEAR) p->param[0] = d->out_c * d->in_c * d->in_h * d->in_w;
    if (d->kind == WN__OP_NORM) p->param[0] = d->in_c;
    if (d->kind == WN__OP_NORM || d->bias) p->param[1] = d->out_c;
    for (int i = 0; i < 2; i++) {
        p->plain_in[i] = draw(&r, p->in, p->o.offset - 1, p->o.offset + 1);
        p->plain_dout[i] = draw(&r, p->out, -1, 1);
        if (p->param[i]) p->plain_param[i] = draw(&r, p->param[i], -1, 1);
        if (d->kind == WN__OP_NORM) p->plain_param[2 + i] = draw(&r, d->in_c, 0.5f, 1.5f);
    }
    for (int64_t i = 0; p->o.ties && i < p->in; i++)
        p->plain_in[0][i] = roundf(p->plain_in[0][i]);
    if (p->o.dtype == WN__BF16) round_all(p);
    if (p->o.special != 0) p->plain_in[0][p->in / 2] = p->o.special;
    if (p->o.density > 0) make_pattern(p, &r);
}

/* The operation on a backend against ref. */
static inline void check_on(const char *backend, wn__op_desc desc, options o)
{
    pair p = {.d = complete(desc), .o = o};
    draw_all(&p);
    CHECK_OK(wn__pool_new(2, &p.pool));
    open_side(&p, wn__backend_find("ref"), WN__F32, &p.ref);
    open_side(&p, wn__backend_find(backend), o.dtype, &p.own);
    void *second = p.ref.a.dout[1];
    run_side(&p, &p.ref);
    run_and_close(&p, &p.own, compare_sides);
    close_side(&p.ref, second);
    for (int i = 0; i < 2; i++) {
        wn__free(p.plain_in[i]);
        wn__free(p.plain_dout[i]);
        wn__free(p.plain_param[i]);
        wn__free(p.plain_param[2 + i]);
    }
    wn__pattern_release(&p.pattern);
    wn__pool_free(p.pool);
}

#endif
