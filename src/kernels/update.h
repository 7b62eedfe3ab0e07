/* Parameter updates over runs of entries; no entry depends on another, arrays do not overlap. Compiled for the base instruction set:
 * they are bound by memory, and so the same bits come out of every CPU. */
#ifndef WN_KERNELS_UPDATE_H
#define WN_KERNELS_UPDATE_H

#include <stdint.h>

void wn__mask_f32(int64_t n, const uint8_t *mask, float *x); /* x[i] = mask[i] ? x[i] : 0 */
void wn__clamp_f32(int64_t n, float limit, float *x);        /* into [-limit, limit]; NaN stays */
void wn__scale_f32(int64_t n, float factor, float *x);
double wn__sum_squares_f32(int64_t n, const float *x); /* in eight interleaved double sums, added in order */

/* g = grad + decay w; w -= rate g. */
void wn__sgd_f32(int64_t n, float rate, float decay, const float *grad, float *value);
/* g = grad + decay w; v = momentum v + g; w -= rate (nesterov ? g + momentum v : v). */
void wn__sgd_momentum_f32(int64_t n, float rate, float decay, float momentum, int nesterov, const float *grad, float *velocity,
                          float *value);
/* shrink w; g = grad + decay w; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate m / (sqrt(v) * root_scale + eps). */
typedef struct wn__adam_numbers {
    float shrink; /* factor on w before the update: decoupled weight decay */
    float decay;  /* added to the gradient */
    float b1, b2, eps;
    float rate;       /* learning rate / (1 - b1^t) */
    float root_scale; /* 1 / sqrt(1 - b2^t) */
} wn__adam_numbers;
void wn__adam_f32(int64_t n, const wn__adam_numbers *a, const float *grad, float *mean, float *square, float *value);

#endif
