/* Batch normalisation (Ioffe and Szegedy 2015) with optional residual and ReLU: kernels on blocks of lanes; per channel see backend/norm.h. */
#include "backend/norm.h"
#include "backend/sparse/sparse.h"
#include "base/fail.h"

static wn_status statistics(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0);
    double *mean = wn__norm_chunk_moments(op, args, first / WN__CHUNK);
    wn__sparse_of(op)->kernels->moments(&in, (int)n, wn__lane_block_const(args->in[0], &in, first), mean, mean + in.c);
    return WN_OK;
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const wn__op_desc *d = &op->desc;
    const wn__norm_values k = wn__norm_values_of(op, args, first / WN__CHUNK);
    const wn__lane_layout in = wn__lanes_of_in(d, 0), residual = wn__lanes_of_in(d, 1), out = wn__lanes_of_out(d);
    wn__sparse_of(op)->kernels->normalise(&k, d->relu, &in, wn__lane_block_const(args->in[0], &in, first), &residual,
                                          d->inputs == 2 ? wn__lane_block_const(args->in[1], &residual, first) : NULL, &out,
                                          wn__lane_block(args->out, &out, first));
    return WN_OK;
}

static wn_status backward_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__norm_values k = wn__norm_values_of(op, args, first / WN__CHUNK);
    const wn__lane_layout in = wn__lanes_of_in(d, 0), out = wn__lanes_of_out(d);
    double *s1 = wn__norm_chunk_sums(op, args, first / WN__CHUNK);
    wn__sparse_of(op)->kernels->norm_prepare(&k, d->relu, (int)n, &in, wn__lane_block_const(args->in[0], &in, first), &out,
                                             d->inputs == 2 ? wn__lane_block_const(args->out, &out, first) : NULL,
                                             wn__lane_block(args->dout[0], &out, first), wn__lane_block(args->dout[1], &out, first), s1,
                                             s1 + in.c);
    return WN_OK;
}

/* The residual's gradient first: din[0] may take the place of dout[0]. */
static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__norm_gradients k = wn__norm_gradients_of(op, args);
    const wn__lane_layout in = wn__lanes_of_in(d, 0), out = wn__lanes_of_out(d);
    if (d->inputs == 2) wn__sparse_pass_gradient(op, args, 1, first);
    if (args->din[0])
        wn__sparse_of(op)->kernels->norm_back(&k, (int)n, &in, wn__lane_block_const(args->in[0], &in, first), &out,
                                              wn__lane_block(args->dout[0], &out, first), &in, wn__lane_block(args->din[0], &in, first));
    return WN_OK;
}

static const wn__op_class norm_class = {
    .run = {[WN__STATISTICS] = statistics,
            [WN__FORWARD] = forward,
            [WN__BACKWARD_PREPARE] = backward_prepare,
            [WN__BACKWARD_DATA] = backward_data},
    .finish = {[WN__STATISTICS] = wn__norm_finish_statistics,
               [WN__BACKWARD_PREPARE] = wn__norm_finish_prepare,
               [WN__BACKWARD_PARAMS] = wn__norm_finish_params},
    .release = wn__sparse_op_free,
};

wn_status wn__sparse_norm(wn__sparse *device, const wn__op_desc *d, wn__op **out)
{
    WN_TRY(wn__sparse_op_new(device, d, sizeof **out, &norm_class, "winnow lanes", out));
    wn__norm_plan(*out);
    return WN_OK;
}
