/* Kernels over activations whose channels lie innermost: a matrix of `rows` pixels by `c` channels, stored as float32 or bfloat16.
 *
 * Arithmetic is float32. Sums over rows are float32 within SEGMENT rows (nhwc.tmpl.h) and double beyond. What a call computes depends
 * on its arguments and the instruction set alone, so that callers get the same bytes for any number of threads by cutting rows into
 * chunks that the shape fixes. A NaN passes through everything, ReLU and maximum included. Nothing is read past the end of an array.
 * Arrays do not overlap, unless the comment of a kernel says so.
 *
 * `ceiling` tells of a ReLU at the end: 0 = there is none, else its upper bound, INFINITY where it has none.
 */
#ifndef WN_KERNELS_NHWC_H
#define WN_KERNELS_NHWC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "kernels/norm.h"

typedef struct wn__nhwc_pool {
    int64_t c, in_h, in_w, out_h, out_w;
    int kernel_h, kernel_w, stride, pad;
} wn__nhwc_pool;

/* Both storage types have the same table; void pointers are to elements of that type. */
typedef struct wn__nhwc_kernels {
    /* mean (c), m2 (c) = sum of (x - mean)^2; taken around the first row, so that a large mean costs no digits. rows >= 1. */
    void (*moments)(int64_t rows, int64_t c, const void *x, double *mean, double *m2);
    /* sums (c) of the rows. */
    void (*column_sums)(int64_t rows, int64_t c, const void *x, double *sums);
    /* out = [relu]((x - mean) * factor + shift [+ residual]); residual may be NULL; out may be x or residual. */
    void (*normalise)(int64_t rows, int64_t c, const wn__norm_values *k, float ceiling, const void *x, const void *residual, void *out);
    /* dy := (dy [+ other]), zeroed where the ReLU was off, in place; s1 = sums of dy, s2 = sums of dy * (x - mean). The ReLU is off where
     * `out` is not above zero and below the ceiling, or if that is NULL where normalise (without residual) of x is not. */
    void (*norm_prepare)(int64_t rows, int64_t c, const wn__norm_values *k, float ceiling, const void *x, const void *out, void *dy,
                         const void *other, double *s1, double *s2);
    /* din may be dy. */
    void (*norm_back)(int64_t rows, int64_t c, const wn__norm_gradients *k, const void *x, const void *dy, void *din);
    /* out = [relu](a [+ b]) over n values; b may be NULL; out may be a or b. */
    void (*add)(int64_t n, float ceiling, const void *a, const void *b, void *out);
    /* dy := dy [+ other], zeroed where out is not above zero and below the ceiling; other and out may be NULL. */
    void (*add_prepare)(int64_t n, float ceiling, const void *out, void *dy, const void *other);
    /* One image. winner (out_h,out_w,c): the place in its window, ky * kernel_w + kx, of the first largest value; may be NULL. */
    void (*max_pool)(const wn__nhwc_pool *p, const void *in, void *out, uint8_t *winner);
    void (*max_pool_back)(const wn__nhwc_pool *p, const void *dout, const uint8_t *winner, void *din);
    void (*avg_pool)(const wn__nhwc_pool *p, const void *in, void *out);
    void (*avg_pool_back)(const wn__nhwc_pool *p, const void *dout, void *din);
    /* Between stored values and float32; to bfloat16 rounded to nearest even, NaN kept. */
    void (*load)(int64_t n, const void *stored, float *plain);
    void (*store)(int64_t n, const float *plain, void *stored);
    /* Numbers first .. first + n - 1 of the stream, as wn__rng_uniform hands them out. */
    void (*uniforms)(const wn__rng *stream, uint64_t first, int64_t n, float *out);
} wn__nhwc_kernels;

/* The tables for the instruction set in use (base/cpu.h). */
const wn__nhwc_kernels *wn__nhwc_f32(void);
const wn__nhwc_kernels *wn__nhwc_bf16(void);

#define WN__MAX_POOL_WINDOW 256 /* places in a window that `winner` can tell apart */

#endif
