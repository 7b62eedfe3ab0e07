/* Addition and ReLU that nothing could be fused with. */
#include <string.h>

#include "backend/onednn/onednn.h"

typedef struct add_run {
    const wn__onednn *device;
    const wn__op_args *args;
    const wn__op_desc *desc;
} add_run;

static int64_t image_size(const wn__op_desc *d) { return d->out_c * d->out_h * d->out_w; }

static void forward_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const add_run *r = arg;
    const int64_t at = chunk * WN__CHUNK * image_size(r->desc), count = wn__onednn_chunk_size(r->args->n, chunk) * image_size(r->desc);
    r->device->kernels->add(count, wn__onednn_at(r->device, r->args->in[0], at), wn__onednn_at(r->device, r->args->in[1], at),
                            r->desc->relu, wn__onednn_at(r->device, r->args->out, at));
}

static void prepare_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const add_run *r = arg;
    const int64_t at = chunk * WN__CHUNK * image_size(r->desc), count = wn__onednn_chunk_size(r->args->n, chunk) * image_size(r->desc);
    r->device->kernels->mask(count, wn__onednn_at(r->device, r->args->dout[0], at), wn__onednn_at(r->device, r->args->dout[1], at),
                             r->desc->relu ? wn__onednn_at(r->device, r->args->out, at) : NULL);
}

static wn_status forward(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    add_run r = {wn__onednn_of(op), a, &op->desc};
    wn__parallel_for(op->device->pool, wn__onednn_chunks(a->n), forward_chunk, &r);
    return WN_OK;
}

static wn_status backward_prepare(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    if (!op->desc.relu && !a->dout[1]) return WN_OK;
    add_run r = {wn__onednn_of(op), a, &op->desc};
    wn__parallel_for(op->device->pool, wn__onednn_chunks(a->n), prepare_chunk, &r);
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    const size_t bytes = (size_t)(a->n * image_size(&op->desc) * wn__onednn_of(op)->kernels->bytes);
    for (int i = 0; i < 2; i++)
        if (a->din[i] && a->din[i] != a->dout[0]) memcpy(a->din[i], a->dout[0], bytes);
    return WN_OK;
}

static const wn__op_class add_class = {
    .run = {[WN__FORWARD] = forward, [WN__BACKWARD_PREPARE] = backward_prepare, [WN__BACKWARD_DATA] = backward_data},
    .release = wn__onednn_free_op};

wn_status wn__onednn_prepare_add(wn__onednn *d, const wn__op_desc *desc, wn__op **out)
{
    WN_TRY(wn__onednn_new_op(d, desc, &add_class, sizeof **out, out));
    (*out)->backward_needs_out = desc->relu;
    return WN_OK;
}
