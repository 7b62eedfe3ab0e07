/* Pools. Maximum: the first largest value of a window wins, a NaN wins over all, padding never does; `saved` holds the winner's place in
 * its window, one byte per output. Average: over the places inside the image. */
#include "backend/onednn/onednn.h"
#include "base/fail.h"

static wn__nhwc_pool shape_of(const wn__op_desc *d)
{
    return (wn__nhwc_pool){.c = d->in_c,
                           .in_h = d->in_h,
                           .in_w = d->in_w,
                           .out_h = d->out_h,
                           .out_w = d->out_w,
                           .kernel_h = d->kernel_h,
                           .kernel_w = d->kernel_w,
                           .stride = d->stride,
                           .pad = d->pad};
}

static uint8_t *winner_at(const wn__op *op, const wn__op_args *args, int64_t image)
{
    return args->saved ? (uint8_t *)args->saved + image * wn__onednn_out_size(&op->desc) : NULL;
}

static wn_status max_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__nhwc_pool shape = shape_of(d);
    for (int64_t i = first; i < first + n; i++)
        wn__onednn_of(op)->kernels->max_pool(&shape, wn__onednn_at_const(op, args->in[0], i * wn__onednn_in_size(d)),
                                             wn__onednn_at(op, args->out, i * wn__onednn_out_size(d)), winner_at(op, args, i));
    return WN_OK;
}

static wn_status max_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__nhwc_pool shape = shape_of(d);
    for (int64_t i = first; args->din[0] && i < first + n; i++)
        wn__onednn_of(op)->kernels->max_pool_back(&shape, wn__onednn_at_const(op, args->dout[0], i * wn__onednn_out_size(d)),
                                                  winner_at(op, args, i), wn__onednn_at(op, args->din[0], i * wn__onednn_in_size(d)));
    return WN_OK;
}

static wn_status avg_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__nhwc_pool shape = shape_of(d);
    for (int64_t i = first; i < first + n; i++)
        wn__onednn_of(op)->kernels->avg_pool(&shape, wn__onednn_at_const(op, args->in[0], i * wn__onednn_in_size(d)),
                                             wn__onednn_at(op, args->out, i * wn__onednn_out_size(d)));
    return WN_OK;
}

static wn_status avg_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const wn__nhwc_pool shape = shape_of(d);
    for (int64_t i = first; args->din[0] && i < first + n; i++)
        wn__onednn_of(op)->kernels->avg_pool_back(&shape, wn__onednn_at_const(op, args->dout[0], i * wn__onednn_out_size(d)),
                                                  wn__onednn_at(op, args->din[0], i * wn__onednn_in_size(d)));
    return WN_OK;
}

static const wn__op_class max_class = {
    .run = {[WN__FORWARD] = max_forward, [WN__BACKWARD_DATA] = max_data},
    .release = wn__op_free,
};
static const wn__op_class avg_class = {
    .run = {[WN__FORWARD] = avg_forward, [WN__BACKWARD_DATA] = avg_data},
    .release = wn__op_free,
};

wn_status wn__onednn_max_pool(wn__onednn *device, const wn__op_desc *d, wn__op **out)
{
    if (d->kernel_h * d->kernel_w > WN__MAX_POOL_WINDOW)
        return wn__fail(WN_EUNSUPPORTED, "onednn max pool: window %dx%d, must have at most %d places", d->kernel_h, d->kernel_w,
                        WN__MAX_POOL_WINDOW);
    WN_TRY(wn__op_new(&device->base, d, sizeof **out, &max_class, "nhwc", out));
    (*out)->saved_bytes = (size_t)(d->n * wn__onednn_out_size(d));
    return WN_OK;
}

wn_status wn__onednn_avg_pool(wn__onednn *device, const wn__op_desc *d, wn__op **out)
{
    return wn__op_new(&device->base, d, sizeof **out, &avg_class, "nhwc", out);
}
