/* Fully connected layer, out[o] = bias[o] + sum weight[o][i] in[i] over the flattened image, then the fused ReLU.
 * A chunk's part of scratch holds one image's double sums, or the chunk's weight gradient. */
#include "backend/ref/ref.h"
#include "base/fail.h"

static wn_status check(const wn__op_desc *d)
{
    if (d->out_h == 1 && d->out_w == 1) return WN_OK;
    return wn__fail(WN_EINVAL, "ref linear: output (%lld,%lld,%lld) must be (outputs,1,1)", (long long)d->out_c, (long long)d->out_h,
                    (long long)d->out_w);
}

/* Floats from one chunk's weight gradient (weight, bias) to the next. */
static int64_t chunk_stride(const wn__op_desc *d)
{
    const int64_t inputs = wn__ref_in_size(d), partial = (inputs + 1) * d->out_c, larger = 2 * inputs > partial ? 2 * inputs : partial;
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

static const float *image_in(const wn__op_desc *d, const void *in, int64_t image) { return (const float *)in + image * wn__ref_in_size(d); }

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t inputs = wn__ref_in_size(d);
    for (int64_t image = first; image < first + n; image++)
        for (int64_t o = 0; o < d->out_c; o++) {
            const double sum = dot(args->param[0] + o * inputs, image_in(d, args->in[0], image), inputs);
            const float out = (float)(d->bias ? sum + args->param[1][o] : sum);
            ((float *)args->out)[image * d->out_c + o] = wn__ref_relu(d, out);
        }
    return WN_OK;
}

static wn_status tangent_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t inputs = wn__ref_in_size(d);
    for (int64_t image = first; image < first + n; image++)
        for (int64_t o = 0; o < d->out_c; o++) {
            double sum = d->bias && args->t_param[1] ? args->t_param[1][o] : 0;
            if (args->t_in[0]) sum += dot(args->param[0] + o * inputs, image_in(d, args->t_in[0], image), inputs);
            if (args->t_param[0]) sum += dot(args->t_param[0] + o * inputs, image_in(d, args->in[0], image), inputs);
            const int64_t at = image * d->out_c + o;
            ((float *)args->t_out)[at] = wn__ref_relu_mask(d, ((const float *)args->out)[at], (float)sum);
        }
    return WN_OK;
}

/* sums (inputs) += transposed weight times one image's gradient. */
static void multiply_back(const wn__op_desc *d, const float *weight, const float *dout, double *sums)
{
    const int64_t inputs = wn__ref_in_size(d);
    for (int64_t o = 0; o < d->out_c; o++)
        for (int64_t i = 0; i < inputs; i++)
            sums[i] += (double)weight[o * inputs + i] * dout[o];
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t inputs = wn__ref_in_size(d);
    double *sums = (double *)chunk_scratch(op, args, first, n);
    if (!args->din[0]) return WN_OK;
    for (int64_t image = first; image < first + n; image++) {
        wn__ref_fill(sums, inputs, 0);
        multiply_back(d, args->param[0], (const float *)args->dout[0] + image * d->out_c, sums);
        wn__ref_store(sums, inputs, (float *)args->din[0] + image * inputs);
    }
    return WN_OK;
}

static wn_status tangent_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t inputs = wn__ref_in_size(d);
    double *sums = (double *)chunk_scratch(op, args, first, n);
    if (!args->t_din[0]) return WN_OK;
    for (int64_t image = first; image < first + n; image++) {
        wn__ref_fill(sums, inputs, 0);
        multiply_back(d, args->param[0], (const float *)args->t_dout[0] + image * d->out_c, sums);
        if (args->t_param[0]) multiply_back(d, args->t_param[0], (const float *)args->dout[0] + image * d->out_c, sums);
        wn__ref_store(sums, inputs, (float *)args->t_din[0] + image * inputs);
    }
    return WN_OK;
}

/* One weight's gradient over a chunk; `in` and `dout` at that weight's input and output in the first image. */
static double weight_gradient(const wn__op_desc *d, const float *in, const float *dout, int64_t n)
{
    const int64_t inputs = wn__ref_in_size(d);
    double sum = 0;
    for (int64_t image = 0; image < n; image++)
        sum += (double)in[image * inputs] * dout[image * d->out_c];
    return sum;
}

static double bias_gradient(const wn__op_desc *d, const float *dout, int64_t n)
{
    double sum = 0;
    for (int64_t image = 0; image < n; image++)
        sum += dout[image * d->out_c];
    return sum;
}

static wn_status backward_params(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t inputs = wn__ref_in_size(d);
    const float *in = image_in(d, args->in[0], first), *dout = (const float *)args->dout[0] + first * d->out_c;
    float *partial = chunk_scratch(op, args, first, n);
    for (int64_t o = 0; o < d->out_c; o++) {
        for (int64_t i = 0; i < inputs; i++)
            partial[o * inputs + i] = (float)weight_gradient(d, in + i, dout + o, n);
        if (d->bias) partial[d->out_c * inputs + o] = (float)bias_gradient(d, dout + o, n);
    }
    return WN_OK;
}

static wn_status tangent_params(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t inputs = wn__ref_in_size(d), out_at = first * d->out_c;
    const float *in = image_in(d, args->in[0], first), *t_in = args->t_in[0] ? image_in(d, args->t_in[0], first) : NULL;
    const float *dout = (const float *)args->dout[0] + out_at, *t_dout = (const float *)args->t_dout[0] + out_at;
    float *partial = chunk_scratch(op, args, first, n);
    for (int64_t o = 0; o < d->out_c; o++) {
        for (int64_t i = 0; i < inputs; i++) {
            double sum = weight_gradient(d, in + i, t_dout + o, n);
            if (t_in) sum += weight_gradient(d, t_in + i, dout + o, n);
            partial[o * inputs + i] = (float)sum;
        }
        if (d->bias) partial[d->out_c * inputs + o] = (float)bias_gradient(d, t_dout + o, n);
    }
    return WN_OK;
}

const wn__ref_kind wn__ref_linear = {
    .check = check,
    .plan = plan,
    .cls = WN__REF_WEIGHTED_CLASS,
};
