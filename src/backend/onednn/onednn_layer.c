/* Convolutions and linear layers: three oneDNN primitives, and our own ReLU on top. */
#include "backend/onednn/onednn.h"
#include "base/alloc.h"

typedef struct layer_op {
    wn__op op;
    wn__dnnl_primitive *primitive[WN__DNNL_DIRECTIONS]; /* NULL where not wanted: see prepare */
} layer_op;

static wn_status pack(wn__op *op, float *const param[4])
{
    const layer_op *l = (const layer_op *)op;
    WN_TRY(wn__dnnl_pack(l->primitive[WN__DNNL_FORWARD], param[0], param[1]));
    return l->primitive[WN__DNNL_DATA] ? wn__dnnl_pack(l->primitive[WN__DNNL_DATA], param[0], NULL) : WN_OK;
}

/* ReLU forward, or its mask backward, over the images of one chunk. */
typedef struct relu_run {
    const wn__onednn *device;
    const wn__op_args *args;
    int64_t image; /* elements */
} relu_run;

static void rectify_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const relu_run *r = arg;
    void *out = wn__onednn_at(r->device, r->args->out, chunk * WN__CHUNK * r->image);
    r->device->kernels->add(wn__onednn_chunk_size(r->args->n, chunk) * r->image, out, NULL, true, out);
}

static void mask_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const relu_run *r = arg;
    const int64_t at = chunk * WN__CHUNK * r->image, count = wn__onednn_chunk_size(r->args->n, chunk) * r->image;
    r->device->kernels->mask(count, wn__onednn_at(r->device, r->args->dout[0], at), NULL, wn__onednn_at(r->device, r->args->out, at));
}

static void for_chunks(const wn__op *op, const wn__op_args *a, wn__chunk_body body)
{
    relu_run r = {wn__onednn_of(op), a, op->desc.out_c * op->desc.out_h * op->desc.out_w};
    wn__parallel_for(op->device->pool, wn__onednn_chunks(a->n), body, &r);
}

static wn_status forward(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    WN_TRY(wn__dnnl_execute(((layer_op *)op)->primitive[WN__DNNL_FORWARD], a->in[0], a->out, a->scratch));
    if (op->desc.relu) for_chunks(op, a, rectify_chunk);
    return WN_OK;
}

static wn_status backward_prepare(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    if (op->desc.relu) for_chunks(op, a, mask_chunk);
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    return wn__dnnl_execute(((layer_op *)op)->primitive[WN__DNNL_DATA], a->dout[0], a->din[0], a->scratch);
}

static wn_status backward_params(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    return wn__dnnl_weights(((layer_op *)op)->primitive[WN__DNNL_WEIGHTS], a->in[0], a->dout[0], a->dparam[0],
                            op->desc.bias ? a->dparam[1] : NULL, a->accumulate, a->scratch);
}

static void release(wn__op *op)
{
    layer_op *l = (layer_op *)op;
    for (int i = 0; i < WN__DNNL_DIRECTIONS; i++)
        wn__dnnl_release(l->primitive[i]);
    wn__free(op);
}

static const wn__op_class layer_class = {.run = {[WN__FORWARD] = forward,
                                                 [WN__BACKWARD_PREPARE] = backward_prepare,
                                                 [WN__BACKWARD_DATA] = backward_data,
                                                 [WN__BACKWARD_PARAMS] = backward_params},
                                         .pack = pack,
                                         .release = release};

wn_status wn__onednn_prepare_layer(wn__onednn *d, const wn__op_desc *desc, wn__op **out)
{
    wn__op *op;
    WN_TRY(wn__onednn_new_op(d, desc, &layer_class, sizeof(layer_op), &op));
    layer_op *l = (layer_op *)op;
    for (int i = 0; i < WN__DNNL_DIRECTIONS; i++) {
        if ((i == WN__DNNL_DATA && !desc->input_gradient) || (i == WN__DNNL_WEIGHTS && desc->inference_only)) continue;
        const wn_status status = wn__dnnl_prepare(d->engine, desc, d->device.dtype, (wn__dnnl_direction)i, &l->primitive[i]);
        if (status != WN_OK) {
            release(op);
            return status;
        }
        const size_t bytes = wn__dnnl_scratch_bytes(l->primitive[i]);
        if (bytes > op->scratch_bytes) op->scratch_bytes = bytes;
    }
    op->backward_needs_in = true;
    op->backward_needs_out = desc->relu;
    op->implementation = wn__dnnl_implementation(l->primitive[WN__DNNL_FORWARD]);
    *out = op;
    return WN_OK;
}
