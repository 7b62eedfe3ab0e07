/* Dropout of the same elements as every other backend: element number e of the batch in (n,c,h,w) order is kept if uniform number e of
 * the stream (seed, WN__FOR_DROPOUT, step, node) is at least `rate`. The backward phase draws the numbers again. */
#include <string.h>

#include "backend/sparse/sparse.h"
#include "base/fail.h"
#include "base/rng.h"

/* One pixel; lanes without an image are zero. */
static void drop_pixel(wn__rng stream[WN__LANE], int64_t images, float rate, float factor, const float *in, float *out)
{
    float kept[WN__LANE] = {0};
    for (int64_t i = 0; i < images; i++)
        kept[i] = wn__rng_uniform(&stream[i]) >= rate ? in[i] * factor : 0;
    memcpy(out, kept, sizeof kept);
}

/* A block; the borders of `to` are zero already. */
static void drop_block(const wn__op *op, const wn__op_args *args, const wn__lane_layout *from, const float *in, const wn__lane_layout *to,
                       float *out, int64_t first, int64_t n)
{
    const float rate = op->desc.rate, factor = 1.0f / (1.0f - rate);
    wn__rng stream[WN__LANE];
    for (int64_t i = 0; i < n; i++)
        stream[i] = wn__rng_make_at(args->step.seed, WN__FOR_DROPOUT, (uint64_t)args->step.step, (uint64_t)op->desc.node,
                                    (uint64_t)((first + i) * from->c * from->h * from->w));
    for (int64_t c = 0; c < from->c; c++)
        for (int64_t y = 0; y < from->h; y++)
            for (int64_t x = 0; x < from->w; x++)
                drop_pixel(stream, n, rate, factor, in + (c * from->plane + from->origin + y * from->row + x) * WN__LANE,
                           out + (c * to->plane + to->origin + y * to->row + x) * WN__LANE);
}

static void drop(const wn__op *op, const wn__op_args *args, const wn__lane_layout *from, const void *in, const wn__lane_layout *to,
                 void *out, int64_t first, int64_t n)
{
    const float *x = wn__lane_block_const(in, from, first);
    float *y = wn__lane_block(out, to, first);
    if (!args->step.training) {
        wn__sparse_of(op)->kernels->add(false, from, x, from, NULL, to, y);
        return;
    }
    if (to->border) memset(y, 0, (size_t)(to->block * WN__LANE) * sizeof *y);
    drop_block(op, args, from, x, to, y, first, n);
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
    .release = wn__sparse_op_free,
};

wn_status wn__sparse_dropout(wn__sparse *device, const wn__op_desc *desc, wn__op **out)
{
    return wn__sparse_op_new(device, desc, sizeof **out, &dropout_class, "winnow lanes", out);
}
