/* Pools. Maximum: the first largest value of a window wins, a NaN wins over all, padding never does; `saved` holds the winner's
 * place in the input plane as int32, one per output. Average: over the places inside the image, padding not counted. */
#include <math.h>

#include "backend/ref/ref.h"
#include "base/fail.h"

static wn_status check(const wn__op_desc *d, const char *what)
{
    WN_TRY(wn__ref_check_window(d, what));
    if (d->in_c != d->out_c)
        return wn__fail(WN_EINVAL, "ref %s: %lld output channels, must be %lld", what, (long long)d->out_c, (long long)d->in_c);
    if (d->pad >= d->kernel_h || d->pad >= d->kernel_w)
        return wn__fail(WN_EINVAL, "ref %s: pad %d must be smaller than the kernel %dx%d", what, d->pad, d->kernel_h, d->kernel_w);
    if (d->in_h * d->in_w > INT32_MAX)
        return wn__fail(WN_EINVAL, "ref %s: image of %lldx%lld, must have at most %d pixels", what, (long long)d->in_h, (long long)d->in_w,
                        INT32_MAX);
    return WN_OK;
}

static wn_status check_max(const wn__op_desc *d) { return check(d, "max pool"); }
static wn_status check_avg(const wn__op_desc *d) { return check(d, "avg pool"); }

/* The part of an output's window inside the image. */
typedef struct window {
    int64_t y_begin, y_end, x_begin, x_end;
} window;

static window window_at(const wn__op_desc *d, int64_t output /* place in the plane */)
{
    const int64_t y = output / d->out_w * d->stride - d->pad, x = output % d->out_w * d->stride - d->pad;
    return (window){
        .y_begin = y < 0 ? 0 : y,
        .y_end = y + d->kernel_h < d->in_h ? y + d->kernel_h : d->in_h,
        .x_begin = x < 0 ? 0 : x,
        .x_end = x + d->kernel_w < d->in_w ? x + d->kernel_w : d->in_w,
    };
}

static int64_t first_maximum(const wn__op_desc *d, window w, const float *plane)
{
    int64_t best = w.y_begin * d->in_w + w.x_begin;
    for (int64_t y = w.y_begin; y < w.y_end; y++)
        for (int64_t x = w.x_begin; x < w.x_end; x++) {
            const int64_t at = y * d->in_w + x;
            if (plane[at] > plane[best] || (isnan(plane[at]) && !isnan(plane[best]))) best = at;
        }
    return best;
}

static double window_mean(const wn__op_desc *d, window w, const float *plane)
{
    double sum = 0;
    for (int64_t y = w.y_begin; y < w.y_end; y++)
        for (int64_t x = w.x_begin; x < w.x_end; x++)
            sum += plane[y * d->in_w + x];
    return sum / (double)((w.y_end - w.y_begin) * (w.x_end - w.x_begin));
}

static int64_t in_plane(const wn__op_desc *d) { return d->in_h * d->in_w; }
static int64_t out_plane(const wn__op_desc *d) { return d->out_h * d->out_w; }

/* Gradients are added up in double, one plane of the input for each chunk. */
static void plan_avg(wn__op *op) { op->scratch_bytes = (size_t)(wn__chunks(op->desc.n) * in_plane(&op->desc)) * sizeof(double); }

static void plan_max(wn__op *op)
{
    plan_avg(op);
    op->saved_bytes = (size_t)(op->desc.n * wn__ref_out_size(&op->desc)) * sizeof(int32_t);
}

static wn_status max_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    int32_t *winner = args->saved; /* NULL where no backward phase will follow */
    for (int64_t p = first * d->in_c; p < (first + n) * d->in_c; p++) {
        const float *in = (const float *)args->in[0] + p * in_plane(d);
        for (int64_t i = 0; i < out_plane(d); i++) {
            const int64_t best = first_maximum(d, window_at(d, i), in);
            ((float *)args->out)[p * out_plane(d) + i] = in[best];
            if (winner) winner[p * out_plane(d) + i] = (int32_t)best;
        }
    }
    return WN_OK;
}

static wn_status max_tangent_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int32_t *winner = args->saved;
    const float *t_in = args->t_in[0];
    for (int64_t p = first * d->in_c; p < (first + n) * d->in_c; p++)
        for (int64_t i = p * out_plane(d); i < (p + 1) * out_plane(d); i++)
            ((float *)args->t_out)[i] = t_in ? t_in[p * in_plane(d) + winner[i]] : 0;
    return WN_OK;
}

static wn_status avg_pool(wn__op *op, const float *in, float *out, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    for (int64_t p = first * d->in_c; p < (first + n) * d->in_c; p++)
        for (int64_t i = 0; i < out_plane(d); i++)
            out[p * out_plane(d) + i] = in ? (float)window_mean(d, window_at(d, i), in + p * in_plane(d)) : 0;
    return WN_OK;
}

static wn_status avg_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    return avg_pool(op, args->in[0], args->out, first, n);
}

static wn_status avg_tangent_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    return avg_pool(op, args->t_in[0], args->t_out, first, n);
}

static void spread_mean(const wn__op_desc *d, window w, double gradient, double *sums)
{
    const double share = gradient / (double)((w.y_end - w.y_begin) * (w.x_end - w.x_begin));
    for (int64_t y = w.y_begin; y < w.y_end; y++)
        for (int64_t x = w.x_begin; x < w.x_end; x++)
            sums[y * d->in_w + x] += share;
}

/* From the gradient of out to that of in; `winner` is NULL for the average. Linear, so it serves tangents too. */
static wn_status pool_back(const wn__op *op, const wn__op_args *args, const int32_t *winner, const float *dout, float *din, int64_t first,
                           int64_t n)
{
    const wn__op_desc *d = &op->desc;
    double *sums = (double *)args->scratch + wn__ref_chunk_at(first, n) * in_plane(d);
    if (!din) return WN_OK;
    for (int64_t p = first * d->in_c; p < (first + n) * d->in_c; p++) {
        const int64_t out_at = p * out_plane(d);
        wn__ref_fill(sums, in_plane(d), 0);
        for (int64_t i = 0; i < out_plane(d); i++) {
            if (winner)
                sums[winner[out_at + i]] += dout[out_at + i];
            else
                spread_mean(d, window_at(d, i), dout[out_at + i], sums);
        }
        wn__ref_store(sums, in_plane(d), din + p * in_plane(d));
    }
    return WN_OK;
}

static wn_status max_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    return pool_back(op, args, args->saved, args->dout[0], args->din[0], first, n);
}

static wn_status max_tangent_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    return pool_back(op, args, args->saved, args->t_dout[0], args->t_din[0], first, n);
}

static wn_status avg_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    return pool_back(op, args, NULL, args->dout[0], args->din[0], first, n);
}

static wn_status avg_tangent_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    return pool_back(op, args, NULL, args->t_dout[0], args->t_din[0], first, n);
}

const wn__ref_kind wn__ref_max_pool = {
    .check = check_max,
    .plan = plan_max,
    .cls =
        {
            .run =
                {
                    [WN__FORWARD] = max_forward,
                    [WN__BACKWARD_DATA] = max_data,
                    [WN__TANGENT_FORWARD] = max_tangent_forward,
                    [WN__TANGENT_DATA] = max_tangent_data,
                },
            .release = wn__ref_release,
        },
};

const wn__ref_kind wn__ref_avg_pool = {
    .check = check_avg,
    .plan = plan_avg,
    .cls =
        {
            .run =
                {
                    [WN__FORWARD] = avg_forward,
                    [WN__BACKWARD_DATA] = avg_data,
                    [WN__TANGENT_FORWARD] = avg_tangent_forward,
                    [WN__TANGENT_DATA] = avg_tangent_data,
                },
            .release = wn__ref_release,
        },
};
