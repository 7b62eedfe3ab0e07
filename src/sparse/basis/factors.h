/* Singular values and best approximations of low rank, through LAPACK in double precision. Without it in the build: WN_EUNSUPPORTED. */
#ifndef WN_SPARSE_BASIS_FACTORS_H
#define WN_SPARSE_BASIS_FACTORS_H

#include "winnow/core.h"

/* w (m,n) = sum over i < k = min(m,n) of value_i left_i right_i', values descending. left (k,m) and right (k,n): one vector a row, the
 * largest entry of each left one positive. */
typedef struct wn__factors {
    int64_t m, n, k;
    float *left, *value, *right; /* owned */
} wn__factors;
wn_status wn__factors_make(const float *w, int64_t m, int64_t n, wn__factors *out);
void wn__factors_release(wn__factors *f); /* accepts a zeroed one */

#endif
