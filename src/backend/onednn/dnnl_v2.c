/* oneDNN 2.x: memory descriptors are structs; an operation descriptor is filled, then turned into a primitive descriptor. */
#include "backend/onednn/dnnl_api_parts.h"

#if DNNL_VERSION_MAJOR < 3

#include "base/fail.h"

typedef struct layouts {
    dnnl_memory_desc_t src, weights, bias, dst;
} layouts;

typedef union operation {
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t linear;
} operation;

static wn_status describe_layouts(const wn__dnnl_sizes *s, layouts *l)
{
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&l->src, s->src_dims, s->src, s->activations, s->src_dims == 2 ? dnnl_nc : dnnl_nhwc));
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&l->dst, s->dst_dims, s->dst, s->activations, s->linear ? dnnl_nc : dnnl_nhwc));
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&l->bias, 1, s->bias, dnnl_f32, dnnl_x));
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&l->weights, s->weight_dims, s->weights, s->weight_type, dnnl_format_tag_any));
    return WN_OK;
}

static wn_status describe_linear(const wn__dnnl_sizes *s, const layouts *l, wn__dnnl_direction direction, dnnl_inner_product_desc_t *out)
{
    const dnnl_memory_desc_t *bias = s->bias_used ? &l->bias : NULL;
    if (direction == WN__DNNL_FORWARD)
        DNNL_TRY(dnnl_inner_product_forward_desc_init(out, dnnl_forward_training, &l->src, &l->weights, bias, &l->dst));
    else if (direction == WN__DNNL_DATA)
        DNNL_TRY(dnnl_inner_product_backward_data_desc_init(out, &l->src, &l->weights, &l->dst));
    else
        DNNL_TRY(dnnl_inner_product_backward_weights_desc_init(out, &l->src, &l->weights, bias, &l->dst));
    return WN_OK;
}

static wn_status describe_conv(const wn__dnnl_sizes *s, const layouts *l, wn__dnnl_direction direction, dnnl_convolution_desc_t *out)
{
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    const dnnl_memory_desc_t *bias = s->bias_used ? &l->bias : NULL;
    if (direction == WN__DNNL_FORWARD)
        DNNL_TRY(dnnl_convolution_forward_desc_init(out, dnnl_forward_training, direct, &l->src, &l->weights, bias, &l->dst, s->strides,
                                                    s->pad_low, s->pad_high));
    else if (direction == WN__DNNL_DATA)
        DNNL_TRY(dnnl_convolution_backward_data_desc_init(out, direct, &l->src, &l->weights, &l->dst, s->strides, s->pad_low, s->pad_high));
    else
        DNNL_TRY(dnnl_convolution_backward_weights_desc_init(out, direct, &l->src, &l->weights, bias, &l->dst, s->strides, s->pad_low,
                                                             s->pad_high));
    return WN_OK;
}

/* Number `skip` of the implementations. */
static wn_status choose(dnnl_engine_t engine, const_dnnl_op_desc_t described, const_dnnl_primitive_attr_t attributes,
                        const_dnnl_primitive_desc_t hint, int skip, dnnl_primitive_desc_t *out)
{
    dnnl_primitive_desc_iterator_t iterator;
    DNNL_TRY(dnnl_primitive_desc_iterator_create(&iterator, described, attributes, engine, hint));
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < skip && status == dnnl_success; i++)
        status = dnnl_primitive_desc_iterator_next(iterator);
    if (status == dnnl_success && !(*out = dnnl_primitive_desc_iterator_fetch(iterator))) status = dnnl_out_of_memory;
    dnnl_primitive_desc_iterator_destroy(iterator);
    return status == dnnl_success ? WN_OK : wn__dnnl_failed(status, "choosing an implementation");
}

wn_status wn__dnnl_describe_layer(dnnl_engine_t engine, const wn__op_desc *d, wn__dtype dtype, wn__dnnl_direction direction,
                                  const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint, int skip,
                                  dnnl_primitive_desc_t *out)
{
    const wn__dnnl_sizes s = wn__dnnl_sizes_of(d, dtype, direction);
    layouts l;
    operation described;
    WN_TRY(describe_layouts(&s, &l));
    if (s.linear)
        WN_TRY(describe_linear(&s, &l, direction, &described.linear));
    else
        WN_TRY(describe_conv(&s, &l, direction, &described.conv));
    return choose(engine, &described, attributes, hint, skip, out);
}

wn_status wn__dnnl_describe_product(dnnl_engine_t engine, const wn__dnnl_product *product, const_dnnl_primitive_attr_t attributes,
                                    dnnl_primitive_desc_t *out)
{
    const wn__dnnl_product_sizes s = wn__dnnl_product_sizes_of(product);
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t described;
    DNNL_TRY(dnnl_memory_desc_init_by_strides(&a, 2, s.a, s.type, s.a_strides));
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&b, 2, s.b, s.type, dnnl_ab));
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&c, 2, s.out, dnnl_f32, dnnl_ab));
    DNNL_TRY(dnnl_matmul_desc_init(&described, &a, &b, NULL, &c));
    DNNL_TRY(dnnl_primitive_desc_create(out, &described, attributes, engine, NULL));
    return WN_OK;
}

wn_status wn__dnnl_plain_weights(dnnl_engine_t engine, const wn__op_desc *d, dnnl_memory_t *out)
{
    const wn__dnnl_sizes s = wn__dnnl_sizes_of(d, WN__F32, WN__DNNL_WEIGHTS);
    dnnl_memory_desc_t plain;
    DNNL_TRY(dnnl_memory_desc_init_by_tag(&plain, s.weight_dims, s.weights, dnnl_f32, wn__dnnl_plain_tag(s.weight_dims)));
    DNNL_TRY(dnnl_memory_create(out, &plain, engine, NULL));
    return WN_OK;
}

#endif
