/* What convolutions and linear layers share: forward, gradient of the input, packed weights, gradient of the bias. */
#ifndef WN_BACKEND_ONEDNN_LAYER_H
#define WN_BACKEND_ONEDNN_LAYER_H

#include "backend/onednn/onednn.h"

/* One pass over the batch in pieces of `images`; the last piece may be smaller and has a primitive of its own then. */
typedef struct wn__layer_pass {
    int64_t images, pieces;
    wn__dnnl_call *call, *last; /* last is call if it is not smaller; both NULL if the pass is not wanted */
    void *packed, *packed_last; /* weights, owned; NULL in BACKWARD_WEIGHTS */
} wn__layer_pass;

wn_status wn__layer_pass_init(wn__onednn *device, const wn__op_desc *desc, wn__dnnl_direction pass, int64_t images, wn__layer_pass *p);
void wn__layer_pass_release(wn__layer_pass *p);
wn_status wn__layer_pass_run(const wn__layer_pass *p, int64_t piece, wn__dnnl_buffers buffers); /* weights NULL: the packed ones */
size_t wn__layer_pass_scratch(const wn__layer_pass *p);                                         /* of one piece, a multiple of 64 */

typedef struct wn__layer {
    wn__op op;
    wn__layer_pass forward, data;
    size_t piece_scratch; /* bytes of oneDNN's scratch in each chunk: args->scratch begins with them */
    size_t bias_offset;   /* then, in scratch: bias sums, (chunks + 1, out_c) double */
} wn__layer;

/* Sets up everything of `layer` but op; scratch_bytes of op is what the layer takes, and can be enlarged by `piece` more for each chunk. */
wn_status wn__layer_init(wn__onednn *device, const wn__op_desc *desc, size_t piece_scratch, wn__layer *layer);
void wn__layer_release(wn__layer *layer);

wn_status wn__layer_pack(wn__op *op, float *const param[WN__PARAMS]);
wn_status wn__layer_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n);
wn_status wn__layer_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n);
void wn__layer_sum_bias(const wn__layer *layer, const wn__op_args *args, int64_t first, int64_t n);
void wn__layer_finish_bias(const wn__layer *layer, const wn__op_args *args);
static inline void *wn__layer_scratch(const wn__layer *layer, const wn__op_args *args, int64_t chunk)
{
    return layer->piece_scratch ? (char *)args->scratch + (size_t)chunk * layer->piece_scratch : NULL;
}

#endif
