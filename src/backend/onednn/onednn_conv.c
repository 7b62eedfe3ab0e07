/* Convolution. Its weights' gradient is made for each piece of images, summed over pieces, and converted to the plain layout.
 * A piece is a chunk, done with its block; or, where a chunk's images have few pixels beside the size of the weights, four chunks,
 * done after all blocks. */
#include "backend/onednn/layer.h"
#include "base/alloc.h"
#include "base/fail.h"

enum { FEW_PIXELS = 512, CHUNKS_OF_FEW = 4 }; /* output pixels of a chunk */

typedef struct conv_op {
    wn__layer layer;
    wn__layer_pass weights;
    size_t weight_bytes;                                   /* of one gradient, a multiple of 64 */
    size_t partial_offset, pieces_offset, weights_scratch; /* in scratch: gradients (pieces + 1), oneDNN's scratch of each large piece */
} conv_op;

static int64_t weight_count(const wn__op_desc *d) { return d->out_c * (d->in_c / d->groups) * d->kernel_h * d->kernel_w; }

static void *partial_at(const conv_op *conv, const wn__op_args *args, int64_t piece)
{
    return (char *)args->scratch + conv->partial_offset + (size_t)piece * conv->weight_bytes;
}

static bool done_in_block(const conv_op *conv) { return conv->weights.images <= WN__CHUNK; }

static wn_status make_partial(const conv_op *conv, const wn__op_args *args, int64_t piece, void *scratch)
{
    const wn__op *op = &conv->layer.op;
    const int64_t first = piece * conv->weights.images;
    return wn__layer_pass_run(&conv->weights, piece,
                              (wn__dnnl_buffers){.in = wn__onednn_at_const(op, args->in[0], first * wn__onednn_in_size(&op->desc)),
                                                 .weights = wn__onednn_at_const(op, args->dout[0], first * wn__onednn_out_size(&op->desc)),
                                                 .out = partial_at(conv, args, piece),
                                                 .scratch = scratch});
}

static wn_status params(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const conv_op *conv = (const conv_op *)op;
    const int64_t chunk = first / WN__CHUNK;
    wn__layer_sum_bias(&conv->layer, args, first, n);
    return done_in_block(conv) ? make_partial(conv, args, chunk, wn__layer_scratch(&conv->layer, args, chunk)) : WN_OK;
}

typedef struct pieces {
    const conv_op *conv;
    const wn__op_args *args;
} pieces;

static wn_status run_piece(void *arg, int64_t piece, int worker)
{
    (void)worker;
    const pieces *p = arg;
    return make_partial(p->conv, p->args, piece,
                        (char *)p->args->scratch + p->conv->pieces_offset + (size_t)piece * p->conv->weights_scratch);
}

static wn_status finish_params(wn__op *op, const wn__op_args *args)
{
    conv_op *conv = (conv_op *)op;
    const wn__layer_pass *w = &conv->weights;
    pieces p = {conv, args};
    if (!done_in_block(conv)) WN_TRY(wn__parallel_try(op->device->pool, w->pieces, run_piece, &p));
    wn__layer_finish_bias(&conv->layer, args);
    float *sum = partial_at(conv, args, 0), *spare = partial_at(conv, args, w->pieces);
    const int64_t floats = (int64_t)(wn__dnnl_weight_bytes(w->call) / sizeof(float)),
                  stride = (int64_t)(conv->weight_bytes / sizeof(float));
    if (w->pieces > 1) {
        wn__reduce_sums_f32(op->device->pool, sum, w->pieces, stride, floats, spare, false);
        float *const swap = sum;
        sum = spare;
        spare = swap;
    }
    WN_TRY(wn__dnnl_unpack(w->call, sum, args->accumulate ? spare : args->dparam[0]));
    if (args->accumulate) wn__reduce_sums_f32(op->device->pool, spare, 1, 0, weight_count(&op->desc), args->dparam[0], true);
    return WN_OK;
}

static void release(wn__op *op)
{
    conv_op *conv = (conv_op *)op;
    wn__layer_pass_release(&conv->weights);
    wn__layer_release(&conv->layer);
    wn__free(conv);
}

static const wn__op_class conv_class = {
    .run = {[WN__FORWARD] = wn__layer_forward,
            [WN__BACKWARD_PREPARE] = wn__onednn_prepare_gradient,
            [WN__BACKWARD_DATA] = wn__layer_data,
            [WN__BACKWARD_PARAMS] = params},
    .finish = {[WN__BACKWARD_PARAMS] = finish_params},
    .pack = wn__layer_pack,
    .release = release,
};

/* The weights' gradient: its primitive and its part of scratch, behind what the layer takes. */
static wn_status init_weights(wn__onednn *device, const wn__op_desc *d, conv_op *conv)
{
    const bool few = d->out_h * d->out_w * WN__CHUNK <= FEW_PIXELS;
    wn__layer_pass *w = &conv->weights;
    WN_TRY(wn__layer_pass_init(device, d, WN__DNNL_WEIGHTS, few ? CHUNKS_OF_FEW * WN__CHUNK : WN__CHUNK, w));
    const size_t plain = (size_t)weight_count(d) * sizeof(float), packed = wn__dnnl_weight_bytes(w->call);
    if (wn__dnnl_weight_bytes(w->last) != packed) return wn__fail(WN_EUNSUPPORTED, "oneDNN: layouts of weights differ between batch sizes");
    conv->weight_bytes = wn__onednn_aligned(packed > plain ? packed : plain);
    conv->weights_scratch = wn__layer_pass_scratch(w);
    return WN_OK;
}

static wn_status init(wn__onednn *device, const wn__op_desc *d, conv_op *conv)
{
    if (d->inference_only) return wn__layer_init(device, d, 0, &conv->layer);
    WN_TRY(init_weights(device, d, conv));
    WN_TRY(wn__layer_init(device, d, done_in_block(conv) ? conv->weights_scratch : 0, &conv->layer));
    conv->layer.op.params_finish_late = done_in_block(conv);
    conv->partial_offset = conv->layer.op.scratch_bytes;
    conv->pieces_offset = conv->partial_offset + (size_t)(conv->weights.pieces + 1) * conv->weight_bytes;
    conv->layer.op.scratch_bytes = conv->pieces_offset;
    if (!done_in_block(conv)) conv->layer.op.scratch_bytes += (size_t)conv->weights.pieces * conv->weights_scratch;
    return WN_OK;
}

wn_status wn__onednn_conv(wn__onednn *device, const wn__op_desc *desc, wn__op **out)
{
    conv_op *conv;
    WN_TRY(wn__op_new(&device->base, desc, sizeof *conv, &conv_class, "", &conv));
    const wn_status status = init(device, desc, conv);
    if (status == WN_OK)
        *out = &conv->layer.op;
    else
        release(&conv->layer.op);
    return status;
}
