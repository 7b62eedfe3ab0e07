#include "backend/onednn/layer.h"

#include "base/alloc.h"
#include "base/fail.h"

/* --- passes -------------------------------------------------------------------------------------------------------------------- */

static wn_status new_packed(const wn__dnnl_call *call, void **packed)
{
    *packed = wn__alloc(wn__dnnl_weight_bytes(call));
    return *packed ? WN_OK : wn__no_memory(wn__dnnl_weight_bytes(call));
}

wn_status wn__layer_pass_init(wn__onednn *device, const wn__op_desc *desc, wn__dnnl_direction pass, int64_t images, wn__layer_pass *p)
{
    const wn__dtype dtype = device->base.dtype;
    if (images > desc->n) images = desc->n;
    p->images = images;
    p->pieces = (desc->n + images - 1) / images;
    const int64_t left = desc->n - (p->pieces - 1) * images;
    WN_TRY(wn__dnnl_layer_new(device->engine, desc, dtype, pass, images, (int)p->pieces, &p->call));
    p->last = p->call;
    if (left < images) {
        p->last = NULL;
        WN_TRY(wn__dnnl_layer_new(device->engine, desc, dtype, pass, left, 1, &p->last));
    }
    if (pass == WN__DNNL_WEIGHTS) return WN_OK;
    WN_TRY(new_packed(p->call, &p->packed));
    p->packed_last = p->packed;
    if (p->last == p->call) return WN_OK;
    p->packed_last = NULL;
    return new_packed(p->last, &p->packed_last);
}

void wn__layer_pass_release(wn__layer_pass *p)
{
    if (p->last != p->call) wn__dnnl_call_free(p->last);
    if (p->packed_last != p->packed) wn__free(p->packed_last);
    wn__dnnl_call_free(p->call);
    wn__free(p->packed);
    *p = (wn__layer_pass){0};
}

wn_status wn__layer_pass_run(const wn__layer_pass *p, int64_t piece, wn__dnnl_buffers buffers)
{
    const bool is_last = piece == p->pieces - 1 && p->last != p->call;
    if (!buffers.weights) buffers.weights = is_last ? p->packed_last : p->packed;
    return wn__dnnl_run(is_last ? p->last : p->call, is_last ? 0 : (int)piece, &buffers);
}

size_t wn__layer_pass_scratch(const wn__layer_pass *p)
{
    if (!p->call) return 0;
    const size_t a = wn__dnnl_scratch_bytes(p->call), b = wn__dnnl_scratch_bytes(p->last);
    return wn__onednn_aligned(a > b ? a : b);
}

/* --- layers -------------------------------------------------------------------------------------------------------------------- */

wn_status wn__layer_init(wn__onednn *device, const wn__op_desc *desc, size_t piece_scratch, wn__layer *layer)
{
    WN_TRY(wn__layer_pass_init(device, desc, WN__DNNL_FORWARD, WN__CHUNK, &layer->forward));
    if (desc->input_gradient) WN_TRY(wn__layer_pass_init(device, desc, WN__DNNL_DATA, WN__CHUNK, &layer->data));
    const size_t forward = wn__layer_pass_scratch(&layer->forward), data = wn__layer_pass_scratch(&layer->data);
    if (forward > piece_scratch) piece_scratch = forward;
    if (data > piece_scratch) piece_scratch = data;
    const int64_t chunks = wn__chunks(desc->n);
    layer->piece_scratch = piece_scratch;
    layer->bias_offset = (size_t)chunks * piece_scratch;
    layer->op.scratch_bytes = layer->bias_offset;
    if (desc->bias) layer->op.scratch_bytes += wn__onednn_aligned((size_t)((chunks + 1) * desc->out_c) * sizeof(double));
    layer->op.backward_needs_in = true;
    layer->op.backward_needs_out = desc->relu;
    layer->op.implementation = wn__dnnl_name(layer->forward.call);
    return WN_OK;
}

void wn__layer_release(wn__layer *layer)
{
    wn__layer_pass_release(&layer->forward);
    wn__layer_pass_release(&layer->data);
}

typedef struct packing {
    wn__dnnl_call *call[4];
    void *packed[4];
    const float *plain;
} packing;

static wn_status pack_one(void *arg, int64_t task, int worker)
{
    (void)worker;
    const packing *p = arg;
    return wn__dnnl_pack(p->call[task], p->plain, p->packed[task]);
}

wn_status wn__layer_pack(wn__op *op, float *const param[WN__PARAMS])
{
    const wn__layer *layer = (const wn__layer *)op;
    const wn__layer_pass *const passes[] = {&layer->forward, &layer->data};
    packing p = {.plain = param[0]};
    int count = 0;
    for (int i = 0; i < 2; i++) {
        const wn__layer_pass *pass = passes[i];
        if (!pass->call) continue;
        p.call[count] = pass->call;
        p.packed[count++] = pass->packed;
        if (pass->last == pass->call) continue;
        p.call[count] = pass->last;
        p.packed[count++] = pass->packed_last;
    }
    return wn__parallel_try(op->device->pool, count, pack_one, &p);
}

wn_status wn__layer_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__layer *layer = (const wn__layer *)op;
    const wn__op_desc *d = &op->desc;
    const int64_t chunk = first / WN__CHUNK, size = wn__onednn_out_size(d);
    void *out = wn__onednn_at(op, args->out, first * size);
    WN_TRY(wn__layer_pass_run(&layer->forward, chunk,
                              (wn__dnnl_buffers){.in = wn__onednn_at_const(op, args->in[0], first * wn__onednn_in_size(d)),
                                                 .bias = args->param[1],
                                                 .out = out,
                                                 .scratch = wn__layer_scratch(layer, args, chunk)}));
    if (d->relu) wn__onednn_of(op)->kernels->add(n * size, wn__op_ceiling(d), out, NULL, out); /* oneDNN's own would lose a NaN */
    return WN_OK;
}

wn_status wn__layer_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)n;
    const wn__layer *layer = (const wn__layer *)op;
    const wn__op_desc *d = &op->desc;
    const int64_t chunk = first / WN__CHUNK;
    if (!args->din[0]) return WN_OK;
    return wn__layer_pass_run(&layer->data, chunk,
                              (wn__dnnl_buffers){.in = wn__onednn_at_const(op, args->dout[0], first * wn__onednn_out_size(d)),
                                                 .out = wn__onednn_at(op, args->din[0], first * wn__onednn_in_size(d)),
                                                 .scratch = wn__layer_scratch(layer, args, chunk)});
}

static double *bias_sums(const wn__layer *layer, const wn__op_args *args) { return (double *)((char *)args->scratch + layer->bias_offset); }

void wn__layer_sum_bias(const wn__layer *layer, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &layer->op.desc;
    if (!d->bias) return;
    wn__onednn_of(&layer->op)
        ->kernels->column_sums(n * d->out_h * d->out_w, d->out_c,
                               wn__onednn_at_const(&layer->op, args->dout[0], first * wn__onednn_out_size(d)),
                               bias_sums(layer, args) + first / WN__CHUNK * d->out_c);
}

void wn__layer_finish_bias(const wn__layer *layer, const wn__op_args *args)
{
    const wn__op_desc *d = &layer->op.desc;
    const int64_t chunks = wn__chunks(args->n);
    if (!d->bias) return;
    double *sums = bias_sums(layer, args), *total = sums + chunks * d->out_c;
    wn__reduce_sums(sums, chunks, d->out_c, d->out_c, total);
    for (int64_t i = 0; i < d->out_c; i++)
        args->dparam[1][i] = (float)(args->accumulate ? args->dparam[1][i] + total[i] : total[i]);
}
