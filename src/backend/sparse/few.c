#include "backend/sparse/few.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Floats that a thread gets through in the time that two threads need to meet. */
#define WORTH_A_THREAD (1 << 13)

void wn__few_run(const wn__op *op, int64_t count, int64_t work, wn__chunk_body body, void *arg)
{
    wn__parallel_for(count * work < WORTH_A_THREAD ? NULL : op->device->pool, count, body, arg);
}

static wn_status prepare(wn__device *d, const wn__op_desc *desc, wn__op **out)
{
    static wn_status (*const makers[])(wn__few *, const wn__op_desc *, wn__op **) = {
        [WN__OP_CONV] = wn__few_conv,     [WN__OP_LINEAR] = wn__few_linear, [WN__OP_NORM] = wn__few_norm,   [WN__OP_ADD] = wn__few_add,
        [WN__OP_MAX_POOL] = wn__few_pool, [WN__OP_AVG_POOL] = wn__few_pool, [WN__OP_DROPOUT] = wn__few_add,
    };
    if ((unsigned)desc->kind >= sizeof makers / sizeof *makers)
        return wn__fail(WN_EUNSUPPORTED, "sparse: no operation of kind %d", (int)desc->kind);
    return makers[desc->kind]((wn__few *)d, desc, out);
}

/* --- activations --------------------------------------------------------------------------------------------------------------- */

static size_t activation_bytes(const wn__device *d, const wn__shape *s)
{
    (void)d;
    return (size_t)(s->n * wn__planes_of(s->c, s->h, s->w).image) * sizeof(float);
}

static wn_status upload(wn__device *d, const float *plain, const wn__shape *s, void *activation)
{
    (void)d;
    const wn__planes p = wn__planes_of(s->c, s->h, s->w);
    for (int64_t i = 0; i < s->n * s->c; i++)
        memcpy((float *)activation + i * p.plane, plain + i * p.h * p.w, (size_t)(p.h * p.w) * sizeof(float));
    return WN_OK;
}

static wn_status download(wn__device *d, const void *activation, const wn__shape *s, float *plain)
{
    (void)d;
    const wn__planes p = wn__planes_of(s->c, s->h, s->w);
    for (int64_t i = 0; i < s->n * s->c; i++)
        memcpy(plain + i * p.h * p.w, (const float *)activation + i * p.plane, (size_t)(p.h * p.w) * sizeof(float));
    return WN_OK;
}

/* --- device -------------------------------------------------------------------------------------------------------------------- */

static void close_device(wn__device *d)
{
    wn__few *device = (wn__few *)d;
    if (device->other) device->other->close(device->other);
    wn__free(device);
}

static wn_status open_other(wn__few *device, const wn__backend *other)
{
    return other ? other->open(other, &(wn__device_options){.dtype = device->base.dtype}, &device->other) : WN_OK;
}

wn_status wn__few_open(const wn__device *whole, const wn__backend *other, wn__device **out)
{
    wn__few *device = WN_NEW(wn__few);
    if (!device) return wn__no_memory(sizeof *device);
    device->kernels = wn__planes_in_use();
    device->base = (wn__device){.backend = whole->backend,
                                .dtype = whole->dtype,
                                .pool = whole->pool,
                                .compressed = true,
                                .norms_in_convs = true,
                                .activation_bytes = activation_bytes,
                                .upload = upload,
                                .download = download,
                                .prepare = prepare,
                                .close = close_device};
    const wn_status status = open_other(device, other);
    if (status == WN_OK)
        *out = &device->base;
    else
        close_device(&device->base);
    return status;
}
