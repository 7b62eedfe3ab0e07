/* Batch normalisation (Ioffe and Szegedy 2015) with optional residual and ReLU; the formulas stand in ref/ref_norm.c.
 *
 * Kernels work with float32 coefficients per channel, made from double ones. The mean is rounded to float32 on the way; what that loses
 * is put into the other coefficients, so that a mean large beside the deviation costs nothing: with m the mean, f its rounding,
 *     (x - m) k + shift = (x - f) k + (shift - (m - f) k).
 * The ReLU's mask is recomputed from the input where there is no residual, so the output need not be kept. */
#include <math.h>

#include "backend/onednn/onednn.h"
#include "base/fail.h"

/* Rows of channels in `saved`: double, then float32. The last two are written by BACKWARD_PREPARE. */
enum { MEAN, R, S1, S2, DOUBLES };
enum { FLOAT_MEAN, FACTOR, SHIFT, OFFSET, SLOPE, FLOATS };

static double *saved_row(const wn__op *op, const wn__op_args *args, int row) { return (double *)args->saved + row * op->desc.in_c; }
static float *saved_floats(const wn__op *op, const wn__op_args *args) { return (float *)saved_row(op, args, DOUBLES); }
static int64_t pixels(const wn__op_desc *d) { return d->in_h * d->in_w; }

/* Scratch of a chunk: the larger of its moments and of its coefficients; double[2] is the unit, c of them a row. */
typedef struct pair {
    double a, b;
} pair;
enum { ROWS_OF_CHUNK = 2 };

static pair *chunk_scratch(const wn__op *op, const wn__op_args *args, int64_t chunk)
{
    return (pair *)args->scratch + chunk * ROWS_OF_CHUNK * op->desc.in_c;
}

static void set_coefficients(const wn__op *op, const wn__op_args *args, int64_t c, double mean, double r, float *floats)
{
    const int64_t channels = op->desc.in_c;
    const double factor = args->param[0][c] * r, rounded = (float)mean;
    floats[FLOAT_MEAN * channels + c] = (float)mean;
    floats[FACTOR * channels + c] = (float)factor;
    floats[SHIFT * channels + c] = (float)(args->param[1][c] - (mean - rounded) * factor);
}

/* Mean and 1/deviation that the phase works with. */
static void statistics_at(const wn__op *op, const wn__op_args *args, int64_t c, double *mean, double *r)
{
    if (args->step.training) {
        *mean = saved_row(op, args, MEAN)[c];
        *r = saved_row(op, args, R)[c];
    } else {
        *mean = args->param[2][c];
        *r = 1 / sqrt((double)args->param[3][c] + op->desc.eps);
    }
}

/* In training they were saved with the statistics; otherwise they are made for each chunk. */
static wn__nhwc_norm coefficients(const wn__op *op, const wn__op_args *args, int64_t chunk)
{
    const int64_t channels = op->desc.in_c;
    float *floats = args->step.training ? saved_floats(op, args) : (float *)chunk_scratch(op, args, chunk);
    for (int64_t c = 0; !args->step.training && c < channels; c++) {
        double mean, r;
        statistics_at(op, args, c, &mean, &r);
        set_coefficients(op, args, c, mean, r, floats);
    }
    return (wn__nhwc_norm){floats + FLOAT_MEAN * channels, floats + FACTOR * channels, floats + SHIFT * channels};
}

/* --- statistics ---------------------------------------------------------------------------------------------------------------- */

static wn_status statistics(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    double *mean = (double *)chunk_scratch(op, args, first / WN__CHUNK), *m2 = mean + d->in_c;
    wn__onednn_of(op)->kernels->moments(n * pixels(d), d->in_c, wn__onednn_at_const(op, args->in[0], first * wn__onednn_in_size(d)), mean,
                                        m2);
    return WN_OK;
}

static wn__moments merge_chunks(const wn__op *op, const wn__op_args *args, int64_t c)
{
    const wn__op_desc *d = &op->desc;
    wn__moments all = {0, 0, 0};
    for (int64_t first = 0; first < args->n; first += WN__CHUNK) {
        const double *mean = (const double *)chunk_scratch(op, args, first / WN__CHUNK);
        const int64_t n = args->n - first < WN__CHUNK ? args->n - first : WN__CHUNK;
        const wn__moments both[] = {all, {(double)(n * pixels(d)), mean[c], mean[d->in_c + c]}};
        wn__reduce_moments(both, 2, 1, &all);
    }
    return all;
}

static void move_towards(float *running, float momentum, double now) { *running = (float)((1.0 - momentum) * *running + momentum * now); }

static wn_status finish_statistics(wn__op *op, const wn__op_args *args)
{
    const wn__op_desc *d = &op->desc;
    if (!args->step.training) return WN_OK;
    for (int64_t c = 0; c < d->in_c; c++) {
        const wn__moments all = merge_chunks(op, args, c);
        const double r = 1 / sqrt(all.m2 / all.count + d->eps);
        saved_row(op, args, MEAN)[c] = all.mean;
        saved_row(op, args, R)[c] = r;
        set_coefficients(op, args, c, all.mean, r, saved_floats(op, args));
        if (!args->step.update_statistics) continue;
        move_towards(&args->param[2][c], d->momentum, all.mean);
        move_towards(&args->param[3][c], d->momentum, all.m2 / (all.count > 1 ? all.count - 1 : 1));
    }
    return WN_OK;
}

/* --- forward ------------------------------------------------------------------------------------------------------------------- */

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__nhwc_norm k = coefficients(op, args, first / WN__CHUNK);
    const int64_t at = first * wn__onednn_in_size(d);
    wn__onednn_of(op)->kernels->normalise(n * pixels(d), d->in_c, &k, d->relu, wn__onednn_at_const(op, args->in[0], at),
                                          d->inputs == 2 ? wn__onednn_at_const(op, args->in[1], at) : NULL,
                                          wn__onednn_at(op, args->out, at));
    return WN_OK;
}

/* --- backward ------------------------------------------------------------------------------------------------------------------ */

static wn_status backward_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t chunk = first / WN__CHUNK, at = first * wn__onednn_in_size(d), chunks = wn__onednn_chunks(args->n);
    const wn__nhwc_norm k = coefficients(op, args, chunk);
    double *s1 = (double *)chunk_scratch(op, args, chunks) + chunk * 2 * d->in_c;
    wn__onednn_of(op)->kernels->norm_prepare(n * pixels(d), d->in_c, &k, d->relu, wn__onednn_at_const(op, args->in[0], at),
                                             d->inputs == 2 ? wn__onednn_at_const(op, args->out, at) : NULL,
                                             wn__onednn_at(op, args->dout[0], at), wn__onednn_at(op, args->dout[1], at), s1, s1 + d->in_c);
    return WN_OK;
}

static wn_status finish_prepare(wn__op *op, const wn__op_args *args)
{
    const wn__op_desc *d = &op->desc;
    const int64_t channels = d->in_c, chunks = wn__onednn_chunks(args->n);
    const double count = (double)(args->n * pixels(d));
    double *s1 = saved_row(op, args, S1), *s2 = saved_row(op, args, S2);
    float *floats = saved_floats(op, args);
    wn__reduce_sums((const double *)chunk_scratch(op, args, chunks), chunks, 2 * channels, 2 * channels, s1);
    for (int64_t c = 0; c < channels; c++) {
        double mean, r;
        statistics_at(op, args, c, &mean, &r);
        const double lost = mean - (float)mean, factor = args->param[0][c] * r;
        s2[c] = (s2[c] - lost * s1[c]) * r;
        const double slope = args->step.training ? -factor * r * s2[c] / count : 0;
        const double offset = args->step.training ? -factor * s1[c] / count - slope * lost : 0;
        set_coefficients(op, args, c, mean, r, floats);
        floats[OFFSET * channels + c] = (float)offset;
        floats[SLOPE * channels + c] = (float)slope;
    }
    return WN_OK;
}

/* The residual's gradient first: din[0] may take the place of dout[0]. */
static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t at = first * wn__onednn_in_size(d), channels = d->in_c;
    const float *floats = saved_floats(op, args);
    const wn__nhwc_norm_back k = {floats + FLOAT_MEAN * channels, floats + FACTOR * channels, floats + OFFSET * channels,
                                  floats + SLOPE * channels};
    if (d->inputs == 2) wn__onednn_copy(op, args->dout[0], args->din[1], wn__onednn_in_size(d), first, n);
    if (args->din[0])
        wn__onednn_of(op)->kernels->norm_back(n * pixels(d), channels, &k, wn__onednn_at_const(op, args->in[0], at),
                                              wn__onednn_at(op, args->dout[0], at), wn__onednn_at(op, args->din[0], at));
    return WN_OK;
}

static void store(const double *sums, int64_t count, float *out, bool accumulate)
{
    for (int64_t i = 0; out && i < count; i++)
        out[i] = (float)(accumulate ? out[i] + sums[i] : sums[i]);
}

/* The sums were made when the gradient was prepared. */
static wn_status finish_params(wn__op *op, const wn__op_args *args)
{
    store(saved_row(op, args, S2), op->desc.in_c, args->dparam[0], args->accumulate);
    store(saved_row(op, args, S1), op->desc.in_c, args->dparam[1], args->accumulate);
    return WN_OK;
}

static const wn__op_class norm_class = {
    .run = {[WN__STATISTICS] = statistics,
            [WN__FORWARD] = forward,
            [WN__BACKWARD_PREPARE] = backward_prepare,
            [WN__BACKWARD_DATA] = backward_data},
    .finish = {[WN__STATISTICS] = finish_statistics, [WN__BACKWARD_PREPARE] = finish_prepare, [WN__BACKWARD_PARAMS] = finish_params},
    .release = wn__onednn_op_free,
};

wn_status wn__onednn_norm(wn__onednn *device, const wn__op_desc *d, wn__op **out)
{
    const size_t channels = (size_t)d->in_c, chunks = (size_t)wn__onednn_chunks(d->n);
    WN_TRY(wn__onednn_op_new(device, d, sizeof **out, &norm_class, "nhwc", out));
    (*out)->saved_bytes = channels * (DOUBLES * sizeof(double) + FLOATS * sizeof(float));
    (*out)->scratch_bytes = chunks * channels * (ROWS_OF_CHUNK * sizeof(pair) + 2 * sizeof(double));
    (*out)->backward_needs_in = true;
    (*out)->backward_needs_out = d->relu && d->inputs == 2;
    return WN_OK;
}
