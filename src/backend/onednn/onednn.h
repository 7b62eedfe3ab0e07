/* The onednn backend: convolutions and linear layers by oneDNN, all else by our own kernels on the same nhwc activations.
 *
 * A call covers the whole batch (block 0). Our kernels walk chunks of WN__CHUNK images on the device's pool, so that their results do not
 * depend on the number of threads; oneDNN's weight gradients may.
 */
#ifndef WN_ONEDNN_ONEDNN_H
#define WN_ONEDNN_ONEDNN_H

#include "backend/onednn/dnnl_api.h"
#include "base/fail.h"
#include "kernels/nhwc.h"

typedef struct wn__onednn {
    wn__device device;
    wn__dnnl_engine *engine;
    const wn__nhwc_kernels *kernels;
} wn__onednn;

typedef wn_status (*wn__onednn_prepare)(wn__onednn *d, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_prepare_layer(wn__onednn *d, const wn__op_desc *desc, wn__op **out); /* conv, linear */
wn_status wn__onednn_prepare_norm(wn__onednn *d, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_prepare_add(wn__onednn *d, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_prepare_pool(wn__onednn *d, const wn__op_desc *desc, wn__op **out);
wn_status wn__onednn_prepare_dropout(wn__onednn *d, const wn__op_desc *desc, wn__op **out);

/* A zeroed op of `size` bytes (first member wn__op) with class, device and description set. */
wn_status wn__onednn_new_op(wn__onednn *d, const wn__op_desc *desc, const wn__op_class *cls, size_t size, wn__op **out);
void wn__onednn_free_op(wn__op *op);

static inline wn__onednn *wn__onednn_of(const wn__op *op) { return (wn__onednn *)op->device; }
static inline int64_t wn__onednn_chunks(int64_t images) { return (images + WN__CHUNK - 1) / WN__CHUNK; }
static inline int64_t wn__onednn_chunk_size(int64_t images, int64_t chunk)
{
    return images - chunk * WN__CHUNK < WN__CHUNK ? images - chunk * WN__CHUNK : WN__CHUNK;
}
/* The element at `index` of an activation; NULL stays NULL. */
static inline void *wn__onednn_at(const wn__onednn *d, const void *activation, int64_t index)
{
    return activation ? (char *)activation + index * d->kernels->bytes : NULL;
}

#endif
