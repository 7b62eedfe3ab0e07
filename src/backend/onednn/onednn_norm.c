/* Batch norm, fused with a residual addition and ReLU.
 *
 * saved: rows of c floats, see below. scratch: per chunk, moments and what they are made from, or two sums per channel.
 */
#include <math.h>
#include <string.h>

#include "backend/onednn/onednn.h"
#include "base/alloc.h"

typedef struct norm_run {
    const wn__op *op;
    const wn__op_args *args;
    wn__nhwc_affine affine;
    const float *of_g, *of_x, *constant; /* BACKWARD_DATA */
} norm_run;

static float *saved_row(const wn__op *op, const wn__op_args *a, int row) { return (float *)a->saved + row * op->desc.out_c; }
/* 1/std; scale = gamma/std; sums over the batch of g and of g (x - mean); factors of x - mean and 1 in the input's gradient. */
enum { MEAN, INVERSE, SCALE, SUM_G, SUM_GX, OF_X, CONSTANT, SAVED_ROWS };

static int64_t pixels(const wn__op *op) { return op->desc.out_h * op->desc.out_w; }

static void *chunk_of(const norm_run *r, const void *activation, int64_t chunk)
{
    return wn__onednn_at(wn__onednn_of(r->op), activation, chunk * WN__CHUNK * pixels(r->op) * r->op->desc.out_c);
}

static int64_t rows_of(const norm_run *r, int64_t chunk) { return wn__onednn_chunk_size(r->args->n, chunk) * pixels(r->op); }

static void for_chunks(norm_run *r, wn__chunk_body body) { wn__parallel_for(r->op->device->pool, wn__onednn_chunks(r->args->n), body, r); }

/* --- statistics ---------------------------------------------------------------------------------------------------------------- */

/* Per chunk in scratch: (count, mean, M2) of each channel, then 2 c doubles of sums, then c floats of origins. */
static size_t chunk_bytes(int64_t c) { return (size_t)c * (sizeof(wn__moments) + 2 * sizeof(double) + sizeof(float)); }

static void moments_of_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const norm_run *r = arg;
    const int64_t c = r->op->desc.out_c, rows = rows_of(r, chunk), chunks = wn__onednn_chunks(r->args->n);
    wn__moments *moments = (wn__moments *)r->args->scratch + chunk * c;
    double *sums = (double *)((wn__moments *)r->args->scratch + chunks * c) + chunk * 2 * c;
    float *origin = (float *)((double *)((wn__moments *)r->args->scratch + chunks * c) + chunks * 2 * c) + chunk * c;
    const wn__nhwc_kernels *k = wn__onednn_of(r->op)->kernels;
    const void *x = chunk_of(r, r->args->in[0], chunk);
    /* The first pixel is as good an origin as the mean: what counts is that squares do not swamp the variance. */
    k->to_plain(1, c, x, origin);
    k->moments(rows, c, x, origin, sums);
    for (int64_t i = 0; i < c; i++) {
        const double shift = sums[i] / (double)rows;
        moments[i] = (wn__moments){(double)rows, origin[i] + shift, sums[c + i] - sums[i] * shift};
    }
}

static wn_status statistics(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    norm_run r = {.op = op, .args = a};
    for_chunks(&r, moments_of_chunk);
    return WN_OK;
}

static wn_status finish_statistics(wn__op *op, const wn__op_args *a)
{
    const wn__op_desc *d = &op->desc;
    wn__moments *moments = a->scratch;
    wn__reduce_moments(moments, wn__onednn_chunks(a->n), d->out_c, moments);
    float *mean = saved_row(op, a, MEAN), *inverse = saved_row(op, a, INVERSE);
    for (int64_t i = 0; i < d->out_c; i++) {
        const wn__moments m = moments[i];
        mean[i] = (float)m.mean;
        inverse[i] = (float)(1.0 / sqrt(fmax(m.m2, 0) / m.count + (double)d->eps));
        if (isnan(m.m2)) inverse[i] = (float)m.m2;
        if (!a->step.update_statistics) continue;
        const double unbiased = m.count > 1 ? m.m2 / (m.count - 1) : 0;
        a->param[2][i] = (float)((1 - (double)d->momentum) * (double)a->param[2][i] + (double)d->momentum * m.mean);
        a->param[3][i] = (float)((1 - (double)d->momentum) * (double)a->param[3][i] + (double)d->momentum * unbiased);
    }
    return WN_OK;
}

/* Fill mean, 1/std (running ones in evaluation) and scale; the result reads from saved. */
static wn__nhwc_affine affine(const wn__op *op, const wn__op_args *a)
{
    float *mean = saved_row(op, a, MEAN), *inverse = saved_row(op, a, INVERSE), *scale = saved_row(op, a, SCALE);
    for (int64_t i = 0; i < op->desc.out_c; i++) {
        if (!a->step.training) {
            mean[i] = a->param[2][i];
            inverse[i] = (float)(1.0 / sqrt((double)a->param[3][i] + (double)op->desc.eps));
        }
        scale[i] = a->param[0][i] * inverse[i];
    }
    return (wn__nhwc_affine){mean, scale, a->param[1]};
}

/* --- forward ------------------------------------------------------------------------------------------------------------------- */

static void normalise_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const norm_run *r = arg;
    const wn__op_args *a = r->args;
    wn__onednn_of(r->op)->kernels->normalise(rows_of(r, chunk), r->op->desc.out_c, chunk_of(r, a->in[0], chunk),
                                             chunk_of(r, a->in[1], chunk), &r->affine, r->op->desc.relu, chunk_of(r, a->out, chunk));
}

static wn_status forward(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    norm_run r = {.op = op, .args = a, .affine = affine(op, a)};
    for_chunks(&r, normalise_chunk);
    return WN_OK;
}

/* --- backward ------------------------------------------------------------------------------------------------------------------ */

/* Without a residual the ReLU's mask follows from the input, and g need not be written unless it is a sum. */
static bool keeps_gradient(const wn__op *op, const wn__op_args *a) { return op->desc.inputs == 2 || a->dout[1]; }

static void sums_of_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const norm_run *r = arg;
    const wn__op_args *a = r->args;
    const int64_t c = r->op->desc.out_c;
    wn__onednn_of(r->op)->kernels->norm_sums(rows_of(r, chunk), c, chunk_of(r, a->in[0], chunk), chunk_of(r, a->dout[0], chunk),
                                             chunk_of(r, a->dout[1], chunk), r->op->desc.inputs == 2 ? chunk_of(r, a->out, chunk) : NULL,
                                             &r->affine, r->op->desc.relu, keeps_gradient(r->op, a), (double *)a->scratch + chunk * 2 * c);
}

static wn_status backward_prepare(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    norm_run r = {.op = op, .args = a, .affine = affine(op, a)};
    for_chunks(&r, sums_of_chunk);
    return WN_OK;
}

static wn_status finish_backward_prepare(wn__op *op, const wn__op_args *a)
{
    const int64_t c = op->desc.out_c;
    double *sums = a->scratch;
    wn__reduce_sums(sums, wn__onednn_chunks(a->n), 2 * c, 2 * c, sums);
    float *sum_g = saved_row(op, a, SUM_G), *sum_gx = saved_row(op, a, SUM_GX);
    for (int64_t i = 0; i < c; i++) {
        sum_g[i] = (float)sums[i];
        sum_gx[i] = (float)sums[c + i];
    }
    return WN_OK;
}

static wn_status backward_params(wn__op *op, const wn__op_args *a)
{
    const float *sum_g = saved_row(op, a, SUM_G), *sum_gx = saved_row(op, a, SUM_GX), *inverse = saved_row(op, a, INVERSE);
    for (int64_t i = 0; i < op->desc.out_c; i++) {
        const float scale = sum_gx[i] * inverse[i], shift = sum_g[i];
        a->dparam[0][i] = a->accumulate ? a->dparam[0][i] + scale : scale;
        a->dparam[1][i] = a->accumulate ? a->dparam[1][i] + shift : shift;
    }
    return WN_OK;
}

static void gradient_of_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const norm_run *r = arg;
    const wn__op_args *a = r->args;
    /* Where g was not written, the mask is made again; masking twice does no harm, so that a written g needs no flag. */
    const bool relu = r->op->desc.relu && r->op->desc.inputs == 1;
    wn__onednn_of(r->op)->kernels->norm_gradient(rows_of(r, chunk), r->op->desc.out_c, chunk_of(r, a->in[0], chunk),
                                                 chunk_of(r, a->dout[0], chunk), &r->affine, relu, r->of_g, r->of_x, r->constant,
                                                 chunk_of(r, a->din[0], chunk));
}

/* din = scale (g - mean(g) - (x - mean) mean(g (x - mean)) / var), over the batch; in evaluation din = scale g. */
static wn_status backward_data(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    const int64_t c = op->desc.out_c;
    norm_run r = {.op = op, .args = a, .affine = affine(op, a)};
    r.of_g = r.affine.scale;
    float *of_x = saved_row(op, a, OF_X), *constant = saved_row(op, a, CONSTANT);
    const float *inverse = saved_row(op, a, INVERSE), *sum_g = saved_row(op, a, SUM_G), *sum_gx = saved_row(op, a, SUM_GX);
    const float share = a->step.training ? 1.0f / (float)(a->n * pixels(op)) : 0.0f;
    for (int64_t i = 0; i < c; i++) {
        of_x[i] = -r.of_g[i] * inverse[i] * inverse[i] * sum_gx[i] * share;
        constant[i] = -r.of_g[i] * sum_g[i] * share;
    }
    r.of_x = of_x;
    r.constant = constant;
    if (a->din[0]) for_chunks(&r, gradient_of_chunk);
    if (a->din[1] && a->din[1] != a->dout[0])
        memcpy(a->din[1], a->dout[0], op->device->activation_bytes(op->device, a->n, c, op->desc.out_h, op->desc.out_w));
    return WN_OK;
}

static const wn__op_class norm_class = {
    .run = {[WN__STATISTICS] = statistics,
            [WN__FORWARD] = forward,
            [WN__BACKWARD_PREPARE] = backward_prepare,
            [WN__BACKWARD_DATA] = backward_data},
    .finish =
        {[WN__STATISTICS] = finish_statistics, [WN__BACKWARD_PREPARE] = finish_backward_prepare, [WN__BACKWARD_PARAMS] = backward_params},
    .release = wn__onednn_free_op};

wn_status wn__onednn_prepare_norm(wn__onednn *d, const wn__op_desc *desc, wn__op **out)
{
    wn__op *op;
    WN_TRY(wn__onednn_new_op(d, desc, &norm_class, sizeof *op, &op));
    op->saved_bytes = (size_t)(SAVED_ROWS * desc->out_c) * sizeof(float);
    op->scratch_bytes = (size_t)wn__onednn_chunks(desc->n) * chunk_bytes(desc->out_c);
    op->backward_needs_in = true;
    op->backward_needs_out = desc->relu && desc->inputs == 2;
    *out = op;
    return WN_OK;
}
