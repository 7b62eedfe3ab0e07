/* Dropout with the same elements dropped as by the reference backend: element e of the batch in (n,c,h,w) order is kept if uniform number e
 * of the stream (seed, WN__FOR_DROPOUT, step, node) is at least `rate`. */
#include "backend/onednn/onednn.h"
#include "base/rng.h"

typedef struct dropout_run {
    const wn__op *op;
    const wn__op_args *args;
    const void *from;
    void *to;
} dropout_run;

/* The stream, ready to hand out number `element`; a counter has four. */
static wn__rng stream_at(const wn__op *op, const wn__op_args *args, int64_t element)
{
    wn__rng r = wn__rng_make(args->step.seed, WN__FOR_DROPOUT, (uint64_t)args->step.step, (uint64_t)op->desc.node);
    r.counter[0] = (uint32_t)(element / 4);
    r.counter[1] = (uint32_t)(element / 4 >> 32);
    for (int64_t i = 0; i < element % 4; i++)
        wn__rng_u32(&r);
    return r;
}

static void drop_image(void *arg, int64_t image, int worker)
{
    (void)worker;
    const dropout_run *d = arg;
    const wn__op_desc *desc = &d->op->desc;
    const bool bf16 = d->op->device->dtype == WN__BF16;
    const int64_t c = desc->in_c, pixels = desc->in_h * desc->in_w, begin = image * c * pixels;
    const float rate = desc->rate, factor = 1.0f / (1.0f - rate);
    wn__rng r = stream_at(d->op, d->args, begin);
    for (int64_t i = 0; i < c; i++)
        for (int64_t p = 0; p < pixels; p++) {
            const int64_t at = begin + p * c + i;
            const bool keep = wn__rng_uniform(&r) >= rate;
            if (bf16)
                ((uint16_t *)d->to)[at] = keep ? wn__f32_to_bf16(wn__bf16_to_f32(((const uint16_t *)d->from)[at]) * factor) : 0;
            else
                ((float *)d->to)[at] = keep ? ((const float *)d->from)[at] * factor : 0.0f;
        }
}

/* The map is linear: it serves values and gradients. */
static wn_status drop(wn__op *op, const wn__op_args *a, const void *from, void *to)
{
    dropout_run d = {op, a, from, to};
    if (a->step.training)
        wn__parallel_for(op->device->pool, a->n, drop_image, &d);
    else
        wn__onednn_of(op)->kernels->add(a->n * op->desc.in_c * op->desc.in_h * op->desc.in_w, from, NULL, false, to);
    return WN_OK;
}

static wn_status forward(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    return drop(op, a, a->in[0], a->out);
}

static wn_status backward_data(wn__op *op, const wn__op_args *a, int64_t first, int64_t n)
{
    (void)first, (void)n;
    return a->din[0] ? drop(op, a, a->dout[0], a->din[0]) : WN_OK;
}

static const wn__op_class dropout_class = {.run = {[WN__FORWARD] = forward, [WN__BACKWARD_DATA] = backward_data},
                                           .release = wn__onednn_free_op};

wn_status wn__onednn_prepare_dropout(wn__onednn *d, const wn__op_desc *desc, wn__op **out)
{
    if (!(desc->rate >= 0 && desc->rate < 1))
        return wn__fail(WN_EINVAL, "onednn dropout: rate %g, must be at least 0 and below 1", (double)desc->rate);
    return wn__onednn_new_op(d, desc, &dropout_class, sizeof **out, out);
}
