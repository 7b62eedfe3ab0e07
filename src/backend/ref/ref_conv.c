/* Convolution as in PyTorch (a correlation), out[o][y][x] = bias[o] + sum weight[o][i][ky][kx] in[i][y s + ky - pad][x s + kx - pad]
 * with zeros outside, then the fused ReLU. A chunk's part of scratch holds one plane of double sums, or the chunk's weight gradient. */
#include "backend/ref/ref.h"
#include "base/fail.h"

static wn_status check(const wn__op_desc *d)
{
    if (d->groups < 1 || d->in_c % d->groups || d->out_c % d->groups)
        return wn__fail(WN_EINVAL, "ref conv: %d groups must divide %lld input and %lld output channels", d->groups, (long long)d->in_c,
                        (long long)d->out_c);
    return wn__ref_check_window(d, "conv");
}

static int64_t kernel_size(const wn__op_desc *d) { return (int64_t)d->kernel_h * d->kernel_w; }
static int64_t group_inputs(const wn__op_desc *d) { return d->in_c / d->groups; }
static int64_t group_outputs(const wn__op_desc *d) { return d->out_c / d->groups; }
static int64_t weight_count(const wn__op_desc *d) { return d->out_c * group_inputs(d) * kernel_size(d); }

/* Floats from one chunk's weight gradient (weight, bias) to the next. */
static int64_t chunk_stride(const wn__op_desc *d)
{
    const int64_t in = d->in_h * d->in_w, out = d->out_h * d->out_w, plane = 2 * (in > out ? in : out);
    const int64_t partial = weight_count(d) + d->out_c, larger = plane > partial ? plane : partial;
    return (larger + 15) / 16 * 16;
}

static void plan(wn__op *op)
{
    op->scratch_bytes = (size_t)(wn__chunks(op->desc.n) * chunk_stride(&op->desc)) * sizeof(float);
    op->backward_needs_in = true;
}

static float *chunk_scratch(const wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    return (float *)args->scratch + wn__ref_chunk_at(first, n) * chunk_stride(&op->desc);
}

/* The outputs at which kernel position (y, x) reads the image, and what to add to their places to get where. */
typedef struct tap {
    int64_t y_begin, y_end, x_begin, x_end, offset_y, offset_x;
} tap;

static tap tap_at(const wn__op_desc *d, int y, int x)
{
    tap t = {.offset_y = y - d->pad, .offset_x = x - d->pad};
    wn__ref_tap_range(d->out_h, d->in_h, d->stride, t.offset_y, &t.y_begin, &t.y_end);
    wn__ref_tap_range(d->out_w, d->in_w, d->stride, t.offset_x, &t.x_begin, &t.x_end);
    return t;
}

static void convolve_tap(const wn__op_desc *d, tap t, double weight, const float *in /* plane */, double *sums /* plane of out */)
{
    for (int64_t y = t.y_begin; y < t.y_end; y++) {
        const float *in_row = in + (y * d->stride + t.offset_y) * d->in_w + t.offset_x;
        double *row = sums + y * d->out_w;
        for (int64_t x = t.x_begin; x < t.x_end; x++)
            row[x] += weight * in_row[x * d->stride];
    }
}

static void spread_tap(const wn__op_desc *d, tap t, double weight, const float *dout /* plane */, double *sums /* plane of in */)
{
    for (int64_t y = t.y_begin; y < t.y_end; y++) {
        const float *row = dout + y * d->out_w;
        double *in_row = sums + (y * d->stride + t.offset_y) * d->in_w + t.offset_x;
        for (int64_t x = t.x_begin; x < t.x_end; x++)
            in_row[x * d->stride] += weight * row[x];
    }
}

static double correlate_tap(const wn__op_desc *d, tap t, const float *in /* plane */, const float *dout /* plane */)
{
    double sum = 0;
    for (int64_t y = t.y_begin; y < t.y_end; y++) {
        const float *in_row = in + (y * d->stride + t.offset_y) * d->in_w + t.offset_x, *row = dout + y * d->out_w;
        for (int64_t x = t.x_begin; x < t.x_end; x++)
            sum += (double)in_row[x * d->stride] * row[x];
    }
    return sum;
}

/* Adds output channel o of conv(image, weight) to sums. */
static void convolve(const wn__op_desc *d, const float *image, const float *weight, int64_t o, double *sums)
{
    const int64_t inputs = group_inputs(d), first = o / group_outputs(d) * inputs;
    const float *w = weight + o * inputs * kernel_size(d);
    for (int64_t i = first; i < first + inputs; i++)
        for (int y = 0; y < d->kernel_h; y++)
            for (int x = 0; x < d->kernel_w; x++)
                convolve_tap(d, tap_at(d, y, x), *w++, image + i * d->in_h * d->in_w, sums);
}

/* Adds input channel i of the gradient that flows back through `weight` to sums. */
static void convolve_back(const wn__op_desc *d, const float *dout, const float *weight, int64_t i, double *sums)
{
    const int64_t inputs = group_inputs(d), outputs = group_outputs(d), first = i / inputs * outputs;
    for (int64_t o = first; o < first + outputs; o++) {
        const float *w = weight + (o * inputs + i % inputs) * kernel_size(d);
        for (int y = 0; y < d->kernel_h; y++)
            for (int x = 0; x < d->kernel_w; x++)
                spread_tap(d, tap_at(d, y, x), *w++, dout + o * d->out_h * d->out_w, sums);
    }
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t plane = d->out_h * d->out_w;
    double *sums = (double *)chunk_scratch(op, args, first, n);
    for (int64_t image = first; image < first + n; image++)
        for (int64_t o = 0; o < d->out_c; o++) {
            wn__ref_fill(sums, plane, d->bias ? args->param[1][o] : 0);
            convolve(d, (const float *)args->in[0] + image * wn__ref_in_size(d), args->param[0], o, sums);
            float *out = (float *)args->out + (image * d->out_c + o) * plane;
            for (int64_t i = 0; i < plane; i++)
                out[i] = wn__ref_relu(d, (float)sums[i]);
        }
    return WN_OK;
}

static wn_status tangent_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t plane = d->out_h * d->out_w, in_size = wn__ref_in_size(d);
    double *sums = (double *)chunk_scratch(op, args, first, n);
    for (int64_t image = first; image < first + n; image++)
        for (int64_t o = 0; o < d->out_c; o++) {
            wn__ref_fill(sums, plane, d->bias && args->t_param[1] ? args->t_param[1][o] : 0);
            if (args->t_in[0]) convolve(d, (const float *)args->t_in[0] + image * in_size, args->param[0], o, sums);
            if (args->t_param[0]) convolve(d, (const float *)args->in[0] + image * in_size, args->t_param[0], o, sums);
            const int64_t at = (image * d->out_c + o) * plane;
            const float *out = (const float *)args->out + at;
            float *t_out = (float *)args->t_out + at;
            for (int64_t i = 0; i < plane; i++)
                t_out[i] = wn__ref_relu_mask(d, out[i], (float)sums[i]);
        }
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t plane = d->in_h * d->in_w;
    double *sums = (double *)chunk_scratch(op, args, first, n);
    if (!args->din[0]) return WN_OK;
    for (int64_t image = first; image < first + n; image++)
        for (int64_t i = 0; i < d->in_c; i++) {
            wn__ref_fill(sums, plane, 0);
            convolve_back(d, (const float *)args->dout[0] + image * wn__ref_out_size(d), args->param[0], i, sums);
            wn__ref_store(sums, plane, (float *)args->din[0] + (image * d->in_c + i) * plane);
        }
    return WN_OK;
}

static wn_status tangent_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t plane = d->in_h * d->in_w, out_size = wn__ref_out_size(d);
    double *sums = (double *)chunk_scratch(op, args, first, n);
    if (!args->t_din[0]) return WN_OK;
    for (int64_t image = first; image < first + n; image++)
        for (int64_t i = 0; i < d->in_c; i++) {
            wn__ref_fill(sums, plane, 0);
            convolve_back(d, (const float *)args->t_dout[0] + image * out_size, args->param[0], i, sums);
            if (args->t_param[0]) convolve_back(d, (const float *)args->dout[0] + image * out_size, args->t_param[0], i, sums);
            wn__ref_store(sums, plane, (float *)args->t_din[0] + (image * d->in_c + i) * plane);
        }
    return WN_OK;
}

/* Images of one chunk with the gradients of their outputs. A pair without `in` counts as zero. */
typedef struct pair {
    const float *in, *dout;
} pair;

static pair pair_at(const wn__op_desc *d, const void *in, const void *dout, int64_t first)
{
    return (pair){in ? (const float *)in + first * wn__ref_in_size(d) : NULL, (const float *)dout + first * wn__ref_out_size(d)};
}

static double weight_gradient(const wn__op_desc *d, pair p, int64_t n, tap t, int64_t i, int64_t o)
{
    double sum = 0;
    if (!p.in) return 0;
    for (int64_t image = 0; image < n; image++)
        sum += correlate_tap(d, t, p.in + image * wn__ref_in_size(d) + i * d->in_h * d->in_w,
                             p.dout + image * wn__ref_out_size(d) + o * d->out_h * d->out_w);
    return sum;
}

static double bias_gradient(const wn__op_desc *d, const float *dout, int64_t n, int64_t o)
{
    double sum = 0;
    for (int64_t image = 0; image < n; image++) {
        const float *plane = dout + image * wn__ref_out_size(d) + o * d->out_h * d->out_w;
        for (int64_t i = 0; i < d->out_h * d->out_w; i++)
            sum += plane[i];
    }
    return sum;
}

/* One chunk's partial (weight, bias): the sum of a and b for the weights, that of a for the bias. */
static void chunk_gradient(const wn__op_desc *d, pair a, pair b, int64_t n, float *partial)
{
    const int64_t inputs = group_inputs(d);
    float *w = partial;
    for (int64_t o = 0; o < d->out_c; o++) {
        const int64_t start = o / group_outputs(d) * inputs;
        for (int64_t i = start; i < start + inputs; i++)
            for (int y = 0; y < d->kernel_h; y++)
                for (int x = 0; x < d->kernel_w; x++) {
                    const tap t = tap_at(d, y, x);
                    *w++ = (float)(weight_gradient(d, a, n, t, i, o) + weight_gradient(d, b, n, t, i, o));
                }
    }
    if (d->bias)
        for (int64_t o = 0; o < d->out_c; o++)
            *w++ = (float)bias_gradient(d, a.dout, n, o);
}

static wn_status backward_params(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    chunk_gradient(d, pair_at(d, args->in[0], args->dout[0], first), (pair){0}, n, chunk_scratch(op, args, first, n));
    return WN_OK;
}

static wn_status tangent_params(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    chunk_gradient(d, pair_at(d, args->in[0], args->t_dout[0], first), pair_at(d, args->t_in[0], args->dout[0], first), n,
                   chunk_scratch(op, args, first, n));
    return WN_OK;
}

const wn__ref_kind wn__ref_conv = {
    .check = check,
    .plan = plan,
    .cls = WN__REF_WEIGHTED_CLASS,
};
