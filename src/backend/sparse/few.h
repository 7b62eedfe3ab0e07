/* The sparse backend's second device: inference on few images, where batch lanes would be mostly empty, or on large ones that
 * memory bounds (wn__device.few_bytes).
 *
 * Activations are planes (kernels/planes.h), image after image, and lanes run along the image; there are no borders. An operation runs on the
 * whole batch at once and shares its work out among the threads of the pool: by parts of the image, by rows of the weight, by channels. A
 * convolution takes the batch norm behind it, and what follows that, into its last pass over a run's sums (wn__op_desc.norm).
 * Every output is computed by one thread, in an order that nothing but the operation decides: it equals what batch lanes give.
 */
#ifndef WN_BACKEND_SPARSE_FEW_H
#define WN_BACKEND_SPARSE_FEW_H

#include "backend/backend.h"
#include "kernels/planes.h"

/* At most. With one thread, batch lanes take as long for 1 to 16 images as this device for 12 (ResNet-20), 9 (VGG-16) or 16 (ResNet-50). */
#define WN__FEW_IMAGES 8

/* What dense layers run on: few_dense.h. */
typedef enum wn__few_dense_kernels { WN__FEW_DENSE_MEASURED, WN__FEW_DENSE_OWN, WN__FEW_DENSE_OTHER } wn__few_dense_kernels;

typedef struct wn__few {
    wn__device base;
    const wn__planes_kernels *kernels;
    wn__device *other; /* owned, without threads; NULL: there is none to choose */
    wn__few_dense_kernels dense;
} wn__few;

static inline const wn__planes_kernels *wn__few_kernels(const wn__op *op) { return ((const wn__few *)op->device)->kernels; }

/* `whole` is the backend's device for any number of images, whose options this one takes over. `other` as in wn__device_options.dense. */
wn_status wn__few_open(const wn__device *whole, const wn__backend *other, wn__device **out);

/* One per operation kind. */
wn_status wn__few_conv(wn__few *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__few_linear(wn__few *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__few_norm(wn__few *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__few_add(wn__few *device, const wn__op_desc *desc, wn__op **out);
wn_status wn__few_pool(wn__few *device, const wn__op_desc *desc, wn__op **out);

/* (x - mean) * factor + shift of a batch norm with running statistics, as backend/norm.h makes it: three rows of `channels` floats. */
void wn__few_norm_values(int64_t channels, float *const param[4] /* scale, shift, mean, variance */, float eps, float *values);

/* `count` pieces of about `work` floats each to read, write or multiply: threads are woken if that is worth it. */
void wn__few_run(const wn__op *op, int64_t count, int64_t work, wn__chunk_body body, void *arg);

static inline wn__planes wn__few_in(const wn__op_desc *d) { return wn__planes_of(d->in_c, d->in_h, d->in_w); }
static inline wn__planes wn__few_out(const wn__op_desc *d) { return wn__planes_of(d->out_c, d->out_h, d->out_w); }

#endif
