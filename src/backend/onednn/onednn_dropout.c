/* Dropout of the same elements as every other backend: element number e of the batch in (n,c,h,w) order is kept if uniform number e of
 * the stream (seed, WN__FOR_DROPOUT, step, node) is at least `rate`. The backward phase draws the numbers again. */
#include "backend/onednn/onednn.h"
#include "base/rng.h"

static void drop_image(const wn__op *op, const wn__op_args *args, int64_t image, const void *in, void *out)
{
    const wn__op_desc *d = &op->desc;
    const wn__nhwc_kernels *k = wn__onednn_of(op)->kernels;
    const int64_t size = wn__onednn_in_size(d), pixels = d->in_h * d->in_w;
    const float factor = 1.0f / (1.0f - d->rate);
    wn__rng r =
        wn__rng_make_at(args->step.seed, WN__FOR_DROPOUT, (uint64_t)args->step.step, (uint64_t)op->desc.node, (uint64_t)(image * size));
    for (int64_t c = 0; c < d->in_c; c++)
        for (int64_t i = 0; i < pixels; i++) {
            const int64_t at = image * size + i * d->in_c + c;
            float x;
            k->load(1, wn__onednn_at_const(op, in, at), &x);
            x = wn__rng_uniform(&r) >= d->rate ? x * factor : 0;
            k->store(1, &x, wn__onednn_at(op, out, at));
        }
}

static void drop(const wn__op *op, const wn__op_args *args, const void *in, void *out, int64_t first, int64_t n)
{
    if (!args->step.training) wn__onednn_copy(op, in, out, wn__onednn_in_size(&op->desc), first, n);
    for (int64_t image = first; args->step.training && image < first + n; image++)
        drop_image(op, args, image, in, out);
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

static const wn__op_class dropout_class = {
    .run = {[WN__FORWARD] = forward, [WN__BACKWARD_DATA] = backward_data},
    .release = wn__op_free,
};

wn_status wn__onednn_dropout(wn__onednn *device, const wn__op_desc *desc, wn__op **out)
{
    return wn__op_new(&device->base, desc, sizeof **out, &dropout_class, "nhwc", out);
}
