/* Max and average pooling. Max pooling saves which element of each window won, a byte each. */
#include "backend/onednn/onednn.h"

typedef struct pool_run {
    const wn__onednn *device;
    const wn__op_args *args;
    const wn__op_desc *desc;
    wn__nhwc_window window;
} pool_run;

static pool_run start(const wn__op *op, const wn__op_args *a)
{
    const wn__op_desc *d = &op->desc;
    return (pool_run){
        wn__onednn_of(op), a, d, {d->in_h, d->in_w, d->out_h, d->out_w, d->in_c, d->kernel_h, d->kernel_w, d->stride, d->pad}};
}

static void forward_image(void *arg, int64_t image, int worker)
{
    (void)worker;
    const pool_run *r = arg;
    const int64_t in = r->desc->in_c * r->desc->in_h * r->desc->in_w, out = r->desc->out_c * r->desc->out_h * r->desc->out_w;
    const void *x = wn__onednn_at(r->device, r->args->in[0], image * in);
    void *y = wn__onednn_at(r->device, r->args->out, image * out);
    if (r->desc->kind == WN__OP_MAX_POOL)
        r->device->kernels->max_pool(&r->window, x, y, (uint8_t *)r->args->saved + image * out);
    else
        r->device->kernels->avg_pool(&r->window, x, y);
}

static void backward_image(void *arg, int64_t image, int worker)
{
    (void)worker;
    const pool_run *r = arg;
    const int64_t in = r->desc->in_c * r->desc->in_h * r->desc->in_w, out = r->desc->out_c * r->desc->out_h * r->desc->out_w;
    const void *dy = wn__onednn_at(r->device, r->args->dout[0], image * out);
    void *dx = wn__onednn_at(r->device, r->args->din[0], image * in);
    if (r->desc->kind == WN__OP_MAX_POOL)
        r->device->kernels->max_pool_gradient(&r->window, dy, (const uint8_t *)r->args->saved + image * out, dx);
    else
        r->device->kernels->avg_pool_gradient(&r->window, dy, dx);
}

static wn_status forward(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    pool_run r = start(op, a);
    wn__parallel_for(op->device->pool, a->n, forward_image, &r);
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    pool_run r = start(op, a);
    if (a->din[0]) wn__parallel_for(op->device->pool, a->n, backward_image, &r);
    return WN_OK;
}

static const wn__op_class pool_class = {.run = {[WN__FORWARD] = forward, [WN__BACKWARD_DATA] = backward_data},
                                        .release = wn__onednn_free_op};

wn_status wn__onednn_prepare_pool(wn__onednn *d, const wn__op_desc *desc, wn__op **out)
{
    const bool max = desc->kind == WN__OP_MAX_POOL;
    if (max && desc->kernel_h * desc->kernel_w > 256)
        return wn__fail(WN_EUNSUPPORTED, "onednn: max pooling over %d x %d; at most 256 elements", desc->kernel_h, desc->kernel_w);
    WN_TRY(wn__onednn_new_op(d, desc, &pool_class, sizeof **out, out));
    if (max) (*out)->saved_bytes = (size_t)(desc->n * desc->out_c * desc->out_h * desc->out_w);
    return WN_OK;
}
