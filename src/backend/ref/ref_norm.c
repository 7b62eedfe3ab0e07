/* Batch normalisation (Ioffe and Szegedy 2015), out = [relu](scale * xhat + shift [+ residual]), xhat = (in - mean) * r,
 * r = 1 / sqrt(variance + eps), per channel over `count` = images * height * width values. In training, mean and (biased) variance are
 * the batch's and the running ones move by `momentum` towards them, the variance unbiased, as in PyTorch; otherwise they are the
 * running ones, and constants to every derivative.
 *
 * With dy the prepared gradient, s1 = sum of dy, s2 = sum of dy * xhat:
 *     dshift = s1, dscale = s2, din = scale * r * (dy - s1 / count - xhat * s2 / count), or scale * r * dy outside training.
 * Tangents in training (t for R{}): t_mean = mean of t_in, t_r = -r^3 * mean of (in - mean) * t_in,
 *     t_xhat = (t_in - t_mean) * r + (in - mean) * t_r, t_s1 = sum of t_dy, t_s2 = sum of t_dy * xhat + dy * t_xhat.
 * Both saved and t_saved hold four rows of channels in double: mean, r, s1, s2, and their tangents. */
#include <math.h>

#include "backend/ref/ref.h"
#include "base/fail.h"

enum { MEAN, R, S1, S2, ROWS };

static wn_status check(const wn__op_desc *d)
{
    if (!(d->eps > 0)) return wn__fail(WN_EINVAL, "ref norm: eps %g, must be > 0", (double)d->eps);
    if (!(d->momentum >= 0 && d->momentum <= 1)) return wn__fail(WN_EINVAL, "ref norm: momentum %g, must be 0 to 1", (double)d->momentum);
    return wn__ref_check_same_shape(d, "norm");
}

/* Scratch: one row of channels for each chunk, and one for the merged moments. */
static void plan(wn__op *op)
{
    const int64_t channels = op->desc.in_c;
    op->saved_bytes = (size_t)(ROWS * channels) * sizeof(double);
    op->scratch_bytes = (size_t)((wn__chunks(op->desc.n) + 1) * channels) * sizeof(wn__moments);
    op->backward_needs_in = true;
}

static int64_t plane_size(const wn__op_desc *d) { return d->in_h * d->in_w; }
static int64_t plane_start(const wn__op_desc *d, int64_t image, int64_t c) { return (image * d->in_c + c) * plane_size(d); }
static double value_count(const wn__op_desc *d, const wn__op_args *args) { return (double)(args->n * plane_size(d)); }

/* What one channel's values are mapped by, and the derivatives of that. */
typedef struct channel {
    double mean, r, scale, shift;
    double s1, s2; /* divided by the count; 0 outside training */
} channel;

static channel channel_at(const wn__op *op, const wn__op_args *args, int64_t c)
{
    const wn__op_desc *d = &op->desc;
    channel k = {.scale = args->param[0][c], .shift = args->param[1][c]};
    if (!args->step.training) {
        k.mean = args->param[2][c];
        k.r = 1 / sqrt((double)args->param[3][c] + d->eps);
        return k;
    }
    const double *saved = args->saved;
    k.mean = saved[MEAN * d->in_c + c];
    k.r = saved[R * d->in_c + c];
    k.s1 = saved[S1 * d->in_c + c] / value_count(d, args);
    k.s2 = saved[S2 * d->in_c + c] / value_count(d, args);
    return k;
}

static channel channel_tangent_at(const wn__op *op, const wn__op_args *args, int64_t c)
{
    const wn__op_desc *d = &op->desc;
    channel t = {.scale = args->t_param[0] ? args->t_param[0][c] : 0, .shift = args->t_param[1] ? args->t_param[1][c] : 0};
    if (!args->step.training) return t;
    const double *saved = args->t_saved;
    t.mean = saved[MEAN * d->in_c + c];
    t.r = saved[R * d->in_c + c];
    t.s1 = saved[S1 * d->in_c + c] / value_count(d, args);
    t.s2 = saved[S2 * d->in_c + c] / value_count(d, args);
    return t;
}

static double xhat_tangent(channel k, channel t, double x, double t_x) { return (t_x - t.mean) * k.r + (x - k.mean) * t.r; }

/* --- statistics ---------------------------------------------------------------------------------------------------------------- */

/* Two passes: the sum of squares is taken around the chunk's own mean, so that a large mean costs no digits. */
static wn__moments chunk_moments(const wn__op_desc *d, const float *in, int64_t c, int64_t first, int64_t n)
{
    wn__moments m = {.count = (double)(n * plane_size(d))};
    for (int64_t image = first; image < first + n; image++)
        for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++)
            m.mean += in[i];
    m.mean /= m.count;
    for (int64_t image = first; image < first + n; image++)
        for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++)
            m.m2 += (in[i] - m.mean) * (in[i] - m.mean);
    return m;
}

static wn_status statistics(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    wn__moments *partial = (wn__moments *)args->scratch + wn__ref_chunk_at(first, n) * d->in_c;
    for (int64_t c = 0; c < d->in_c; c++)
        partial[c] = chunk_moments(d, args->in[0], c, first, n);
    return WN_OK;
}

static void move_towards(float *running, float momentum, double now) { *running = (float)((1.0 - momentum) * *running + momentum * now); }

static wn_status finish_statistics(wn__op *op, const wn__op_args *args)
{
    const wn__op_desc *d = &op->desc;
    const int64_t chunks = wn__chunks(args->n);
    const wn__moments *partials = args->scratch;
    wn__moments *all = (wn__moments *)args->scratch + chunks * d->in_c;
    double *saved = args->saved;
    if (!args->step.training) return WN_OK;
    wn__reduce_moments(partials, chunks, d->in_c, all);
    for (int64_t c = 0; c < d->in_c; c++) {
        saved[MEAN * d->in_c + c] = all[c].mean;
        saved[R * d->in_c + c] = 1 / sqrt(all[c].m2 / all[c].count + d->eps);
        if (!args->step.update_statistics) continue;
        move_towards(&args->param[2][c], d->momentum, all[c].mean);
        move_towards(&args->param[3][c], d->momentum, all[c].m2 / (all[c].count > 1 ? all[c].count - 1 : 1));
    }
    return WN_OK;
}

/* Sums of t_in and of (in - mean) * t_in. */
static wn_status tangent_statistics(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *in = args->in[0], *t_in = args->t_in[0];
    double *partial = (double *)args->scratch + wn__ref_chunk_at(first, n) * 2 * d->in_c;
    for (int64_t c = 0; c < d->in_c; c++) {
        const channel k = channel_at(op, args, c);
        double sum = 0, weighted = 0;
        for (int64_t image = first; t_in && image < first + n; image++)
            for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++) {
                sum += t_in[i];
                weighted += (in[i] - k.mean) * t_in[i];
            }
        partial[c] = sum;
        partial[d->in_c + c] = weighted;
    }
    return WN_OK;
}

static wn_status finish_tangent_statistics(wn__op *op, const wn__op_args *args)
{
    const wn__op_desc *d = &op->desc;
    const double count = value_count(d, args);
    double *t_saved = args->t_saved;
    if (!args->step.training) return WN_OK;
    wn__reduce_sums(args->scratch, wn__chunks(args->n), 2 * d->in_c, 2 * d->in_c, t_saved + MEAN * d->in_c);
    for (int64_t c = 0; c < d->in_c; c++) {
        const channel k = channel_at(op, args, c);
        t_saved[MEAN * d->in_c + c] /= count;
        t_saved[R * d->in_c + c] *= -k.r * k.r * k.r / count;
    }
    return WN_OK;
}

/* --- forward ------------------------------------------------------------------------------------------------------------------- */

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *in = args->in[0], *residual = d->inputs == 2 ? args->in[1] : NULL;
    float *out = args->out;
    for (int64_t c = 0; c < d->in_c; c++) {
        const channel k = channel_at(op, args, c);
        for (int64_t image = first; image < first + n; image++)
            for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++) {
                const double y = (in[i] - k.mean) * k.r * k.scale + k.shift;
                const float sum = (float)(residual ? y + residual[i] : y);
                out[i] = wn__ref_relu(d, sum);
            }
    }
    return WN_OK;
}

static wn_status tangent_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *in = args->in[0], *out = args->out, *t_in = args->t_in[0], *t_residual = d->inputs == 2 ? args->t_in[1] : NULL;
    float *t_out = args->t_out;
    for (int64_t c = 0; c < d->in_c; c++) {
        const channel k = channel_at(op, args, c), t = channel_tangent_at(op, args, c);
        for (int64_t image = first; image < first + n; image++)
            for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++) {
                const double t_xhat = xhat_tangent(k, t, in[i], t_in ? t_in[i] : 0);
                const double t_y = t_xhat * k.scale + (in[i] - k.mean) * k.r * t.scale + t.shift;
                const float sum = (float)(t_residual ? t_y + t_residual[i] : t_y);
                t_out[i] = wn__ref_relu_mask(d, out[i], sum);
            }
    }
    return WN_OK;
}

/* --- backward ------------------------------------------------------------------------------------------------------------------ */

static wn_status backward_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *in = args->in[0], *dy = args->dout[0];
    double *partial = (double *)args->scratch + wn__ref_chunk_at(first, n) * 2 * d->in_c;
    WN_TRY(wn__ref_backward_prepare(op, args, first, n));
    for (int64_t c = 0; c < d->in_c; c++) {
        const channel k = channel_at(op, args, c);
        double s1 = 0, s2 = 0;
        for (int64_t image = first; image < first + n; image++)
            for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++) {
                s1 += dy[i];
                s2 += dy[i] * ((in[i] - k.mean) * k.r);
            }
        partial[c] = s1;
        partial[d->in_c + c] = s2;
    }
    return WN_OK;
}

static wn_status tangent_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *in = args->in[0], *t_in = args->t_in[0], *dy = args->dout[0], *t_dy = args->t_dout[0];
    double *partial = (double *)args->scratch + wn__ref_chunk_at(first, n) * 2 * d->in_c;
    WN_TRY(wn__ref_tangent_prepare(op, args, first, n));
    for (int64_t c = 0; c < d->in_c; c++) {
        const channel k = channel_at(op, args, c), t = channel_tangent_at(op, args, c);
        double s1 = 0, s2 = 0;
        for (int64_t image = first; image < first + n; image++)
            for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++) {
                s1 += t_dy[i];
                s2 += t_dy[i] * ((in[i] - k.mean) * k.r) + dy[i] * xhat_tangent(k, t, in[i], t_in ? t_in[i] : 0);
            }
        partial[c] = s1;
        partial[d->in_c + c] = s2;
    }
    return WN_OK;
}

static wn_status finish_prepare(wn__op *op, const wn__op_args *args)
{
    const int64_t row = 2 * op->desc.in_c;
    wn__reduce_sums(args->scratch, wn__chunks(args->n), row, row, (double *)args->saved + S1 * op->desc.in_c);
    return WN_OK;
}

static wn_status finish_tangent_prepare(wn__op *op, const wn__op_args *args)
{
    const int64_t row = 2 * op->desc.in_c;
    wn__reduce_sums(args->scratch, wn__chunks(args->n), row, row, (double *)args->t_saved + S1 * op->desc.in_c);
    return WN_OK;
}

/* The residual's gradient first: din[0] may take the place of dout[0]. */
static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *in = args->in[0], *dy = args->dout[0];
    float *din = args->din[0];
    if (d->inputs == 2) wn__ref_copy_images(d, dy, args->din[1], first, n);
    for (int64_t c = 0; din && c < d->in_c; c++) {
        const channel k = channel_at(op, args, c);
        for (int64_t image = first; image < first + n; image++)
            for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++)
                din[i] = (float)(k.scale * k.r * (dy[i] - k.s1 - (in[i] - k.mean) * k.r * k.s2));
    }
    return WN_OK;
}

static wn_status tangent_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *in = args->in[0], *t_in = args->t_in[0], *dy = args->dout[0], *t_dy = args->t_dout[0];
    float *t_din = args->t_din[0];
    if (d->inputs == 2) wn__ref_copy_images(d, t_dy, args->t_din[1], first, n);
    for (int64_t c = 0; t_din && c < d->in_c; c++) {
        const channel k = channel_at(op, args, c), t = channel_tangent_at(op, args, c);
        for (int64_t image = first; image < first + n; image++)
            for (int64_t i = plane_start(d, image, c); i < plane_start(d, image, c) + plane_size(d); i++) {
                const double xhat = (in[i] - k.mean) * k.r, t_xhat = xhat_tangent(k, t, in[i], t_in ? t_in[i] : 0);
                const double centred = dy[i] - k.s1 - xhat * k.s2;
                const double t_centred = t_dy[i] - t.s1 - t_xhat * k.s2 - xhat * t.s2;
                t_din[i] = (float)((t.scale * k.r + k.scale * t.r) * centred + k.scale * k.r * t_centred);
            }
    }
    return WN_OK;
}

static void store(const double *sums, int64_t count, float *out, bool accumulate)
{
    for (int64_t i = 0; out && i < count; i++)
        out[i] = (float)(accumulate ? out[i] + sums[i] : sums[i]);
}

/* The sums were made when the gradient was prepared. */
static wn_status finish_params(wn__op *op, const wn__op_args *args)
{
    const int64_t channels = op->desc.in_c;
    store((const double *)args->saved + S2 * channels, channels, args->dparam[0], args->accumulate);
    store((const double *)args->saved + S1 * channels, channels, args->dparam[1], args->accumulate);
    return WN_OK;
}

static wn_status finish_tangent_params(wn__op *op, const wn__op_args *args)
{
    const int64_t channels = op->desc.in_c;
    store((const double *)args->t_saved + S2 * channels, channels, args->t_dparam[0], args->accumulate);
    store((const double *)args->t_saved + S1 * channels, channels, args->t_dparam[1], args->accumulate);
    return WN_OK;
}

const wn__ref_kind wn__ref_norm = {
    .check = check,
    .plan = plan,
    .cls =
        {
            .run =
                {
                    [WN__STATISTICS] = statistics,
                    [WN__FORWARD] = forward,
                    [WN__BACKWARD_PREPARE] = backward_prepare,
                    [WN__BACKWARD_DATA] = backward_data,
                    [WN__TANGENT_STATISTICS] = tangent_statistics,
                    [WN__TANGENT_FORWARD] = tangent_forward,
                    [WN__TANGENT_PREPARE] = tangent_prepare,
                    [WN__TANGENT_DATA] = tangent_data,
                },
            .finish =
                {
                    [WN__STATISTICS] = finish_statistics,
                    [WN__BACKWARD_PREPARE] = finish_prepare,
                    [WN__BACKWARD_PARAMS] = finish_params,
                    [WN__TANGENT_STATISTICS] = finish_tangent_statistics,
                    [WN__TANGENT_PREPARE] = finish_tangent_prepare,
                    [WN__TANGENT_PARAMS] = finish_tangent_params,
                },
            .release = wn__ref_release,
        },
};
