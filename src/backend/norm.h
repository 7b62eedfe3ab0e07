/* What batch normalisation does per channel, whatever the layout of activations: for backends whose kernels take float32 coefficients.
 * The formulas stand in ref/ref_norm.c.
 *
 * Kernels work with float32 coefficients per channel, made from double ones. The mean is rounded to float32 on the way; what that loses
 * is put into the other coefficients, so that a mean large beside the deviation costs nothing: with m the mean, f its rounding,
 *     (x - m) k + shift = (x - f) k + (shift - (m - f) k).
 * The ReLU's mask is recomputed from the input where there is no residual, so the output need not be kept.
 *
 * A backend's phases run their kernel on a chunk, with these as arguments; the finish functions are the same for all. */
#ifndef WN_BACKEND_NORM_H
#define WN_BACKEND_NORM_H

#include "backend/backend.h"
#include "kernels/norm.h"

/* An op of a class, with what it keeps and needs; `implementation` is its name in records. */
wn_status wn__norm_new(wn__device *device, const wn__op_desc *d, const wn__op_class *cls, const char *implementation, wn__op **out);

/* Of STATISTICS: where a chunk leaves its means (c), followed by its sums of squares around them (c). */
double *wn__norm_chunk_moments(const wn__op *op, const wn__op_args *args, int64_t chunk);
/* Of BACKWARD_PREPARE: where it leaves its sums of dy (c), followed by those of dy * (x - mean) (c), mean the kernel's. */
double *wn__norm_chunk_sums(const wn__op *op, const wn__op_args *args, int64_t chunk);

/* Of FORWARD and BACKWARD_PREPARE. */
wn__norm_values wn__norm_values_of(const wn__op *op, const wn__op_args *args, int64_t chunk);
/* Of BACKWARD_DATA. */
wn__norm_gradients wn__norm_gradients_of(const wn__op *op, const wn__op_args *args);

/* `finish` of the class. */
#define WN__NORM_FINISH                                                                                  \
    {                                                                                                    \
        [WN__STATISTICS] = wn__norm_finish_statistics, [WN__BACKWARD_PREPARE] = wn__norm_finish_prepare, \
        [WN__BACKWARD_PARAMS] = wn__norm_finish_params                                                   \
    }
wn_status wn__norm_finish_statistics(wn__op *op, const wn__op_args *args);
wn_status wn__norm_finish_prepare(wn__op *op, const wn__op_args *args);
wn_status wn__norm_finish_params(wn__op *op, const wn__op_args *args);

#endif
