/* The device of the sparse backend, and what its operations share.
 *
 * Activations are in batch lanes, [blocks of WN__LANE images][c][h + 2b][w + 2b][WN__LANE], b the tensor's border: WN__LANE images lie
 * innermost, so that one weight is one scalar for all of them and a tap of a window is a constant distance. A "pixel" below is the WN__LANE
 * floats of one place of one channel. Borders are zero; whoever writes a tensor writes its border. The last block may have fewer images:
 * its unused lanes hold finite numbers in values, and zeros in gradients.
 *
 * Phases run on blocks of WN__CHUNK == WN__LANE images, each in one thread; what spans blocks (linear layers) runs in `finish`, split by
 * shape. No result depends on the thread count.
 */
#ifndef WN_BACKEND_SPARSE_SPARSE_DEVICE_H
#define WN_BACKEND_SPARSE_SPARSE_DEVICE_H

#include "backend/backend.h"
#include "kernels/lanes.h"

typedef struct wn__verdicts wn__verdicts; /* choice.h */

typedef struct wn__sparse {
    wn__device base;
    const wn__lanes_kernels *kernels;
    wn__kernels kernels_wanted;
    wn__verdicts *verdicts; /* made when first needed */
} wn__sparse;

static inline const wn__sparse *wn__sparse_of(const wn__op *op) { return (const wn__sparse *)op->device; }

/* One per operation kind: makes the op from a description whose sizes are known to be sound. */
wn_status wn__sparse_conv(wn__sparse *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__sparse_linear(wn__sparse *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__sparse_norm(wn__sparse *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__sparse_add(wn__sparse *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__sparse_max_pool(wn__sparse *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__sparse_avg_pool(wn__sparse *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__sparse_dropout(wn__sparse *device, const wn__op_desc *desc, wn__op **out);

/* BACKWARD_PREPARE of what has no batch-wide sums: add the gradients, mask by the fused ReLU. */
wn_status wn__sparse_prepare_gradient(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows);
/* Of a block: the rows' part of the border. */
void wn__sparse_zero_border(const wn__lane_layout *whole, wn__rows rows, float *block);
/* Of a block that a product with ReLU wrote: cut at the ReLU's upper bound, if it has one. */
void wn__sparse_bound_output(const wn__op *op, const wn__op_args *args, int64_t first, wn__rows rows);
/* A block of dout[0] into din[input], of the output's size; nothing to do if that is NULL or dout[0] itself. */
void wn__sparse_pass_gradient(const wn__op *op, const wn__op_args *args, int input, int64_t first, wn__rows rows);

static inline wn__lane_layout wn__lanes_of_in(const wn__op_desc *d, int input)
{
    return wn__lane_layout_of(d->in_c, d->in_h, d->in_w, d->in_border[input]);
}
static inline wn__lane_layout wn__lanes_of_out(const wn__op_desc *d)
{
    return wn__lane_layout_of(d->out_c, d->out_h, d->out_w, d->out_border);
}
/* Start of the block that image `first` begins. */
static inline float *wn__lane_block(void *tensor, const wn__lane_layout *l, int64_t first)
{
    return tensor ? (float *)tensor + first / WN__LANE * l->block * WN__LANE : NULL;
}
static inline const float *wn__lane_block_const(const void *tensor, const wn__lane_layout *l, int64_t first)
{
    return tensor ? (const float *)tensor + first / WN__LANE * l->block * WN__LANE : NULL;
}

#endif
