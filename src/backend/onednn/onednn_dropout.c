/* Dropout of the same elements as every other backend: element number e of the batch in (n,c,h,w) order is kept if uniform number e of
 * the stream (seed, WN__FOR_DROPOUT, step, node) is at least `rate`. The backward phase draws the numbers again. */
#include "backend/onednn/onednn.h"
#include "base/rng.h"

#define PIXELS 256   /* most that numbers are drawn for at a time */
#define NUMBERS 4096 /* drawn together: as many channels of those pixels as make so many, at least one */

typedef struct piece {
    int64_t first, pixels, channel, channels;
} piece;

/* Its numbers, channel by channel: all at once where they lie side by side in the stream. */
static void draw_piece(const wn__op *op, const wn__rng *stream, int64_t image, const piece *p, float *number)
{
    const wn__nhwc_kernels *k = wn__onednn_of(op)->kernels;
    const int64_t pixels = op->desc.in_h * op->desc.in_w, start = image * wn__onednn_in_size(&op->desc) + p->channel * pixels + p->first;
    if (p->pixels == pixels) {
        k->uniforms(stream, (uint64_t)start, p->channels * pixels, number);
        return;
    }
    for (int64_t c = 0; c < p->channels; c++)
        k->uniforms(stream, (uint64_t)(start + c * pixels), p->pixels, number + c * p->pixels);
}

static void drop_piece(const wn__op *op, const float *number, int64_t image, const piece *p, const void *in, void *out)
{
    const wn__op_desc *d = &op->desc;
    const wn__nhwc_kernels *k = wn__onednn_of(op)->kernels;
    const float factor = 1.0f / (1.0f - d->rate);
    float x[NUMBERS];
    for (int64_t i = 0; i < p->pixels; i++) {
        const int64_t at = image * wn__onednn_in_size(d) + (p->first + i) * d->in_c + p->channel;
        k->load(p->channels, wn__onednn_at_const(op, in, at), x);
        for (int64_t c = 0; c < p->channels; c++)
            x[c] = number[c * p->pixels + i] >= d->rate ? x[c] * factor : 0;
        k->store(p->channels, x, wn__onednn_at(op, out, at));
    }
}

static void drop_image(const wn__op *op, const wn__op_args *args, int64_t image, const void *in, void *out)
{
    const wn__op_desc *d = &op->desc;
    const wn__rng stream = wn__rng_make(args->step.seed, WN__FOR_DROPOUT, (uint64_t)args->step.step, (uint64_t)d->node);
    const int64_t pixels = d->in_h * d->in_w, most = pixels < PIXELS ? pixels : PIXELS, channels = NUMBERS / most;
    float number[NUMBERS];
    for (int64_t c = 0; c < d->in_c; c += channels)
        for (int64_t i = 0; i < pixels; i += most) {
            const piece p = {i, pixels - i < most ? pixels - i : most, c, d->in_c - c < channels ? d->in_c - c : channels};
            draw_piece(op, &stream, image, &p, number);
            drop_piece(op, number, image, &p, in, out);
        }
}

static void drop(const wn__op *op, const wn__op_args *args, const void *in, void *out, int64_t first, int64_t n)
{
    if (!args->step.training) wn__onednn_copy(op, in, out, wn__onednn_in_size(&op->desc), first, n);
    for (int64_t image = first; args->step.training && image < first + n; image++)
        drop_image(op, args, image, in, out);
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    drop(op, args, args->in[0], args->out, first, n);
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    if (args->din[0]) drop(op, args, args->dout[0], args->din[0], first, n);
    return WN_OK;
}

static const wn__op_class dropout_class = {
    .run = {[WN__FORWARD] = forward, [WN__BACKWARD_DATA] = backward_data},
    .release = wn__op_free,
};

wn_status wn__onednn_dropout(wn__onednn *device, const wn__op_desc *desc, wn__op **out)
{
    return wn__op_new(&device->base, desc, sizeof **out, &dropout_class, "nhwc", out);
}
