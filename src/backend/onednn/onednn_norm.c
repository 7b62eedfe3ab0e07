/* Batch normalisation (Ioffe and Szegedy 2015) with optional residual and ReLU: kernels on blocks of nhwc; per channel see backend/norm.h. */
#include "backend/norm.h"
#include "backend/onednn/onednn.h"
#include "base/fail.h"

static int64_t rows(const wn__op_desc *d, int64_t images) { return images * d->in_h * d->in_w; }

static wn_status statistics(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    double *mean = wn__norm_chunk_moments(op, args, first / WN__CHUNK);
    wn__onednn_of(op)->kernels->moments(rows(d, n), d->in_c, wn__onednn_at_const(op, args->in[0], first * wn__onednn_in_size(d)), mean,
                                        mean + d->in_c);
    return WN_OK;
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__norm_values k = wn__norm_values_of(op, args, first / WN__CHUNK);
    const int64_t at = first * wn__onednn_in_size(d);
    wn__onednn_of(op)->kernels->normalise(rows(d, n), d->in_c, &k, wn__op_ceiling(d), wn__onednn_at_const(op, args->in[0], at),
                                          d->inputs == 2 ? wn__onednn_at_const(op, args->in[1], at) : NULL,
                                          wn__onednn_at(op, args->out, at));
    return WN_OK;
}

static wn_status backward_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t chunk = first / WN__CHUNK, at = first * wn__onednn_in_size(d);
    const wn__norm_values k = wn__norm_values_of(op, args, chunk);
    double *s1 = wn__norm_chunk_sums(op, args, chunk);
    wn__onednn_of(op)->kernels->norm_prepare(rows(d, n), d->in_c, &k, wn__op_ceiling(d), wn__onednn_at_const(op, args->in[0], at),
                                             d->inputs == 2 ? wn__onednn_at_const(op, args->out, at) : NULL,
                                             wn__onednn_at(op, args->dout[0], at), wn__onednn_at(op, args->dout[1], at), s1, s1 + d->in_c);
    return WN_OK;
}

/* The residual's gradient first: din[0] may take the place of dout[0]. */
static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t at = first * wn__onednn_in_size(d);
    const wn__norm_gradients k = wn__norm_gradients_of(op, args);
    if (d->inputs == 2) wn__onednn_copy(op, args->dout[0], args->din[1], wn__onednn_in_size(d), first, n);
    if (args->din[0])
        wn__onednn_of(op)->kernels->norm_back(rows(d, n), d->in_c, &k, wn__onednn_at_const(op, args->in[0], at),
                                              wn__onednn_at(op, args->dout[0], at), wn__onednn_at(op, args->din[0], at));
    return WN_OK;
}

static const wn__op_class norm_class = {
    .run = {[WN__STATISTICS] = statistics,
            [WN__FORWARD] = forward,
            [WN__BACKWARD_PREPARE] = backward_prepare,
            [WN__BACKWARD_DATA] = backward_data},
    .finish = WN__NORM_FINISH,
    .release = wn__op_free,
};

wn_status wn__onednn_norm(wn__onednn *device, const wn__op_desc *d, wn__op **out)
{
    return wn__norm_new(&device->base, d, &norm_class, "nhwc", out);
}
