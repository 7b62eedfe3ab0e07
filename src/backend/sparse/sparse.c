#include "backend/sparse/sparse.h"

#include <stdio.h>
#include <string.h>

#include "backend/sparse/choice.h"
#include "backend/sparse/few.h"
#include "backend/sparse/sparse_device.h"
#include "base/alloc.h"
#include "base/cpu.h"
#include "base/fail.h"

/* --- operations ---------------------------------------------------------------------------------------------------------------- */

static wn_status prepare(wn__device *d, const wn__op_desc *desc, wn__op **out)
{
    static wn_status (*const makers[])(wn__sparse *, const wn__op_desc *, wn__op **) = {
        [WN__OP_CONV] = wn__sparse_conv,       [WN__OP_LINEAR] = wn__sparse_linear,     [WN__OP_NORM] = wn__sparse_norm,
        [WN__OP_ADD] = wn__sparse_add,         [WN__OP_MAX_POOL] = wn__sparse_max_pool, [WN__OP_AVG_POOL] = wn__sparse_avg_pool,
        [WN__OP_DROPOUT] = wn__sparse_dropout,
    };
    if ((unsigned)desc->kind >= sizeof makers / sizeof *makers)
        return wn__fail(WN_EUNSUPPORTED, "sparse: no operation of kind %d", (int)desc->kind);
    return makers[desc->kind]((wn__sparse *)d, desc, out);
}

/* --- activations --------------------------------------------------------------------------------------------------------------- */

static wn__lane_layout layout_of(const wn__shape *s) { return wn__lane_layout_of(s->c, s->h, s->w, s->border); }

static size_t activation_bytes(const wn__device *d, const wn__shape *s)
{
    (void)d;
    return (size_t)(wn__chunks(s->n) * layout_of(s).block * WN__LANE) * sizeof(float);
}

typedef struct transfer {
    const wn__lanes_kernels *kernels;
    wn__lane_layout layout;
    int64_t n;
    const float *from;
    float *to;
    bool up;
} transfer;

static void transfer_block(void *arg, int64_t block, int worker)
{
    (void)worker;
    const transfer *t = arg;
    const wn__lane_layout *l = &t->layout;
    const int64_t first = block * WN__LANE, plain = first * l->c * l->h * l->w, stored = block * l->block * WN__LANE;
    const int lanes = t->n - first < WN__LANE ? (int)(t->n - first) : WN__LANE;
    if (t->up)
        t->kernels->upload(l, lanes, t->from + plain, t->to + stored);
    else
        t->kernels->download(l, lanes, t->from + stored, t->to + plain);
}

/* Waking threads takes longer than moving a few logits. */
static void run_transfer(const wn__device *d, const wn__shape *s, bool up, const void *from, void *to)
{
    transfer t = {((const wn__sparse *)d)->kernels, layout_of(s), s->n, from, to, up};
    const bool small = s->n * s->c * s->h * s->w < 1 << 14;
    wn__parallel_for(small ? NULL : d->pool, wn__chunks(s->n), transfer_block, &t);
}

static wn_status upload(wn__device *d, const float *plain, const wn__shape *s, void *activation)
{
    run_transfer(d, s, true, plain, activation);
    return WN_OK;
}

static wn_status download(wn__device *d, const void *activation, const wn__shape *s, float *plain)
{
    run_transfer(d, s, false, activation, plain);
    return WN_OK;
}

/* Only groups that outgrow a shared cache gain from bands: smaller ones lose more to shorter runs through memory. */
#define BAND_BYTES ((size_t)16 << 20)
/* Batches of 16 at 90 % on the device for few images, times as fast as in lanes: MobileNets at 224 pixels 1.7 and 2.3 (4 and 2 multiply-adds for
 * each activation), ResNet-50 1.25 (14); but ResNet-18 0.7 (35), and ResNet-20 of small images 0.8. */
#define FEW_BYTES ((size_t)4 << 20)
#define FEW_PRODUCTS 24

/* --- device -------------------------------------------------------------------------------------------------------------------- */

static void close_device(wn__device *d)
{
    if (d->few) d->few->close(d->few);
    wn__verdicts_free(((wn__sparse *)d)->verdicts);
    wn__free(d);
}

static wn_status open_device(const wn__backend *backend, const wn__device_options *options, wn__device **out)
{
    WN_TRY(wn__isa_status());
    if (options->dtype != WN__F32)
        return wn__fail(WN_EUNSUPPORTED, "backend sparse computes in float32 only; bfloat16 is backend onednn's");
    wn__kernels wanted;
    WN_TRY(wn__kernels_asked(options->kernels, &wanted));
    wn__sparse *device = WN_NEW(wn__sparse);
    if (!device) return wn__no_memory(sizeof *device);
    device->kernels = wn__lanes();
    device->kernels_wanted = wanted;
    device->base = (wn__device){.backend = backend,
                                .dtype = WN__F32,
                                .pool = options->pool,
                                .block = WN__CHUNK,
                                .borders = true,
                                .compressed = true,
                                .recompute = true,
                                .band_bytes = BAND_BYTES,
                                .few_images = WN__FEW_IMAGES,
                                .few_bytes = FEW_BYTES,
                                .few_products = FEW_PRODUCTS,
                                .activation_bytes = activation_bytes,
                                .upload = upload,
                                .download = download,
                                .prepare = prepare,
                                .close = close_device};
    const wn_status status = wn__few_open(&device->base, options->dense, &device->base.few);
    if (status != WN_OK)
        close_device(&device->base);
    else
        *out = &device->base;
    return status;
}

/* Raised by every change here that changes results, for the instruction sets whose results change: stages of this backend depend on it. */
static int version(void) { return wn__isa_in_use() == WN__ISA_AVX2 ? 3 : 2; }

static void describe(char *text, size_t size) { snprintf(text, size, "Winnow's own kernels %d", version()); }

const wn__backend wn__backend_sparse = {
    .name = "sparse",
    .summary = "Winnow's own, in float32: work shrinks with the zeros of the weights",
    .open = open_device,
    .describe = describe,
};
