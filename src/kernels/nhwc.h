/* Kernels over activations in nhwc order: `rows` pixels of `c` channels each, float32 or bfloat16, no padding, any alignment.
 *
 * Arithmetic is float32; sums run in float32 over at most 512 rows and then in double, in row order. bfloat16 is rounded to nearest even.
 * Buffers do not overlap unless said. Which instruction set runs is picked once (base/cpu.h); each gives its own, repeatable bits.
 */
#ifndef WN_KERNELS_NHWC_H
#define WN_KERNELS_NHWC_H

#include <stdbool.h>
#include <stdint.h>

/* Batch norm in the form (x - mean) * scale + shift, per channel. */
typedef struct wn__nhwc_affine {
    const float *mean, *scale, *shift; /* (c) */
} wn__nhwc_affine;

typedef struct wn__nhwc_window {
    int64_t in_h, in_w, out_h, out_w, c;
    int kernel_h, kernel_w, stride, pad;
} wn__nhwc_window;

typedef struct wn__nhwc_kernels {
    /* sums (2,c): sum of x - origin and of its square, per channel; overwritten. */
    void (*moments)(int64_t rows, int64_t c, const void *x, const float *origin, double *sums);
    /* y = [relu](affine(x) [+ residual]); residual may be NULL. */
    void (*normalise)(int64_t rows, int64_t c, const void *x, const void *residual, const wn__nhwc_affine *a, bool relu, void *y);
    /* g = dy [+ dy2], zero where the ReLU was off: y <= 0, or, with y NULL, affine(x) <= 0. sums (2,c): of g and of g * (x - mean); overwritten.
     * write: leave g in dy. */
    void (*norm_sums)(int64_t rows, int64_t c, const void *x, void *dy, const void *dy2, const void *y, const wn__nhwc_affine *a, bool relu,
                      bool write, double *sums);
    /* dx = of_g * g + of_x * (x - mean) + constant, per channel; g = dy, zero where affine(x) <= 0 if relu. dx may be dy. */
    void (*norm_gradient)(int64_t rows, int64_t c, const void *x, const void *dy, const wn__nhwc_affine *a, bool relu, const float *of_g,
                          const float *of_x, const float *constant, void *dx);
    /* y = [relu](a [+ b]); b may be NULL; y may be a. */
    void (*add)(int64_t count, const void *a, const void *b, bool relu, void *y);
    /* dy := dy [+ dy2], zero where y <= 0; dy2 and y may be NULL. */
    void (*mask)(int64_t count, void *dy, const void *dy2, const void *y);
    /* One image. tap (out_h,out_w,c): which element of the window won, the first of equals; a NaN wins. Padding never wins. */
    void (*max_pool)(const wn__nhwc_window *w, const void *x, void *y, uint8_t *tap);
    void (*max_pool_gradient)(const wn__nhwc_window *w, const void *dy, const uint8_t *tap, void *dx);
    /* One image. Mean over the window without padding. */
    void (*avg_pool)(const wn__nhwc_window *w, const void *x, void *y);
    void (*avg_pool_gradient)(const wn__nhwc_window *w, const void *dy, void *dx);
    /* One image (pixels,c) from and to plain (c,pixels) float32. */
    void (*from_plain)(int64_t pixels, int64_t c, const float *plain, void *x);
    void (*to_plain)(int64_t pixels, int64_t c, const void *x, float *plain);
    int64_t bytes; /* of an element */
} wn__nhwc_kernels;

const wn__nhwc_kernels *wn__nhwc_kernels_f32(void);
const wn__nhwc_kernels *wn__nhwc_kernels_bf16(void);

static inline float wn__bf16_to_f32(uint16_t x)
{
    union {
        uint32_t bits;
        float value;
    } u = {.bits = (uint32_t)x << 16};
    return u.value;
}

/* To nearest even; a NaN stays a (quiet) NaN. */
static inline uint16_t wn__f32_to_bf16(float x)
{
    union {
        float value;
        uint32_t bits;
    } u = {.value = x};
    const uint32_t rounded = (u.bits + 0x7FFFu + (u.bits >> 16 & 1u)) >> 16, nan = (u.bits >> 16) | 0x40u;
    return (uint16_t)((u.bits & 0x7FFFFFFFu) > 0x7F800000u ? nan : rounded);
}

#endif
