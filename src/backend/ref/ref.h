/* The reference backend: plain C, double sums, no tricks. It is the definition; everything else is tested against it.
 *
 * Activations are float32 (n,c,h,w). A phase runs on one block of at most WN__CHUNK images at a time, so that what a block computes
 * and leaves in its part of `scratch` does not depend on who computes it.
 *
 * One row (wn__ref_kind) per operation, each in a file of its own with its checks, forward, backward and tangents.
 * Tangents: with R{x} the derivative of x along the direction (t_in, t_param), each tangent phase is R{} of the phase it belongs to
 * (Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 1994). The derivative of a ReLU's mask is taken as 0.
 */
#ifndef WN_BACKEND_REF_REF_H
#define WN_BACKEND_REF_REF_H

#include <assert.h>

#include "backend/backend.h"

extern const wn__backend wn__backend_ref;

typedef struct wn__ref_kind {
    wn_status (*check)(const wn__op_desc *d); /* of what is special to the kind; sizes are positive and their products fit already */
    void (*plan)(wn__op *op);                 /* sets saved_bytes, scratch_bytes, backward_needs_in where they are not 0 */
    wn__op_class cls;
} wn__ref_kind;

#define WN_OP(NAME, name, traits) extern const wn__ref_kind wn__ref_##name;
#include "backend/op_list.h"
#undef WN_OP

/* BACKWARD_PREPARE and TANGENT_PREPARE of every kind: add the two gradients and mask the sum where the fused ReLU was off. */
wn_status wn__ref_backward_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n);
wn_status wn__ref_tangent_prepare(wn__op *op, const wn__op_args *args, int64_t first, int64_t n);

/* Images first..first+n-1 of a gradient of the output's shape, unless `to` is NULL (not wanted) or the gradient's own buffer. */
void wn__ref_copy_images(const wn__op_desc *d, const float *gradient, void *to, int64_t first, int64_t n);

/* Finish of BACKWARD_PARAMS and TANGENT_PARAMS of convolutions and linear layers, whose scratch holds for each chunk its partial gradient:
 * weights, then biases. */
wn_status wn__ref_finish_params(wn__op *op, const wn__op_args *args);
wn_status wn__ref_finish_tangent_params(wn__op *op, const wn__op_args *args);

void wn__ref_release(wn__op *op); /* of every kind */

/* The class of convolutions and of linear layers: phases of these names in their own files, and what they share. */
#define WN__REF_WEIGHTED_CLASS                                                                                           \
    {                                                                                                                    \
        .run = {[WN__FORWARD] = forward,                                                                                 \
                [WN__BACKWARD_PREPARE] = wn__ref_backward_prepare,                                                       \
                [WN__BACKWARD_DATA] = backward_data,                                                                     \
                [WN__BACKWARD_PARAMS] = backward_params,                                                                 \
                [WN__TANGENT_FORWARD] = tangent_forward,                                                                 \
                [WN__TANGENT_PREPARE] = wn__ref_tangent_prepare,                                                         \
                [WN__TANGENT_DATA] = tangent_data,                                                                       \
                [WN__TANGENT_PARAMS] = tangent_params},                                                                  \
        .finish = {[WN__BACKWARD_PARAMS] = wn__ref_finish_params, [WN__TANGENT_PARAMS] = wn__ref_finish_tangent_params}, \
        .release = wn__ref_release,                                                                                      \
    }

/* The output is the input's shape. */
wn_status wn__ref_check_same_shape(const wn__op_desc *d, const char *what);
/* Output sizes follow from kernel, stride and padding, as in PyTorch: (in + 2 pad - kernel) / stride + 1, rounded down. */
wn_status wn__ref_check_window(const wn__op_desc *d, const char *what);

/* The fused ReLU, if there is one. A NaN stays a NaN. */
static inline float wn__ref_relu(const wn__op_desc *d, float x)
{
    if (!d->relu) return x;
    return x <= 0 ? 0 : d->relu_most > 0 && x > d->relu_most ? d->relu_most : x;
}
/* The gradient that passes it where this is its output: nothing at the bounds, all of it where the output is a NaN. */
static inline float wn__ref_relu_mask(const wn__op_desc *d, float out, float gradient)
{
    return d->relu && (out <= 0 || (d->relu_most > 0 && out >= d->relu_most)) ? 0 : gradient;
}

static inline int64_t wn__ref_chunk_at(int64_t first, int64_t n)
{
    assert(first % WN__CHUNK == 0 && n >= 1 && n <= WN__CHUNK);
    (void)n;
    return first / WN__CHUNK;
}
static inline int64_t wn__ref_in_size(const wn__op_desc *d) { return d->in_c * d->in_h * d->in_w; }
static inline int64_t wn__ref_out_size(const wn__op_desc *d) { return d->out_c * d->out_h * d->out_w; }

static inline void wn__ref_fill(double *sums, int64_t count, double value)
{
    for (int64_t i = 0; i < count; i++)
        sums[i] = value;
}

static inline void wn__ref_store(const double *sums, int64_t count, float *out)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)sums[i];
}

/* Outputs begin..end-1 of a row (or column) read a valid input at o * stride + tap - pad. */
static inline void wn__ref_tap_range(int64_t out, int64_t in, int stride, int64_t offset /* tap - pad */, int64_t *begin, int64_t *end)
{
    const int64_t last = in - 1 - offset;
    *begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    *end = last < 0 ? 0 : last / stride + 1 < out ? last / stride + 1 : out;
}

#endif
