/* Pools. Maximum: the first largest value of a window wins, a NaN wins over all, padding never does; `saved` holds the winner's place in
 * its window, one byte per lane of an output. Average: over the places inside the image. */
#include "backend/sparse/sparse_device.h"
#include "base/fail.h"

static wn__lane_window window_of(const wn__op_desc *d) { return (wn__lane_window){d->kernel_h, d->kernel_w, d->stride, d->pad}; }

static int64_t winners_of_block(const wn__op_desc *d) { return d->out_c * d->out_h * d->out_w * WN__LANE; }
static uint8_t *winner_at(const wn__op *op, const wn__op_args *args, int64_t first)
{
    return args->saved ? (uint8_t *)args->saved + first / WN__LANE * winners_of_block(&op->desc) : NULL;
}

static wn_status max_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const wn__lane_window window = window_of(&op->desc);
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0), out = wn__lanes_of_out(&op->desc);
    wn__sparse_of(op)->kernels->max_pool(&window, &in, wn__lane_block_const(args->in[0], &in, first), &out,
                                         wn__lane_block(args->out, &out, first), winner_at(op, args, first));
    return WN_OK;
}

static wn_status max_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const wn__lane_window window = window_of(&op->desc);
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0), out = wn__lanes_of_out(&op->desc);
    if (args->din[0])
        wn__sparse_of(op)->kernels->max_pool_back(&window, &out, wn__lane_block_const(args->dout[0], &out, first),
                                                  winner_at(op, args, first), &in, wn__lane_block(args->din[0], &in, first));
    return WN_OK;
}

static wn_status avg_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const wn__lane_window window = window_of(&op->desc);
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0), out = wn__lanes_of_out(&op->desc);
    wn__sparse_of(op)->kernels->avg_pool(&window, &in, wn__lane_block_const(args->in[0], &in, first), &out,
                                         wn__lane_block(args->out, &out, first));
    return WN_OK;
}

static wn_status avg_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const wn__lane_window window = window_of(&op->desc);
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0), out = wn__lanes_of_out(&op->desc);
    if (args->din[0])
        wn__sparse_of(op)->kernels->avg_pool_back(&window, &out, wn__lane_block_const(args->dout[0], &out, first), &in,
                                                  wn__lane_block(args->din[0], &in, first));
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

wn_status wn__sparse_max_pool(wn__sparse *device, const wn__op_desc *d, wn__op **out)
{
    if (d->kernel_h * d->kernel_w > WN__LANES_POOL_WINDOW)
        return wn__fail(WN_EUNSUPPORTED, "sparse max pool: window %dx%d, must have at most %d places", d->kernel_h, d->kernel_w,
                        WN__LANES_POOL_WINDOW);
    WN_TRY(wn__op_new(&device->base, d, sizeof **out, &max_class, "winnow lanes", out));
    (*out)->saved_bytes = (size_t)(wn__chunks(d->n) * winners_of_block(d));
    return WN_OK;
}

wn_status wn__sparse_avg_pool(wn__sparse *device, const wn__op_desc *d, wn__op **out)
{
    return wn__op_new(&device->base, d, sizeof **out, &avg_class, "winnow lanes", out);
}
