/* oneDNN 3.x: memory descriptors are objects; primitive descriptors are made in one call. */
#include "backend/onednn/dnnl_api_parts.h"

#if DNNL_VERSION_MAJOR >= 3

#include "base/fail.h"

typedef struct layouts {
    dnnl_memory_desc_t src, weights, bias, dst;
} layouts;

static void release_layouts(layouts *l)
{
    const dnnl_memory_desc_t all[] = {l->src, l->weights, l->bias, l->dst};
    for (int i = 0; i < 4; i++)
        if (all[i]) dnnl_memory_desc_destroy(all[i]);
}

static wn_status describe_layouts(const wn__dnnl_sizes *s, layouts *l)
{
    DNNL_TRY(dnnl_memory_desc_create_with_tag(&l->src, s->src_dims, s->src, s->activations, s->src_dims == 2 ? dnnl_nc : dnnl_nhwc));
    DNNL_TRY(dnnl_memory_desc_create_with_tag(&l->dst, s->dst_dims, s->dst, s->activations, s->linear ? dnnl_nc : dnnl_nhwc));
    DNNL_TRY(dnnl_memory_desc_create_with_tag(&l->weights, s->weight_dims, s->weights, s->weight_type, dnnl_format_tag_any));
    if (s->bias_used) DNNL_TRY(dnnl_memory_desc_create_with_tag(&l->bias, 1, s->bias, dnnl_f32, dnnl_x));
    return WN_OK;
}

typedef struct request {
    dnnl_engine_t engine;
    wn__dnnl_direction direction;
    const_dnnl_primitive_attr_t attributes;
    const_dnnl_primitive_desc_t hint;
} request;

static wn_status describe_linear(const request *r, const layouts *l, dnnl_primitive_desc_t *out)
{
    if (r->direction == WN__DNNL_FORWARD)
        DNNL_TRY(dnnl_inner_product_forward_primitive_desc_create(out, r->engine, dnnl_forward_training, l->src, l->weights, l->bias,
                                                                  l->dst, r->attributes));
    else if (r->direction == WN__DNNL_DATA)
        DNNL_TRY(
            dnnl_inner_product_backward_data_primitive_desc_create(out, r->engine, l->src, l->weights, l->dst, r->hint, r->attributes));
    else
        DNNL_TRY(dnnl_inner_product_backward_weights_primitive_desc_create(out, r->engine, l->src, l->weights, l->bias, l->dst, r->hint,
                                                                           r->attributes));
    return WN_OK;
}

static wn_status describe_conv(const request *r, const wn__dnnl_sizes *s, const layouts *l, dnnl_primitive_desc_t *out)
{
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    if (r->direction == WN__DNNL_FORWARD)
        DNNL_TRY(dnnl_convolution_forward_primitive_desc_create(out, r->engine, dnnl_forward_training, direct, l->src, l->weights, l->bias,
                                                                l->dst, s->strides, s->dilates, s->pad_low, s->pad_high, r->attributes));
    else if (r->direction == WN__DNNL_DATA)
        DNNL_TRY(dnnl_convolution_backward_data_primitive_desc_create(out, r->engine, direct, l->src, l->weights, l->dst, s->strides,
                                                                      s->dilates, s->pad_low, s->pad_high, r->hint, r->attributes));
    else
        DNNL_TRY(dnnl_convolution_backward_weights_primitive_desc_create(out, r->engine, direct, l->src, l->weights, l->bias, l->dst,
                                                                         s->strides, s->dilates, s->pad_low, s->pad_high, r->hint,
                                                                         r->attributes));
    return WN_OK;
}

/* On to implementation number `skip`. */
static wn_status choose(int skip, dnnl_primitive_desc_t pd)
{
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < skip && status == dnnl_success; i++)
        status = dnnl_primitive_desc_next_impl(pd);
    if (status == dnnl_success) return WN_OK;
    dnnl_primitive_desc_destroy(pd);
    return wn__dnnl_failed(status, "choosing an implementation");
}

wn_status wn__dnnl_describe_layer(dnnl_engine_t engine, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction,
                                  const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint, int skip,
                                  dnnl_primitive_desc_t *out)
{
    const wn__dnnl_sizes s = wn__dnnl_sizes_of(d, dtype, direction);
    const request r = {engine, direction, attributes, hint};
    layouts l = {0};
    wn_status status = describe_layouts(&s, &l);
    if (status == WN_OK) status = s.linear ? describe_linear(&r, &l, out) : describe_conv(&r, &s, &l, out);
    release_layouts(&l);
    return status == WN_OK ? choose(skip, *out) : status;
}

static wn_status describe_operands(const wn__dnnl_product_sizes *s, layouts *l)
{
    DNNL_TRY(dnnl_memory_desc_create_with_strides(&l->src, 2, s->a, s->type, s->a_strides));
    DNNL_TRY(dnnl_memory_desc_create_with_tag(&l->weights, 2, s->b, s->type, dnnl_ab));
    DNNL_TRY(dnnl_memory_desc_create_with_tag(&l->dst, 2, s->out, dnnl_f32, dnnl_ab));
    return WN_OK;
}

wn_status wn__dnnl_describe_product(dnnl_engine_t engine, const wn__dnnl_product *product, const_dnnl_primitive_attr_t attributes,
                                    dnnl_primitive_desc_t *out)
{
    const wn__dnnl_product_sizes s = wn__dnnl_product_sizes_of(product);
    layouts l = {0};
    wn_status status = describe_operands(&s, &l);
    if (status == WN_OK) {
        const dnnl_status_t made = dnnl_matmul_primitive_desc_create(out, engine, l.src, l.weights, NULL, l.dst, attributes);
        if (made != dnnl_success) status = wn__dnnl_failed(made, "describing a product");
    }
    release_layouts(&l);
    return status;
}

wn_status wn__dnnl_plain_weights(dnnl_engine_t engine, const wn__op_desc *d, dnnl_memory_t *out)
{
    const wn__dnnl_sizes s = wn__dnnl_sizes_of(d, WN__F32, WN__DNNL_WEIGHTS);
    dnnl_memory_desc_t plain;
    DNNL_TRY(dnnl_memory_desc_create_with_tag(&plain, s.weight_dims, s.weights, dnnl_f32, wn__dnnl_plain_tag(s.weight_dims)));
    const dnnl_status_t status = dnnl_memory_create(out, plain, engine, NULL);
    dnnl_memory_desc_destroy(plain);
    return status == dnnl_success ? WN_OK : wn__dnnl_failed(status, "making a memory object");
}

#endif
