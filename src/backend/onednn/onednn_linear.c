/* Fully connected layer. Its weights' gradient is a product over the whole batch, cut into tiles of outputs: no partial sums. Where an
 * image has several channels and pixels, its columns come out in (h,w,c) order and are then put into (c,h,w) order. */
#include "backend/onednn/layer.h"
#include "base/alloc.h"
#include "base/fail.h"

enum { TILE = 64 }; /* outputs of one product */

typedef struct linear_op {
    wn__layer layer;
    int64_t tiles;
    wn__dnnl_call *product, *last;                         /* of a full tile, of the last one; equal if that is full */
    size_t product_scratch, product_offset, column_offset; /* in scratch: oneDNN's of each tile; (out, h, w, c) gradient */
} linear_op;

static bool needs_order(const wn__op_desc *d) { return d->in_c > 1 && d->in_h * d->in_w > 1; }

static wn_status params(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    wn__layer_sum_bias((const wn__layer *)op, args, first, n);
    return WN_OK;
}

typedef struct tile_run {
    const linear_op *linear;
    const wn__op_args *args;
} tile_run;

static void order_row(const wn__op_desc *d, bool accumulate, const float *hwc, float *chw)
{
    const int64_t pixels = d->in_h * d->in_w;
    for (int64_t c = 0; c < d->in_c; c++)
        for (int64_t i = 0; i < pixels; i++) {
            const float value = hwc[i * d->in_c + c];
            chw[c * pixels + i] = accumulate ? chw[c * pixels + i] + value : value;
        }
}

/* The gradient of outputs begin..end-1, from where the product left it. */
static void deliver_rows(const wn__op_desc *d, const wn__op_args *args, const float *product, int64_t begin, int64_t end)
{
    const int64_t columns = wn__onednn_in_size(d);
    float *out = args->dparam[0];
    for (int64_t o = begin; o < end; o++)
        order_row(d, args->accumulate, product + o * columns, out + o * columns);
}

static wn_status run_tile(void *arg, int64_t tile, int worker)
{
    (void)worker;
    const tile_run *r = arg;
    const linear_op *linear = r->linear;
    const wn__op *op = &linear->layer.op;
    const wn__op_desc *d = &op->desc;
    const int64_t row = tile * TILE, end = row + TILE < d->out_c ? row + TILE : d->out_c;
    const bool is_last = tile == linear->tiles - 1 && linear->last != linear->product, direct = !r->args->accumulate && !needs_order(d);
    char *scratch = r->args->scratch;
    float *product = direct ? r->args->dparam[0] : (float *)(scratch + linear->column_offset);
    WN_TRY(wn__dnnl_run(is_last ? linear->last : linear->product, is_last ? 0 : (int)tile,
                        &(wn__dnnl_buffers){.in = wn__onednn_at_const(op, r->args->dout[0], row),
                                            .weights = r->args->in[0],
                                            .out = product + row * wn__onednn_in_size(d),
                                            .scratch = scratch + linear->product_offset + (size_t)tile * linear->product_scratch}));
    if (!direct) deliver_rows(d, r->args, product, row, end);
    return WN_OK;
}

static wn_status finish_params(wn__op *op, const wn__op_args *args)
{
    tile_run r = {(const linear_op *)op, args};
    wn__layer_finish_bias(&r.linear->layer, args);
    return wn__parallel_try(op->device->pool, r.linear->tiles, run_tile, &r);
}

static void release(wn__op *op)
{
    linear_op *linear = (linear_op *)op;
    if (linear->last != linear->product) wn__dnnl_call_free(linear->last);
    wn__dnnl_call_free(linear->product);
    wn__layer_release(&linear->layer);
    wn__free(linear);
}

static const wn__op_class linear_class = {
    .run = {[WN__FORWARD] = wn__layer_forward,
            [WN__BACKWARD_PREPARE] = wn__onednn_prepare_gradient,
            [WN__BACKWARD_DATA] = wn__layer_data,
            [WN__BACKWARD_PARAMS] = params},
    .finish = {[WN__BACKWARD_PARAMS] = finish_params},
    .pack = wn__layer_pack,
    .release = release,
};

static wn_status init_products(wn__onednn *device, const wn__op_desc *d, linear_op *linear)
{
    const int64_t full = d->out_c < TILE ? d->out_c : TILE;
    wn__dnnl_product p = {.n = d->n, .rows = full, .columns = wn__onednn_in_size(d), .a_stride = d->out_c, .dtype = device->base.dtype};
    linear->tiles = (d->out_c + TILE - 1) / TILE;
    WN_TRY(wn__dnnl_product_new(device->engine, &p, (int)linear->tiles, &linear->product));
    p.rows = d->out_c - (linear->tiles - 1) * TILE;
    if (p.rows < full)
        WN_TRY(wn__dnnl_product_new(device->engine, &p, 1, &linear->last));
    else
        linear->last = linear->product;
    const size_t a = wn__dnnl_scratch_bytes(linear->product), b = wn__dnnl_scratch_bytes(linear->last);
    linear->product_scratch = wn__onednn_aligned(a > b ? a : b);
    return WN_OK;
}

static wn_status init(wn__onednn *device, const wn__op_desc *d, linear_op *linear)
{
    WN_TRY(wn__layer_init(device, d, 0, &linear->layer));
    if (d->inference_only) return WN_OK;
    WN_TRY(init_products(device, d, linear));
    linear->product_offset = linear->layer.op.scratch_bytes;
    linear->column_offset = linear->product_offset + (size_t)linear->tiles * linear->product_scratch;
    linear->layer.op.scratch_bytes = linear->column_offset + (size_t)(d->out_c * wn__onednn_in_size(d)) * sizeof(float);
    return WN_OK;
}

wn_status wn__onednn_linear(wn__onednn *device, const wn__op_desc *desc, wn__op **out)
{
    linear_op *linear;
    WN_TRY(wn__op_new(&device->base, desc, sizeof *linear, &linear_class, "", &linear));
    const wn_status status = init(device, desc, linear);
    if (status == WN_OK)
        *out = &linear->layer.op;
    else
        release(&linear->layer.op);
    return status;
}
