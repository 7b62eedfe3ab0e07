#include "backend/ref/ref.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

static const wn__ref_kind *const kinds[WN__OPS] = {
#define WN_OP(NAME, name, traits) &wn__ref_##name,
#include "backend/op_list.h"
#undef WN_OP
};

static void add_masked(const wn__op_desc *d, const float *out, void *const gradient[2], int64_t first, int64_t n)
{
    const int64_t size = wn__ref_out_size(d), begin = first * size, end = begin + n * size;
    float *sum = gradient[0];
    const float *other = gradient[1];
    if (other)
        for (int64_t i = begin; i < end; i++)
            sum[i] += other[i];
    if (d->relu)
        for (int64_t i = begin; i < end; i++)
            sum[i] = wn__ref_relu_mask(d, out[i], sum[i]);
}

wn_status wn__ref_backward_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    add_masked(&op->desc, args->out, args->dout, first, n);
    return WN_OK;
}

wn_status wn__ref_tangent_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    add_masked(&op->desc, args->out, args->t_dout, first, n);
    return WN_OK;
}

void wn__ref_copy_images(const wn__op_desc *d, const float *gradient, void *to, int64_t first, int64_t n)
{
    const int64_t size = wn__ref_out_size(d);
    if (to && to != gradient) memcpy((float *)to + first * size, gradient + first * size, (size_t)(n * size) * sizeof(float));
}

static int64_t weight_count(const wn__op_desc *d)
{
    return d->out_c * (d->kind == WN__OP_LINEAR ? wn__ref_in_size(d) : d->in_c / d->groups * d->kernel_h * d->kernel_w);
}

static wn_status reduce_params(const wn__op *op, const wn__op_args *args, float *const *to /* of weight and bias; NULL: not wanted */)
{
    const int64_t chunks = wn__chunks(args->n), biases = op->desc.bias ? op->desc.out_c : 0, weights = weight_count(&op->desc);
    const int64_t stride = (int64_t)(op->scratch_bytes / sizeof(float)) / wn__chunks(op->desc.n);
    const float *partials = args->scratch;
    if (to[0]) wn__reduce_sums_f32(op->device->pool, partials, chunks, stride, weights, to[0], args->accumulate);
    if (biases && to[1]) wn__reduce_sums_f32(op->device->pool, partials + weights, chunks, stride, biases, to[1], args->accumulate);
    return WN_OK;
}

wn_status wn__ref_finish_params(wn__op *op, const wn__op_args *args) { return reduce_params(op, args, args->dparam); }
wn_status wn__ref_finish_tangent_params(wn__op *op, const wn__op_args *args) { return reduce_params(op, args, args->t_dparam); }

void wn__ref_release(wn__op *op) { wn__free(op); }

wn_status wn__ref_check_same_shape(const wn__op_desc *d, const char *what)
{
    if (d->in_c == d->out_c && d->in_h == d->out_h && d->in_w == d->out_w) return WN_OK;
    return wn__fail(WN_EINVAL, "ref %s: output (%lld,%lld,%lld) is not of the input's shape (%lld,%lld,%lld)", what, (long long)d->out_c,
                    (long long)d->out_h, (long long)d->out_w, (long long)d->in_c, (long long)d->in_h, (long long)d->in_w);
}

static int64_t window_count(int64_t in, int kernel, int stride, int pad)
{
    return in + 2 * (int64_t)pad < kernel ? 0 : (in + 2 * (int64_t)pad - kernel) / stride + 1;
}

wn_status wn__ref_check_window(const wn__op_desc *d, const char *what)
{
    if (d->kernel_h < 1 || d->kernel_w < 1 || d->stride < 1 || d->pad < 0)
        return wn__fail(WN_EINVAL, "ref %s: kernel %dx%d, stride %d, pad %d; kernel and stride must be >= 1, pad >= 0", what, d->kernel_h,
                        d->kernel_w, d->stride, d->pad);
    const int64_t out_h = window_count(d->in_h, d->kernel_h, d->stride, d->pad);
    const int64_t out_w = window_count(d->in_w, d->kernel_w, d->stride, d->pad);
    if (out_h < 1 || out_w < 1)
        return wn__fail(WN_EINVAL, "ref %s: kernel %dx%d does not fit into %lldx%lld with pad %d", what, d->kernel_h, d->kernel_w,
                        (long long)d->in_h, (long long)d->in_w, d->pad);
    if (d->out_h != out_h || d->out_w != out_w)
        return wn__fail(WN_EINVAL, "ref %s: output is %lldx%lld, must be %lldx%lld", what, (long long)d->out_h, (long long)d->out_w,
                        (long long)out_h, (long long)out_w);
    return WN_OK;
}

static bool is_positive_and_fits(int64_t n, int64_t c, int64_t h, int64_t w)
{
    int64_t bytes = sizeof(double);
    if (n < 1 || c < 1 || h < 1 || w < 1) return false;
    return !__builtin_mul_overflow(bytes, n, &bytes) && !__builtin_mul_overflow(bytes, c, &bytes) &&
           !__builtin_mul_overflow(bytes, h, &bytes) && !__builtin_mul_overflow(bytes, w, &bytes);
}

static wn_status check_common(const wn__op_desc *d)
{
    if ((unsigned)d->kind >= sizeof(kinds) / sizeof(kinds[0])) return wn__fail(WN_EINVAL, "ref: no operation of kind %d", (int)d->kind);
    if (!is_positive_and_fits(d->n, d->in_c, d->in_h, d->in_w))
        return wn__fail(WN_EINVAL, "ref: %lld images of (%lld,%lld,%lld); sizes must be >= 1 and fit into memory", (long long)d->n,
                        (long long)d->in_c, (long long)d->in_h, (long long)d->in_w);
    if (!is_positive_and_fits(d->n, d->out_c, d->out_h, d->out_w))
        return wn__fail(WN_EINVAL, "ref: %lld outputs of (%lld,%lld,%lld); sizes must be >= 1 and fit into memory", (long long)d->n,
                        (long long)d->out_c, (long long)d->out_h, (long long)d->out_w);
    const bool can_have_two = d->kind == WN__OP_NORM || d->kind == WN__OP_ADD;
    if (d->inputs < 1 || d->inputs > (can_have_two ? 2 : 1))
        return wn__fail(WN_EINVAL, "ref: %d inputs, must be 1%s", d->inputs, can_have_two ? " or 2" : "");
    if (d->relu && (d->kind == WN__OP_MAX_POOL || d->kind == WN__OP_AVG_POOL || d->kind == WN__OP_DROPOUT))
        return wn__fail(WN_EINVAL, "ref: pools and dropout have no fused relu; only conv, linear, norm and add do");
    if (!(d->relu_most >= 0) || (d->relu_most > 0 && !d->relu))
        return wn__fail(WN_EINVAL, "ref: upper bound %g of a relu, must be >= 0, and 0 without one", (double)d->relu_most);
    return WN_OK;
}

static wn_status ref_prepare(wn__device *device, const wn__op_desc *desc, wn__op **out)
{
    WN_TRY(check_common(desc));
    const wn__ref_kind *kind = kinds[desc->kind];
    WN_TRY(kind->check(desc));
    wn__op *op = WN_NEW(wn__op);
    if (!op) return wn__no_memory(sizeof(wn__op));
    op->cls = &kind->cls;
    op->device = device;
    op->desc = *desc;
    op->backward_needs_out = desc->relu;
    op->implementation = "plain";
    if (kind->plan) kind->plan(op);
    *out = op;
    return WN_OK;
}

static size_t ref_activation_bytes(const wn__device *device, const wn__shape *s)
{
    (void)device;
    return (size_t)(s->n * s->c * s->h * s->w) * sizeof(float);
}

static wn_status ref_upload(wn__device *device, const float *plain, const wn__shape *s, void *activation)
{
    memcpy(activation, plain, ref_activation_bytes(device, s));
    return WN_OK;
}

static wn_status ref_download(wn__device *device, const void *activation, const wn__shape *s, float *plain)
{
    memcpy(plain, activation, ref_activation_bytes(device, s));
    return WN_OK;
}

static void ref_close(wn__device *device) { wn__free(device); }

static wn_status ref_open(const wn__backend *backend, const wn__device_options *options, wn__device **out)
{
    if (options->dtype != WN__F32) return wn__fail(WN_EUNSUPPORTED, "backend ref computes in float32 only");
    wn__device *device = WN_NEW(wn__device);
    if (!device) return wn__no_memory(sizeof(wn__device));
    *device = (wn__device){
        .backend = backend,
        .dtype = WN__F32,
        .pool = options->pool,
        .block = WN__CHUNK,
        .activation_bytes = ref_activation_bytes,
        .upload = ref_upload,
        .download = ref_download,
        .prepare = ref_prepare,
        .close = ref_close,
    };
    *out = device;
    return WN_OK;
}

static void ref_describe(char *text, size_t size) { snprintf(text, size, "plain C, double sums"); }

const wn__backend wn__backend_ref = {
    .name = "ref",
    .summary = "plain C in float32 with double sums: the definition, slow",
    .open = ref_open,
    .describe = ref_describe,
    .tangents = true,
};
