/* What differs between oneDNN 2.x and 3.x: how a layer is described. dnnl_v2.c or dnnl_v3.c is compiled, as the headers found say. */
#ifndef WN_BACKEND_ONEDNN_DNNL_API_PARTS_H
#define WN_BACKEND_ONEDNN_DNNL_API_PARTS_H

#include <oneapi/dnnl/dnnl.h>

#include "backend/onednn/dnnl_api.h"

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t wn__dnnl_layout; /* borrowed */
#else
typedef const dnnl_memory_desc_t *wn__dnnl_layout;
#endif

wn_status wn__dnnl_failed(dnnl_status_t status, const char *what);

#define DNNL_TRY(call)                                                                 \
    do {                                                                               \
        const dnnl_status_t dnnl_status_ = (call);                                     \
        if (dnnl_status_ != dnnl_success) return wn__dnnl_failed(dnnl_status_, #call); \
    } while (0)

/* The primitive descriptor of a layer, weights in any layout; `hint`: the forward one, for backward directions. `attributes` are borrowed.
 * `skip`: how many of the implementations that oneDNN offers, best first, to leave out; WN_EUNSUPPORTED if it has no more. */
wn_status wn__dnnl_describe_layer(dnnl_engine_t engine, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction,
                                  const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint, int skip,
                                  dnnl_primitive_desc_t *out);

wn_status wn__dnnl_describe_product(dnnl_engine_t engine, const wn__dnnl_product *product, const_dnnl_primitive_attr_t attributes,
                                    dnnl_primitive_desc_t *out);

/* A memory object, still without data, for float32 weights in plain order. */
wn_status wn__dnnl_plain_weights(dnnl_engine_t engine, const wn__op_desc *d, dnnl_memory_t *out);

/* Sizes of a layer as oneDNN wants them. */
typedef struct wn__dnnl_sizes {
    dnnl_dims_t src, weights, bias, dst, strides, dilates, pad_low, pad_high;
    int src_dims, weight_dims, dst_dims; /* a linear layer's images are flat where that keeps the order of values: 2 */
    bool linear, bias_used;
    dnnl_data_type_t activations, weight_type;
} wn__dnnl_sizes;
wn__dnnl_sizes wn__dnnl_sizes_of(const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction);

static inline dnnl_format_tag_t wn__dnnl_plain_tag(int weight_dims)
{
    return weight_dims == 2 ? dnnl_oi : weight_dims == 4 ? dnnl_oihw : dnnl_goihw;
}

/* Sizes of a product, in elements: a transposed (rows,n), b (n,columns), out (rows,columns). */
typedef struct wn__dnnl_product_sizes {
    dnnl_dims_t a, a_strides, b, out;
    dnnl_data_type_t type;
} wn__dnnl_product_sizes;
wn__dnnl_product_sizes wn__dnnl_product_sizes_of(const wn__dnnl_product *p);

#endif
