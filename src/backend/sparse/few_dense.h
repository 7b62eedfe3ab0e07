/* Dense convolutions and linear layers on few images by another backend's operations, between two conversions, where these are faster.
 *
 * The layer is cut into parts of output channels, one for each thread, each an operation of its own. The input is converted once for all parts.
 * Which way is faster is measured once for a shape in a process, when weights are first there. The two differ in last bits. */
#ifndef WN_BACKEND_SPARSE_FEW_DENSE_H
#define WN_BACKEND_SPARSE_FEW_DENSE_H

#include "backend/sparse/few.h"

typedef struct wn__few_dense wn__few_dense;

/* *out is NULL where the device's own kernels are taken. The operation has a dense weight. */
wn_status wn__few_dense_choose(const wn__op *op, wn__few_dense **out);
void wn__few_dense_free(wn__few_dense *f); /* accepts NULL */
const char *wn__few_dense_name(const wn__few_dense *f);
wn_status wn__few_dense_pack(wn__few_dense *f, const float *weight);
/* A convolution: one image, as it lies. A linear layer: all images, (n, columns) to (n, out_c). Bias is added. A ReLU is applied where neither a batch norm
 * nor an addition goes before it. */
wn_status wn__few_dense_run(wn__few_dense *f, const float *in, const float *bias, float *out);
bool wn__few_dense_does_relu(const wn__op_desc *d);

#endif
