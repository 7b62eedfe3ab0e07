/* Pools on few images, a channel at a time. */
#include "backend/sparse/few.h"
#include "base/fail.h"

typedef struct work {
    const wn__op *op;
    const wn__op_args *args;
    wn__planes in, out;
} work;

static void pool_plane(void *arg, int64_t i, int worker)
{
    const work *w = arg;
    const wn__op_desc *d = &w->op->desc;
    const wn__planes_kernels *kernels = wn__few_kernels(w->op);
    const wn__lane_window window = {d->kernel_h, d->kernel_w, d->stride, d->pad};
    const float *in = (const float *)w->args->in[0] + i * w->in.plane;
    float *out = (float *)w->args->out + i * w->out.plane;
    if (d->kind == WN__OP_MAX_POOL)
        kernels->max_pool(&window, &w->in, in, &w->out, out, (float *)w->args->scratch + worker * wn__lines(d->in_w) * WN__LINE);
    else
        kernels->avg_pool(&window, &w->in, in, &w->out, out);
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    (void)first, (void)n;
    work w = {op, args, wn__few_in(&op->desc), wn__few_out(&op->desc)};
    wn__few_run(op, args->n * w.out.c, w.in.plane, pool_plane, &w);
    return WN_OK;
}

static const wn__op_class pool_class = {.run = {[WN__FORWARD] = forward}, .release = wn__op_free};

wn_status wn__few_pool(wn__few *device, const wn__op_desc *d, wn__op **out)
{
    WN_TRY(wn__op_new(&device->base, d, sizeof **out, &pool_class, "winnow planes", out));
    if (d->kind == WN__OP_MAX_POOL)
        (*out)->scratch_bytes = (size_t)(wn__pool_threads(device->base.pool) * wn__lines(d->in_w) * WN__LINE) * sizeof(float);
    return WN_OK;
}
