/* The part of oneDNN that the backend uses, behind one small header. What differs between 2.x and 3.x is in dnnl_v2.c and dnnl_v3.c.
 *
 * A call is a primitive with what it takes to run it: it can run in `slots` threads at once, each in a slot of its own. Every primitive
 * is made for, and runs in, the calling thread alone: the backend's own pool spreads blocks of images over threads. So OpenMP's threads
 * never start, and how they wait does not matter.
 *
 * Activations are nhwc, weights in the layout that the primitive prefers; wn__dnnl_pack and wn__dnnl_unpack convert from and to plain
 * float32 weights (out, in/groups, h, w); a linear layer's are seen as (out, c, h, w).
 */
#ifndef WN_ONEDNN_DNNL_API_H
#define WN_ONEDNN_DNNL_API_H

#include "backend/backend.h"

typedef struct wn__dnnl_engine wn__dnnl_engine; /* engine and stream */
typedef struct wn__dnnl_call wn__dnnl_call;     /* a primitive */

typedef enum wn__dnnl_direction { WN__DNNL_FORWARD, WN__DNNL_DATA, WN__DNNL_WEIGHTS } wn__dnnl_direction;

typedef struct wn__dnnl_buffers {
    const void *in;      /* activations, or the gradient of the output in DATA */
    const void *weights; /* packed; in BACKWARD_WEIGHTS the gradient of the output */
    const float *bias;   /* FORWARD with bias */
    void *out;           /* activations, the input's gradient, or the weights' gradient in float32 */
    void *scratch;       /* wn__dnnl_scratch_bytes, aligned to 64 */
} wn__dnnl_buffers;

wn_status wn__dnnl_open(wn__dnnl_engine **out); /* follows WINNOW_ISA */
void wn__dnnl_close(wn__dnnl_engine *engine);   /* accepts NULL */
void wn__dnnl_describe(char *text, size_t size);
bool wn__dnnl_has_bf16(void); /* can train in bfloat16 here */

/* Convolution (op->kind CONV) or linear layer (LINEAR) over n images. */
wn_status wn__dnnl_layer_new(wn__dnnl_engine *engine, const wn__op_desc *desc, wn__dtype dtype, wn__dnnl_direction direction, int64_t n,
                             int slots, wn__dnnl_call **out);

/* out (rows,columns) float32 = a^T b with a (n,rows) and b (n,columns); rows of a lie a_stride apart. */
typedef struct wn__dnnl_product {
    int64_t n, rows, columns, a_stride;
    wn__dtype dtype; /* of a and b */
} wn__dnnl_product;
wn_status wn__dnnl_product_new(wn__dnnl_engine *engine, const wn__dnnl_product *product, int slots, wn__dnnl_call **out);
void wn__dnnl_call_free(wn__dnnl_call *call); /* accepts NULL */

const char *wn__dnnl_name(const wn__dnnl_call *call); /* of the implementation; owned by the call */
size_t wn__dnnl_scratch_bytes(const wn__dnnl_call *call);
size_t wn__dnnl_weight_bytes(const wn__dnnl_call *call); /* packed weights, or their gradient */

wn_status wn__dnnl_run(wn__dnnl_call *call, int slot, const wn__dnnl_buffers *buffers); /* of a product: in = a, weights = b */
wn_status wn__dnnl_pack(wn__dnnl_call *call, const float *plain, void *packed);
wn_status wn__dnnl_unpack(wn__dnnl_call *call, const void *packed, float *plain); /* BACKWARD_WEIGHTS */

#endif
