/* Batch normalisation (Ioffe and Szegedy 2015) with optional residual and ReLU: kernels on blocks of lanes; per channel see backend/norm.h. */
#include "backend/norm.h"
#include "backend/sparse/sparse_device.h"
#include "base/fail.h"

#define SOME_CHANNELS 64 /* whose sums of a band stay on the stack */

static wn__moments merged(const wn__moments *before, const wn__moments *band)
{
    const wn__moments both[] = {*before, *band};
    wn__moments all;
    wn__reduce_moments(both, 2, 1, &all);
    return all;
}

/* Moments of a band, merged into those of the rows before it. */
static wn_status statistics(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    const wn__lane_layout in = wn__lanes_of_in(&op->desc, 0);
    const float *x = wn__lane_block_const(args->in[0], &in, first);
    double *mean = wn__norm_chunk_moments(op, args, first / WN__CHUNK), *m2 = mean + in.c;
    const double before = (double)(n * rows.first * in.w), now = (double)(n * (rows.end - rows.first) * in.w);
    wn__lane_layout band = wn__lane_band(in, rows.first, rows.end);
    for (int64_t c = 0; c < in.c; c += SOME_CHANNELS) {
        double band_mean[SOME_CHANNELS], band_m2[SOME_CHANNELS];
        band.c = in.c - c < SOME_CHANNELS ? in.c - c : SOME_CHANNELS;
        wn__sparse_of(op)->kernels->moments(&band, (int)n, x + c * in.plane * WN__LANE, band_mean, band_m2);
        for (int64_t i = 0; i < band.c; i++) {
            wn__moments all = {now, band_mean[i], band_m2[i]};
            if (rows.first > 0) all = merged(&(wn__moments){before, mean[c + i], m2[c + i]}, &all);
            mean[c + i] = all.mean;
            m2[c + i] = all.m2;
        }
    }
    return WN_OK;
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    (void)n;
    const wn__op_desc *d = &op->desc;
    const wn__norm_values k = wn__norm_values_of(op, args, first / WN__CHUNK);
    const wn__lane_layout in = wn__lane_band(wn__lanes_of_in(d, 0), rows.first, rows.end);
    const wn__lane_layout residual = wn__lane_band(wn__lanes_of_in(d, 1), rows.first, rows.end);
    const wn__lane_layout out = wn__lane_band(wn__lanes_of_out(d), rows.first, rows.end);
    wn__sparse_of(op)->kernels->normalise(&k, wn__op_ceiling(d), &in, wn__lane_block_const(args->in[0], &in, first), &residual,
                                          d->inputs == 2 ? wn__lane_block_const(args->in[1], &residual, first) : NULL, &out,
                                          wn__lane_block(args->out, &out, first));
    return WN_OK;
}

static wn_status backward_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    const wn__op_desc *d = &op->desc;
    const wn__norm_values k = wn__norm_values_of(op, args, first / WN__CHUNK);
    wn__lane_layout in = wn__lane_band(wn__lanes_of_in(d, 0), rows.first, rows.end);
    wn__lane_layout out = wn__lane_band(wn__lanes_of_out(d), rows.first, rows.end);
    double *s1 = wn__norm_chunk_sums(op, args, first / WN__CHUNK), *s2 = s1 + in.c;
    const float *x = wn__lane_block_const(args->in[0], &in, first);
    const float *y = d->inputs == 2 ? wn__lane_block_const(args->out, &out, first) : NULL;
    float *dy = wn__lane_block(args->dout[0], &out, first), *other = wn__lane_block(args->dout[1], &out, first);
    for (int64_t c = 0, channels = d->in_c; c < channels; c += SOME_CHANNELS) {
        const wn__norm_values some = {k.mean + c, k.factor + c, k.shift + c};
        const int64_t from = c * in.plane * WN__LANE, to = c * out.plane * WN__LANE;
        double band_s1[SOME_CHANNELS], band_s2[SOME_CHANNELS];
        in.c = out.c = channels - c < SOME_CHANNELS ? channels - c : SOME_CHANNELS;
        wn__sparse_of(op)->kernels->norm_prepare(&some, wn__op_ceiling(d), (int)n, &in, x + from, &out, y ? y + to : NULL, dy + to,
                                                 other ? other + to : NULL, band_s1, band_s2);
        for (int64_t i = 0; i < in.c; i++) {
            s1[c + i] = rows.first > 0 ? s1[c + i] + band_s1[i] : band_s1[i];
            s2[c + i] = rows.first > 0 ? s2[c + i] + band_s2[i] : band_s2[i];
        }
    }
    return WN_OK;
}

/* The residual's gradient first: din[0] may take the place of dout[0]. */
static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    const wn__op_desc *d = &op->desc;
    const wn__norm_gradients k = wn__norm_gradients_of(op, args);
    const wn__lane_layout in = wn__lane_band(wn__lanes_of_in(d, 0), rows.first, rows.end);
    const wn__lane_layout out = wn__lane_band(wn__lanes_of_out(d), rows.first, rows.end);
    if (d->inputs == 2) wn__sparse_pass_gradient(op, args, 1, first, rows);
    if (args->din[0])
        wn__sparse_of(op)->kernels->norm_back(&k, (int)n, &in, wn__lane_block_const(args->in[0], &in, first), &out,
                                              wn__lane_block(args->dout[0], &out, first), &in, wn__lane_block(args->din[0], &in, first));
    return WN_OK;
}

static const wn__op_class norm_class = {
    .run_rows = {[WN__STATISTICS] = statistics,
                 [WN__FORWARD] = forward,
                 [WN__BACKWARD_PREPARE] = backward_prepare,
                 [WN__BACKWARD_DATA] = backward_data},
    .finish = WN__NORM_FINISH,
    .release = wn__op_free,
};

wn_status wn__sparse_norm(wn__sparse *device, const wn__op_desc *d, wn__op **out)
{
    return wn__norm_new(&device->base, d, &norm_class, "winnow lanes", out);
}
