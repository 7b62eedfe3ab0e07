/* The oneDNN backend: dense training and inference in float32 and bfloat16 (Intel oneDNN, oneapi-src/oneDNN, 2.6 or 3.x).
 *
 * Activations are nhwc, stored as float32 or bfloat16; arithmetic, weights' gradients and statistics are float32 or better. oneDNN
 * computes convolutions and products; all else is ours (src/kernels/nhwc.h). Phases run on blocks of WN__CHUNK images, each block in one
 * thread from end to end, so that a group of operations works in that core's cache, and results do not depend on the thread count:
 * sums over the batch are cut where the shape says (WN__CHUNK images; more for weights that are large beside their images).
 *
 * bfloat16 is WN_EUNSUPPORTED where oneDNN cannot train in it (on x86 it needs AVX-512).
 */
#ifndef WN_BACKEND_ONEDNN_ONEDNN_H
#define WN_BACKEND_ONEDNN_ONEDNN_H

#include "backend/backend.h"
#include "backend/onednn/dnnl_api.h"
#include "kernels/nhwc.h"

extern const wn__backend wn__backend_onednn;

typedef struct wn__onednn {
    wn__device base;
    wn__dnnl_engine *engine;
    const wn__nhwc_kernels *kernels;
    int64_t value_bytes; /* of a stored activation */
} wn__onednn;

static inline const wn__onednn *wn__onednn_of(const wn__op *op) { return (const wn__onednn *)op->device; }

/* One per operation kind: makes the op from a description whose sizes are known to be sound. */
wn_status wn__onednn_conv(wn__onednn *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_linear(wn__onednn *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_norm(wn__onednn *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_add(wn__onednn *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_max_pool(wn__onednn *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_avg_pool(wn__onednn *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_dropout(wn__onednn *device, const wn__op_desc *desc, wn__op **out);

static inline int64_t wn__onednn_in_size(const wn__op_desc *d) { return d->in_c * d->in_h * d->in_w; }
static inline int64_t wn__onednn_out_size(const wn__op_desc *d) { return d->out_c * d->out_h * d->out_w; }
static inline size_t wn__onednn_aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Value number `index` of a buffer; NULL stays NULL. */
static inline void *wn__onednn_at(const wn__op *op, void *buffer, int64_t index)
{
    return buffer ? (char *)buffer + index * wn__onednn_of(op)->value_bytes : NULL;
}
static inline const void *wn__onednn_at_const(const wn__op *op, const void *buffer, int64_t index)
{
    return buffer ? (const char *)buffer + index * wn__onednn_of(op)->value_bytes : NULL;
}

/* BACKWARD_PREPARE of what has no batch-wide sums: add the gradients, mask by the fused ReLU. */
wn_status wn__onednn_prepare_gradient(wn__op *op, const wn__op_args *args, int64_t first, int64_t n);
/* Copy a block of `to`'s size; nothing to do if to is NULL or from itself. */
void wn__onednn_copy(const wn__op *op, const void *from, void *to, int64_t image, int64_t first, int64_t n);

#endif
