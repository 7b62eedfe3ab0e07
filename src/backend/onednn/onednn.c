#include "backend/onednn/onednn.h"

#include "base/alloc.h"

/* --- borders ------------------------------------------------------------------------------------------------------------------- */

static size_t activation_bytes(const wn__device *d, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return (size_t)(n * c * h * w * ((const wn__onednn *)d)->kernels->bytes);
}

typedef struct border {
    const wn__onednn *device;
    int64_t pixels, c;
    const float *from_plain;
    float *to_plain;
    void *activation;
} border;

static void cross_border(void *arg, int64_t image, int worker)
{
    (void)worker;
    const border *b = arg;
    void *x = wn__onednn_at(b->device, b->activation, image * b->pixels * b->c);
    const int64_t at = image * b->pixels * b->c;
    if (b->from_plain)
        b->device->kernels->from_plain(b->pixels, b->c, b->from_plain + at, x);
    else
        b->device->kernels->to_plain(b->pixels, b->c, x, b->to_plain + at);
}

static wn_status upload(wn__device *d, const float *plain, int64_t n, int64_t c, int64_t h, int64_t w, void *activation)
{
    border b = {.device = (wn__onednn *)d, .pixels = h * w, .c = c, .from_plain = plain, .activation = activation};
    wn__parallel_for(h * w > 1 ? d->pool : NULL, n, cross_border, &b);
    return WN_OK;
}

static wn_status download(wn__device *d, const void *activation, int64_t n, int64_t c, int64_t h, int64_t w, float *plain)
{
    border b = {.device = (wn__onednn *)d, .pixels = h * w, .c = c, .to_plain = plain, .activation = (void *)activation};
    wn__parallel_for(h * w > 1 ? d->pool : NULL, n, cross_border, &b);
    return WN_OK;
}

/* --- operations ---------------------------------------------------------------------------------------------------------------- */

wn_status wn__onednn_new_op(wn__onednn *d, const wn__op_desc *desc, const wn__op_class *cls, size_t size, wn__op **out)
{
    wn__op *op = wn__alloc(size);
    if (!op) return wn__no_memory(size);
    op->cls = cls;
    op->device = &d->device;
    op->desc = *desc;
    op->implementation = "winnow nhwc";
    *out = op;
    return WN_OK;
}

void wn__onednn_free_op(wn__op *op) { wn__free(op); }

static wn_status prepare(wn__device *d, const wn__op_desc *desc, wn__op **out)
{
    static const wn__onednn_prepare of_kind[] = {[WN__OP_CONV] = wn__onednn_prepare_layer,     [WN__OP_LINEAR] = wn__onednn_prepare_layer,
                                                 [WN__OP_NORM] = wn__onednn_prepare_norm,      [WN__OP_ADD] = wn__onednn_prepare_add,
                                                 [WN__OP_MAX_POOL] = wn__onednn_prepare_pool,  [WN__OP_AVG_POOL] = wn__onednn_prepare_pool,
                                                 [WN__OP_DROPOUT] = wn__onednn_prepare_dropout};
    if (desc->n < 1 || desc->in_c < 1 || desc->in_h < 1 || desc->in_w < 1 || desc->out_c < 1 || desc->out_h < 1 || desc->out_w < 1)
        return wn__fail(WN_EINVAL, "onednn: sizes of an operation must be > 0");
    return of_kind[desc->kind]((wn__onednn *)d, desc, out);
}

static void close_device(wn__device *d)
{
    wn__dnnl_close(((wn__onednn *)d)->engine);
    wn__free(d);
}

static wn_status open_device(const wn__backend *backend, const wn__device_options *options, wn__device **out)
{
    const bool bf16 = options->dtype == WN__BF16;
    if (bf16 && !wn__dnnl_has_bf16())
        return wn__fail(WN_EUNSUPPORTED,
                        "bfloat16 training needs a CPU with AVX512-BF16 or AMX (and WINNOW_ISA not below avx512); use float32");
    wn__onednn *d = WN_NEW(wn__onednn);
    if (!d) return wn__no_memory(sizeof *d);
    d->kernels = bf16 ? wn__nhwc_kernels_bf16() : wn__nhwc_kernels_f32();
    d->device = (wn__device){.backend = backend,
                             .dtype = options->dtype,
                             .pool = options->pool,
                             .block = 0,
                             .activation_bytes = activation_bytes,
                             .upload = upload,
                             .download = download,
                             .prepare = prepare,
                             .close = close_device};
    const wn_status status = wn__dnnl_open(options->pool ? wn__pool_threads(options->pool) : 1, &d->engine);
    if (status != WN_OK)
        wn__free(d);
    else
        *out = &d->device;
    return status;
}

extern const wn__backend wn__backend_onednn;
const wn__backend wn__backend_onednn = {
    .name = "onednn", .summary = "dense training through oneDNN, float32 and bfloat16", .open = open_device, .describe = wn__dnnl_describe};
