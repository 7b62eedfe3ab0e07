/* Dropout of the same elements as every other backend: element number e of the batch in (n,c,h,w) order is kept if uniform number e of
 * the stream (seed, WN__FOR_DROPOUT, step, node) is at least `rate`. The backward phase draws the numbers again. */
#include "backend/sparse/sparse_device.h"
#include "base/fail.h"
#include "base/rng.h"

static void drop(const wn__op *op, const wn__op_args *args, const wn__lane_layout *from, const void *in, const wn__lane_layout *to,
                 void *out, int64_t first, int64_t n)
{
    const wn__lanes_kernels *kernels = wn__sparse_of(op)->kernels;
    const float *x = wn__lane_block_const(in, from, first);
    float *y = wn__lane_block(out, to, first);
    const wn__lane_dropout k = {
        .stream = wn__rng_make(args->step.seed, WN__FOR_DROPOUT, (uint64_t)args->step.step, (uint64_t)op->desc.node),
        .first = first,
        .rate = op->desc.rate,
        .factor = 1.0f / (1.0f - op->desc.rate),
    };
    if (args->step.training)
        kernels->dropout(&k, (int)n, from, x, to, y);
    else
        kernels->add(0, from, x, from, NULL, to, y);
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0), out = wn__lanes_of_out(&op->desc);
    drop(op, args, &in, args->in[0], &out, args->out, first, n);
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0), out = wn__lanes_of_out(&op->desc);
    if (args->din[0]) drop(op, args, &out, args->dout[0], &in, args->din[0], first, n);
    return WN_OK;
}

static const wn__op_class dropout_class = {
    .run = {[WN__FORWARD] = forward, [WN__BACKWARD_DATA] = backward_data},
    .release = wn__op_free,
};

wn_status wn__sparse_dropout(wn__sparse *device, const wn__op_desc *desc, wn__op **out)
{
    return wn__op_new(&device->base, desc, sizeof **out, &dropout_class, "winnow lanes", out);
}
