/* out = keep ? in * (1 / (1 - rate)) : 0 in training, in otherwise; the factor is rounded to float once.
 * Element number e of the batch in (n,c,h,w) order is kept if uniform number e of the stream (seed, WN__FOR_DROPOUT, step, node) is
 * at least `rate`, so that any backend in any layout can drop the same ones, and the backward phases can draw them again. */
#include "backend/ref/ref.h"
#include "base/fail.h"
#include "base/rng.h"

static wn_status check(const wn__op_desc *d)
{
    if (!(d->rate >= 0 && d->rate < 1)) return wn__fail(WN_EINVAL, "ref dropout: rate %g, must be at least 0 and below 1", (double)d->rate);
    return wn__ref_check_same_shape(d, "dropout");
}

/* The map is linear: it serves values, gradients and tangents. */
static void drop(const wn__op *op, const wn__op_args *args, const float *in, float *out, int64_t first, int64_t n)
{
    const int64_t begin = first * wn__ref_in_size(&op->desc), end = begin + n * wn__ref_in_size(&op->desc);
    const float rate = op->desc.rate, factor = 1.0f / (1.0f - rate);
    wn__rng r = wn__rng_make_at(args->step.seed, WN__FOR_DROPOUT, (uint64_t)args->step.step, (uint64_t)op->desc.node, (uint64_t)(begin));
    for (int64_t i = begin; i < end; i++) {
        const float x = in ? in[i] : 0;
        if (args->step.training)
            out[i] = wn__rng_uniform(&r) >= rate ? x * factor : 0;
        else
            out[i] = x;
    }
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    drop(op, args, args->in[0], args->out, first, n);
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    if (args->din[0]) drop(op, args, args->dout[0], args->din[0], first, n);
    return WN_OK;
}

static wn_status tangent_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    drop(op, args, args->t_in[0], args->t_out, first, n);
    return WN_OK;
}

static wn_status tangent_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    if (args->t_din[0]) drop(op, args, args->t_dout[0], args->t_din[0], first, n);
    return WN_OK;
}

const wn__ref_kind wn__ref_dropout = {
    .check = check,
    .cls =
        {
            .run =
                {
                    [WN__FORWARD] = forward,
                    [WN__BACKWARD_DATA] = backward_data,
                    [WN__TANGENT_FORWARD] = tangent_forward,
                    [WN__TANGENT_DATA] = tangent_data,
                },
            .release = wn__ref_release,
        },
};
