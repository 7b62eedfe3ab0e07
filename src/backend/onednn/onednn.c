#include "backend/onednn/onednn.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"

/* --- operations ---------------------------------------------------------------------------------------------------------------- */

void wn__onednn_copy(const wn__op *op, const void *from, void *to, int64_t image, int64_t first, int64_t n)
{
    if (!to || to == from) return;
    memcpy(wn__onednn_at(op, to, first * image), wn__onednn_at_const(op, from, first * image),
           (size_t)(n * image * wn__onednn_of(op)->value_bytes));
}

wn_status wn__onednn_prepare_gradient(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const int64_t size = wn__onednn_out_size(&op->desc), at = first * size;
    if (!op->desc.relu && !args->dout[1]) return WN_OK;
    wn__onednn_of(op)->kernels->add_prepare(n * size, wn__op_ceiling(&op->desc),
                                            op->desc.relu ? wn__onednn_at_const(op, args->out, at) : NULL,
                                            wn__onednn_at(op, args->dout[0], at), wn__onednn_at(op, args->dout[1], at));
    return WN_OK;
}

static wn_status prepare(wn__device *d, const wn__op_desc *desc, wn__op **out)
{
    static wn_status (*const makers[])(wn__onednn *, const wn__op_desc *, wn__op **) = {
        [WN__OP_CONV] = wn__onednn_conv,       [WN__OP_LINEAR] = wn__onednn_linear,     [WN__OP_NORM] = wn__onednn_norm,
        [WN__OP_ADD] = wn__onednn_add,         [WN__OP_MAX_POOL] = wn__onednn_max_pool, [WN__OP_AVG_POOL] = wn__onednn_avg_pool,
        [WN__OP_DROPOUT] = wn__onednn_dropout,
    };
    if ((unsigned)desc->kind >= sizeof makers / sizeof *makers)
        return wn__fail(WN_EUNSUPPORTED, "onednn: no operation of kind %d", (int)desc->kind);
    return makers[desc->kind]((wn__onednn *)d, desc, out);
}

/* --- activations --------------------------------------------------------------------------------------------------------------- */

static size_t activation_bytes(const wn__device *d, const wn__shape *s)
{
    return (size_t)(s->n * s->c * s->h * s->w * ((const wn__onednn *)d)->value_bytes);
}

enum { TILE = 1024 }; /* values that are reordered at a time */

typedef struct transfer {
    const wn__onednn *device;
    int64_t n, c, pixels;
    const float *from;
    float *to;
    void *activation;
} transfer;

static char *image_at(const transfer *t, int64_t image)
{
    return (char *)t->activation + image * t->c * t->pixels * t->device->value_bytes;
}
static bool is_same_order(const transfer *t) { return t->c == 1 || t->pixels == 1; }

static void upload_image(const transfer *t, int64_t image)
{
    const float *plain = t->from + image * t->c * t->pixels;
    float tile[TILE];
    int64_t filled = 0, stored = 0;
    for (int64_t i = 0; i < t->pixels; i++)
        for (int64_t c = 0; c < t->c; c++) {
            tile[filled++] = plain[c * t->pixels + i];
            if (filled < TILE && (i + 1 < t->pixels || c + 1 < t->c)) continue;
            t->device->kernels->store(filled, tile, image_at(t, image) + stored * t->device->value_bytes);
            stored += filled;
            filled = 0;
        }
}

static void download_image(const transfer *t, int64_t image)
{
    float *plain = t->to + image * t->c * t->pixels, tile[TILE];
    const int64_t size = t->c * t->pixels;
    int64_t pixel = 0, c = 0;
    for (int64_t done = 0, part; done < size; done += part) {
        part = size - done < TILE ? size - done : TILE;
        t->device->kernels->load(part, image_at(t, image) + done * t->device->value_bytes, tile);
        for (int64_t i = 0; i < part; i++) {
            plain[c * t->pixels + pixel] = tile[i];
            if (++c == t->c) {
                c = 0;
                pixel++;
            }
        }
    }
}

static void transfer_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const transfer *t = arg;
    const int64_t first = chunk * WN__CHUNK, end = first + WN__CHUNK < t->n ? first + WN__CHUNK : t->n, size = t->c * t->pixels;
    if (is_same_order(t) && t->from)
        t->device->kernels->store((end - first) * size, t->from + first * size, image_at(t, first));
    else if (is_same_order(t))
        t->device->kernels->load((end - first) * size, image_at(t, first), t->to + first * size);
    else
        for (int64_t image = first; image < end; image++)
            t->from ? upload_image(t, image) : download_image(t, image);
}

/* Waking threads takes longer than moving a few logits. */
static void run_transfer(transfer *t)
{
    const bool small = t->n * t->c * t->pixels < 16 * TILE;
    wn__parallel_for(small ? NULL : t->device->base.pool, wn__chunks(t->n), transfer_chunk, t);
}

static wn_status upload(wn__device *d, const float *plain, const wn__shape *s, void *activation)
{
    run_transfer(
        &(transfer){.device = (const wn__onednn *)d, .n = s->n, .c = s->c, .pixels = s->h * s->w, .from = plain, .activation = activation});
    return WN_OK;
}

static wn_status download(wn__device *d, const void *activation, const wn__shape *s, float *plain)
{
    transfer t = {.device = (const wn__onednn *)d, .n = s->n, .c = s->c, .pixels = s->h * s->w, .to = plain};
    memcpy(&t.activation, &activation, sizeof activation); /* only read */
    run_transfer(&t);
    return WN_OK;
}

/* --- device -------------------------------------------------------------------------------------------------------------------- */

static void close_device(wn__device *d)
{
    wn__dnnl_close(((wn__onednn *)d)->engine);
    wn__free(d);
}

static wn_status open_device(const wn__backend *backend, const wn__device_options *options, wn__device **out)
{
    WN_TRY(wn__isa_status());
    wn__onednn *device = WN_NEW(wn__onednn);
    if (!device) return wn__no_memory(sizeof *device);
    wn_status status = wn__dnnl_open(&device->engine);
    if (status == WN_OK && options->dtype == WN__BF16 && !wn__dnnl_has_bf16())
        status = wn__fail(WN_EUNSUPPORTED, "oneDNN cannot train in bfloat16 on this CPU (%s%s); use float32", wn__cpu_name(),
                          wn__isa_in_use() == WN__ISA_AVX512 ? "" : ", without AVX-512 or not allowed to use it");
    if (status != WN_OK) {
        close_device(&device->base);
        return status;
    }
    device->kernels = options->dtype == WN__BF16 ? wn__nhwc_bf16() : wn__nhwc_f32();
    device->value_bytes = options->dtype == WN__BF16 ? 2 : 4;
    device->base = (wn__device){.backend = backend,
                                .dtype = options->dtype,
                                .pool = options->pool,
                                .block = WN__CHUNK,
                                .activation_bytes = activation_bytes,
                                .upload = upload,
                                .download = download,
                                .prepare = prepare,
                                .close = close_device};
    *out = &device->base;
    return WN_OK;
}

const wn__backend wn__backend_onednn = {
    .name = "onednn",
    .summary = "dense, through oneDNN, in float32 and bfloat16: fast",
    .open = open_device,
    .describe = wn__dnnl_describe,
};
