/* The softmax of a row of outputs, in double: p_c = exp(z_c / T - top) / sum. Losses and metrics share it, and its bits. */
#ifndef WN_NN_SOFTMAX_H
#define WN_NN_SOFTMAX_H

#include "base/elementary.h"
#include "winnow/core.h"

/* The first of the largest of k outputs: what a network says the class is. */
static inline int32_t wn__largest_output(const float *z, int64_t k)
{
    int32_t best = 0;
    for (int32_t c = 1; c < k; c++)
        if (z[c] > z[best]) best = c;
    return best;
}

typedef struct wn__softmax {
    const float *z;
    double inverse_t, top, sum, log_sum;
} wn__softmax;

static inline wn__softmax wn__softmax_make(const float *z, int64_t k, double inverse_t)
{
    wn__softmax s = {.z = z, .inverse_t = inverse_t, .top = z[0]};
    for (int64_t c = 1; c < k; c++)
        if (z[c] > s.top) s.top = z[c];
    s.top *= inverse_t;
    for (int64_t c = 0; c < k; c++)
        s.sum += wn__exp(z[c] * inverse_t - s.top);
    s.log_sum = wn__ln(s.sum);
    return s;
}

static inline double wn__softmax_log_p(const wn__softmax *s, int64_t c) { return s->z[c] * s->inverse_t - s->top - s->log_sum; }
static inline double wn__softmax_p(const wn__softmax *s, int64_t c) { return wn__exp(s->z[c] * s->inverse_t - s->top) / s->sum; }

/* out_c += scale dp_c,  dp_c = p_c (t_c - sum_j p_j t_j) / T: the derivative of p along t. */
static inline void wn__softmax_add_tangent(const wn__softmax *s, int64_t k, const float *t, double scale, float *out)
{
    double mean = 0;
    for (int64_t c = 0; c < k; c++)
        mean += wn__softmax_p(s, c) * t[c];
    for (int64_t c = 0; c < k; c++)
        out[c] += (float)(scale * s->inverse_t * wn__softmax_p(s, c) * (t[c] - mean));
}

#endif
