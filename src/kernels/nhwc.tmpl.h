/* Template of the nhwc kernels for one instruction set and one element type; see nhwc.h for the contracts.
 *
 * Wants: WN_LANES (floats in a register), WN_BF16 (0 or 1), WN_TABLE (name of the table that is defined).
 * Norm kernels walk the rows with up to four registers of channels at a time; the last c % WN_LANES channels go as a partial register.
 */
#include <string.h>

#include "kernels/nhwc.h"

#define WN_PASTE_(a, b) a##_##b
#define WN_PASTE(a, b) WN_PASTE_(a, b)
#define LOCAL(name) WN_PASTE(name, WN_TABLE)

#if WN_BF16
#define elem uint16_t
#define LOAD1(x) wn__bf16_to_f32(x)
#define STORE1(x) wn__f32_to_bf16(x)
#else
#define elem float
#define LOAD1(x) (x)
#define STORE1(x) (x)
#endif
#define vf LOCAL(floats)
#define vu LOCAL(words)
#define vh LOCAL(halves)
#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(WN_LANES * 4)));
typedef int32_t LOCAL(bools) __attribute__((vector_size(WN_LANES * 4)));
typedef uint8_t LOCAL(bytes) __attribute__((vector_size(WN_LANES)));
#if WN_BF16
typedef uint32_t vu __attribute__((vector_size(WN_LANES * 4)));
typedef uint16_t vh __attribute__((vector_size(WN_LANES * 2)));
#endif

enum { LOCAL(SUM_ROWS) = 512 };

/* `lanes` elements; the rest of the register is zero. */
INLINE vf LOCAL(load)(const elem *p, int lanes)
{
#if WN_BF16
    vh half = {0};
    memcpy(&half, p, lanes == WN_LANES ? sizeof half : (size_t)lanes * sizeof *p);
    const vu word = __builtin_convertvector(half, vu) << 16;
    return (vf)word;
#else
    vf x = {0};
    memcpy(&x, p, lanes == WN_LANES ? sizeof x : (size_t)lanes * sizeof *p);
    return x;
#endif
}

INLINE vf LOCAL(load_f32)(const float *p, int lanes)
{
    vf x = {0};
    memcpy(&x, p, lanes == WN_LANES ? sizeof x : (size_t)lanes * sizeof *p);
    return x;
}

INLINE void LOCAL(store)(elem *p, vf x, int lanes)
{
#if WN_BF16
    const vu bits = (vu)x, rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16, nan = bits >> 16 | 0x40u;
    const vu is_nan = (vu)(x != x);
    const vh half = __builtin_convertvector((is_nan & nan) | (~is_nan & rounded), vh);
    memcpy(p, &half, lanes == WN_LANES ? sizeof half : (size_t)lanes * sizeof *p);
#else
    memcpy(p, &x, lanes == WN_LANES ? sizeof x : (size_t)lanes * sizeof *p);
#endif
}

/* x where `keep`, else 0. */
INLINE vf LOCAL(select)(LOCAL(bools) keep, vf x) { return (vf)((LOCAL(bools))x & keep); }

/* A NaN stays. */
INLINE vf LOCAL(relu)(vf x) { return LOCAL(select)(~(x <= 0), x); }

INLINE void LOCAL(add_to_sums)(const vf *sum, int registers, int lanes, double *out)
{
    for (int k = 0; k < registers; k++)
        for (int i = 0; i < lanes; i++)
            out[k * WN_LANES + i] += (double)sum[k][i];
}

/* --- norm: `registers` registers of channels from the first on; all but a partial one are full --------------------------------------- */

INLINE void LOCAL(moments_part)(int64_t rows, int64_t c, const elem *x, const float *origin, double *sums, int registers, int lanes)
{
    vf from[4], sum[4], square[4];
    for (int k = 0; k < registers; k++)
        from[k] = LOCAL(load_f32)(origin + k * WN_LANES, lanes);
    for (int64_t begin = 0; begin < rows; begin += LOCAL(SUM_ROWS)) {
        const int64_t end = rows - begin < LOCAL(SUM_ROWS) ? rows : begin + LOCAL(SUM_ROWS);
        for (int k = 0; k < registers; k++)
            sum[k] = square[k] = (vf){0};
        for (int64_t r = begin; r < end; r++)
            for (int k = 0; k < registers; k++) {
                const vf d = LOCAL(load)(x + r * c + k * WN_LANES, lanes) - from[k];
                sum[k] += d;
                square[k] += d * d;
            }
        LOCAL(add_to_sums)(sum, registers, lanes, sums);
        LOCAL(add_to_sums)(square, registers, lanes, sums + c);
    }
}

INLINE void LOCAL(normalise_part)(int64_t rows, int64_t c, const elem *x, const elem *residual, const wn__nhwc_affine *a, bool relu,
                                  elem *y, int registers, int lanes)
{
    vf mean[4], scale[4], shift[4];
    for (int k = 0; k < registers; k++) {
        mean[k] = LOCAL(load_f32)(a->mean + k * WN_LANES, lanes);
        scale[k] = LOCAL(load_f32)(a->scale + k * WN_LANES, lanes);
        shift[k] = LOCAL(load_f32)(a->shift + k * WN_LANES, lanes);
    }
    for (int64_t r = 0; r < rows; r++)
        for (int k = 0; k < registers; k++) {
            const int64_t at = r * c + k * WN_LANES;
            vf v = (LOCAL(load)(x + at, lanes) - mean[k]) * scale[k] + shift[k];
            if (residual) v += LOCAL(load)(residual + at, lanes);
            LOCAL(store)(y + at, relu ? LOCAL(relu)(v) : v, lanes);
        }
}

INLINE void LOCAL(norm_sums_part)(int64_t rows, int64_t c, const elem *x, elem *dy, const elem *dy2, const elem *y,
                                  const wn__nhwc_affine *a, bool relu, bool write, double *sums, int registers, int lanes)
{
    vf mean[4], scale[4], shift[4], sum[4], product[4];
    for (int k = 0; k < registers; k++) {
        mean[k] = LOCAL(load_f32)(a->mean + k * WN_LANES, lanes);
        scale[k] = LOCAL(load_f32)(a->scale + k * WN_LANES, lanes);
        shift[k] = LOCAL(load_f32)(a->shift + k * WN_LANES, lanes);
    }
    for (int64_t begin = 0; begin < rows; begin += LOCAL(SUM_ROWS)) {
        const int64_t end = rows - begin < LOCAL(SUM_ROWS) ? rows : begin + LOCAL(SUM_ROWS);
        for (int k = 0; k < registers; k++)
            sum[k] = product[k] = (vf){0};
        for (int64_t r = begin; r < end; r++)
            for (int k = 0; k < registers; k++) {
                const int64_t at = r * c + k * WN_LANES;
                const vf d = LOCAL(load)(x + at, lanes) - mean[k];
                vf g = LOCAL(load)(dy + at, lanes);
                if (dy2) g += LOCAL(load)(dy2 + at, lanes);
                if (relu) g = LOCAL(select)(~((y ? LOCAL(load)(y + at, lanes) : d * scale[k] + shift[k]) <= 0), g);
                if (write) LOCAL(store)(dy + at, g, lanes);
                sum[k] += g;
                product[k] += g * d;
            }
        LOCAL(add_to_sums)(sum, registers, lanes, sums);
        LOCAL(add_to_sums)(product, registers, lanes, sums + c);
    }
}

INLINE void LOCAL(norm_gradient_part)(int64_t rows, int64_t c, const elem *x, const elem *dy, const wn__nhwc_affine *a, bool relu,
                                      const float *of_g, const float *of_x, const float *constant, elem *dx, int registers, int lanes)
{
    vf mean[4], scale[4], shift[4], p[4], q[4], t[4];
    for (int k = 0; k < registers; k++) {
        mean[k] = LOCAL(load_f32)(a->mean + k * WN_LANES, lanes);
        scale[k] = LOCAL(load_f32)(a->scale + k * WN_LANES, lanes);
        shift[k] = LOCAL(load_f32)(a->shift + k * WN_LANES, lanes);
        p[k] = LOCAL(load_f32)(of_g + k * WN_LANES, lanes);
        q[k] = LOCAL(load_f32)(of_x + k * WN_LANES, lanes);
        t[k] = LOCAL(load_f32)(constant + k * WN_LANES, lanes);
    }
    for (int64_t r = 0; r < rows; r++)
        for (int k = 0; k < registers; k++) {
            const int64_t at = r * c + k * WN_LANES;
            const vf d = LOCAL(load)(x + at, lanes) - mean[k];
            vf g = LOCAL(load)(dy + at, lanes);
            if (relu) g = LOCAL(select)(~(d * scale[k] + shift[k] <= 0), g);
            LOCAL(store)(dx + at, p[k] * g + (q[k] * d + t[k]), lanes);
        }
}

/* Run PART(registers, lanes, first channel) over all channels. */
#define OVER_CHANNELS(c, PART)                               \
    do {                                                     \
        int64_t i_ = 0;                                      \
        for (; i_ + 4 * WN_LANES <= (c); i_ += 4 * WN_LANES) \
            PART(4, WN_LANES, i_);                           \
        for (; i_ + 2 * WN_LANES <= (c); i_ += 2 * WN_LANES) \
            PART(2, WN_LANES, i_);                           \
        for (; i_ + WN_LANES <= (c); i_ += WN_LANES)         \
            PART(1, WN_LANES, i_);                           \
        if (i_ < (c)) PART(1, (int)((c)-i_), i_);            \
    } while (0)

static void LOCAL(moments)(int64_t rows, int64_t c, const void *x, const float *origin, double *sums)
{
    memset(sums, 0, 2 * (size_t)c * sizeof *sums);
#define PART(registers, lanes, i) LOCAL(moments_part)(rows, c, (const elem *)x + (i), origin + (i), sums + (i), registers, lanes)
    OVER_CHANNELS(c, PART);
#undef PART
}

static void LOCAL(normalise)(int64_t rows, int64_t c, const void *x, const void *residual, const wn__nhwc_affine *a, bool relu, void *y)
{
#define PART(registers, lanes, i)                                                                               \
    do {                                                                                                        \
        const wn__nhwc_affine at_ = {a->mean + (i), a->scale + (i), a->shift + (i)};                            \
        const elem *from_ = (const elem *)x + (i), *residual_ = residual ? (const elem *)residual + (i) : NULL; \
        if (residual_)                                                                                          \
            LOCAL(normalise_part)(rows, c, from_, residual_, &at_, relu, (elem *)y + (i), registers, lanes);    \
        else                                                                                                    \
            LOCAL(normalise_part)(rows, c, from_, NULL, &at_, relu, (elem *)y + (i), registers, lanes);         \
    } while (0)
    OVER_CHANNELS(c, PART);
#undef PART
}

static void LOCAL(norm_sums)(int64_t rows, int64_t c, const void *x, void *dy, const void *dy2, const void *y, const wn__nhwc_affine *a,
                             bool relu, bool write, double *sums)
{
    memset(sums, 0, 2 * (size_t)c * sizeof *sums);
#define PART(registers, lanes, i)                                                                                      \
    do {                                                                                                               \
        const wn__nhwc_affine at_ = {a->mean + (i), a->scale + (i), a->shift + (i)};                                   \
        const elem *dy2_ = dy2 ? (const elem *)dy2 + (i) : NULL, *y_ = y ? (const elem *)y + (i) : NULL;               \
        LOCAL(norm_sums_part)                                                                                          \
        (rows, c, (const elem *)x + (i), (elem *)dy + (i), dy2_, y_, &at_, relu, write, sums + (i), registers, lanes); \
    } while (0)
    OVER_CHANNELS(c, PART);
#undef PART
}

static void LOCAL(norm_gradient)(int64_t rows, int64_t c, const void *x, const void *dy, const wn__nhwc_affine *a, bool relu,
                                 const float *of_g, const float *of_x, const float *constant, void *dx)
{
#define PART(registers, lanes, i)                                                                                                      \
    do {                                                                                                                               \
        const wn__nhwc_affine at_ = {a->mean + (i), a->scale + (i), a->shift + (i)};                                                   \
        LOCAL(norm_gradient_part)                                                                                                      \
        (rows, c, (const elem *)x + (i), (const elem *)dy + (i), &at_, relu, of_g + (i), of_x + (i), constant + (i), (elem *)dx + (i), \
         registers, lanes);                                                                                                            \
    } while (0)
    OVER_CHANNELS(c, PART);
#undef PART
}

/* --- elementwise --------------------------------------------------------------------------------------------------------------------- */

static void LOCAL(add)(int64_t count, const void *a, const void *b, bool relu, void *y)
{
    for (int64_t i = 0; i < count; i += WN_LANES) {
        const int lanes = count - i < WN_LANES ? (int)(count - i) : WN_LANES;
        vf v = LOCAL(load)((const elem *)a + i, lanes);
        if (b) v += LOCAL(load)((const elem *)b + i, lanes);
        LOCAL(store)((elem *)y + i, relu ? LOCAL(relu)(v) : v, lanes);
    }
}

static void LOCAL(mask)(int64_t count, void *dy, const void *dy2, const void *y)
{
    for (int64_t i = 0; i < count; i += WN_LANES) {
        const int lanes = count - i < WN_LANES ? (int)(count - i) : WN_LANES;
        vf g = LOCAL(load)((const elem *)dy + i, lanes);
        if (dy2) g += LOCAL(load)((const elem *)dy2 + i, lanes);
        if (y) g = LOCAL(select)(~(LOCAL(load)((const elem *)y + i, lanes) <= 0), g);
        LOCAL(store)((elem *)dy + i, g, lanes);
    }
}

/* --- pools: a register of channels at a time, then the rest one by one; what a window makes stays in registers ----------------------- */

/* The part of a window that lies on the image: rows [low, high) of the kernel. */
INLINE void LOCAL(window)(int64_t out, int stride, int pad, int kernel, int64_t size, int *low, int *high)
{
    const int64_t start = out * stride - pad;
    *low = start < 0 ? (int)-start : 0;
    *high = size - start < kernel ? (int)(size - start) : kernel;
}

typedef struct LOCAL(span) {
    int h0, h1, w0, w1;
} LOCAL(span);

INLINE LOCAL(span) LOCAL(window_at)(const wn__nhwc_window *w, int64_t oh, int64_t ow)
{
    LOCAL(span) s;
    LOCAL(window)(oh, w->stride, w->pad, w->kernel_h, w->in_h, &s.h0, &s.h1);
    LOCAL(window)(ow, w->stride, w->pad, w->kernel_w, w->in_w, &s.w0, &s.w1);
    return s;
}

/* `x`: where the window's element (0, 0) lies, which may be off the image. */
INLINE void LOCAL(max_register)(const wn__nhwc_window *w, LOCAL(span) s, const elem *x, elem *y, uint8_t *tap)
{
    vf best = LOCAL(load)(x + (s.h0 * w->in_w + s.w0) * w->c, WN_LANES);
    LOCAL(bools) won = (LOCAL(bools)){0} + (s.h0 * w->kernel_w + s.w0);
    for (int kh = s.h0; kh < s.h1; kh++)
        for (int kw = s.w0; kw < s.w1; kw++) {
            const vf v = LOCAL(load)(x + (kh * w->in_w + kw) * w->c, WN_LANES);
            const LOCAL(bools) wins = ~(v <= best) & (best == best);
            best = (vf)((wins & (LOCAL(bools))v) | (~wins & (LOCAL(bools))best));
            won = (wins & (kh * w->kernel_w + kw)) | (~wins & won);
        }
    LOCAL(store)(y, best, WN_LANES);
    const LOCAL(bytes) narrow = __builtin_convertvector(won, LOCAL(bytes));
    memcpy(tap, &narrow, sizeof narrow);
}

INLINE void LOCAL(max_single)(const wn__nhwc_window *w, LOCAL(span) s, const elem *x, elem *y, uint8_t *tap)
{
    const elem *at = x + (s.h0 * w->in_w + s.w0) * w->c;
    float best = LOAD1(*at);
    int won = s.h0 * w->kernel_w + s.w0;
    for (int kh = s.h0; kh < s.h1; kh++)
        for (int kw = s.w0; kw < s.w1; kw++) {
            const float v = LOAD1(x[(kh * w->in_w + kw) * w->c]);
            if (v <= best || best != best) continue;
            best = v;
            won = kh * w->kernel_w + kw;
        }
    *y = x[((won / w->kernel_w) * w->in_w + won % w->kernel_w) * w->c];
    *tap = (uint8_t)won;
}

static void LOCAL(max_pool)(const wn__nhwc_window *w, const void *x, void *y, uint8_t *tap)
{
    for (int64_t oh = 0; oh < w->out_h; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++) {
            const LOCAL(span) s = LOCAL(window_at)(w, oh, ow);
            const int64_t to = (oh * w->out_w + ow) * w->c, from = ((oh * w->stride - w->pad) * w->in_w + ow * w->stride - w->pad) * w->c;
            int64_t i = 0;
            for (; i + WN_LANES <= w->c; i += WN_LANES)
                LOCAL(max_register)(w, s, (const elem *)x + from + i, (elem *)y + to + i, tap + to + i);
            for (; i < w->c; i++)
                LOCAL(max_single)(w, s, (const elem *)x + from + i, (elem *)y + to + i, tap + to + i);
        }
}

/* Output rows whose windows cover input row `in`: [low, high). */
INLINE void LOCAL(covering)(int64_t in, int stride, int pad, int kernel, int64_t outs, int64_t *low, int64_t *high)
{
    const int64_t above = in + pad - kernel;
    *low = above < 0 ? 0 : above / stride + 1;
    *high = (in + pad) / stride + 1;
    if (*high > outs) *high = outs;
}

typedef struct LOCAL(cover) {
    int64_t h0, h1, w0, w1;
} LOCAL(cover);

INLINE LOCAL(cover) LOCAL(cover_of)(const wn__nhwc_window *w, int64_t ih, int64_t iw)
{
    LOCAL(cover) s;
    LOCAL(covering)(ih, w->stride, w->pad, w->kernel_h, w->out_h, &s.h0, &s.h1);
    LOCAL(covering)(iw, w->stride, w->pad, w->kernel_w, w->out_w, &s.w0, &s.w1);
    return s;
}

/* Which element of window (oh, ow) the input pixel is. */
INLINE int LOCAL(tap_of)(const wn__nhwc_window *w, int64_t ih, int64_t iw, int64_t oh, int64_t ow)
{
    return (int)((ih - oh * w->stride + w->pad) * w->kernel_w + iw - ow * w->stride + w->pad);
}

static void LOCAL(max_pool_gradient)(const wn__nhwc_window *w, const void *dy, const uint8_t *tap, void *dx)
{
    for (int64_t ih = 0; ih < w->in_h; ih++)
        for (int64_t iw = 0; iw < w->in_w; iw++) {
            const LOCAL(cover) s = LOCAL(cover_of)(w, ih, iw);
            elem *to = (elem *)dx + (ih * w->in_w + iw) * w->c;
            int64_t i = 0;
            for (; i + WN_LANES <= w->c; i += WN_LANES) {
                vf sum = {0};
                for (int64_t oh = s.h0; oh < s.h1; oh++)
                    for (int64_t ow = s.w0; ow < s.w1; ow++) {
                        const int64_t at = (oh * w->out_w + ow) * w->c + i;
                        LOCAL(bytes) narrow;
                        memcpy(&narrow, tap + at, sizeof narrow);
                        const LOCAL(bools) won = __builtin_convertvector(narrow, LOCAL(bools)) == LOCAL(tap_of)(w, ih, iw, oh, ow);
                        sum += LOCAL(select)(won, LOCAL(load)((const elem *)dy + at, WN_LANES));
                    }
                LOCAL(store)(to + i, sum, WN_LANES);
            }
            for (; i < w->c; i++) {
                float sum = 0;
                for (int64_t oh = s.h0; oh < s.h1; oh++)
                    for (int64_t ow = s.w0; ow < s.w1; ow++) {
                        const int64_t at = (oh * w->out_w + ow) * w->c + i;
                        if (tap[at] == LOCAL(tap_of)(w, ih, iw, oh, ow)) sum += LOAD1(((const elem *)dy)[at]);
                    }
                to[i] = STORE1(sum);
            }
        }
}

INLINE float LOCAL(share)(LOCAL(span) s) { return 1.0f / (float)((s.h1 - s.h0) * (s.w1 - s.w0)); }

static void LOCAL(avg_pool)(const wn__nhwc_window *w, const void *x, void *y)
{
    for (int64_t oh = 0; oh < w->out_h; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++) {
            const LOCAL(span) s = LOCAL(window_at)(w, oh, ow);
            const float share = LOCAL(share)(s);
            const elem *from = (const elem *)x + ((oh * w->stride - w->pad) * w->in_w + ow * w->stride - w->pad) * w->c;
            elem *to = (elem *)y + (oh * w->out_w + ow) * w->c;
            for (int64_t i = 0; i < w->c; i += WN_LANES) {
                const int lanes = w->c - i < WN_LANES ? (int)(w->c - i) : WN_LANES;
                vf sum = {0};
                for (int kh = s.h0; kh < s.h1; kh++)
                    for (int kw = s.w0; kw < s.w1; kw++)
                        sum += LOCAL(load)(from + (kh * w->in_w + kw) * w->c + i, lanes);
                LOCAL(store)(to + i, sum * share, lanes);
            }
        }
}

static void LOCAL(avg_pool_gradient)(const wn__nhwc_window *w, const void *dy, void *dx)
{
    for (int64_t ih = 0; ih < w->in_h; ih++)
        for (int64_t iw = 0; iw < w->in_w; iw++) {
            const LOCAL(cover) s = LOCAL(cover_of)(w, ih, iw);
            elem *to = (elem *)dx + (ih * w->in_w + iw) * w->c;
            for (int64_t i = 0; i < w->c; i += WN_LANES) {
                const int lanes = w->c - i < WN_LANES ? (int)(w->c - i) : WN_LANES;
                vf sum = {0};
                for (int64_t oh = s.h0; oh < s.h1; oh++)
                    for (int64_t ow = s.w0; ow < s.w1; ow++)
                        sum += LOCAL(share)(LOCAL(window_at)(w, oh, ow)) *
                               LOCAL(load)((const elem *)dy + (oh * w->out_w + ow) * w->c + i, lanes);
                LOCAL(store)(to + i, sum, lanes);
            }
        }
}

/* --- borders ------------------------------------------------------------------------------------------------------------------------- */

static void LOCAL(from_plain)(int64_t pixels, int64_t c, const float *plain, void *x)
{
    for (int64_t i = 0; i < c; i++)
        for (int64_t p = 0; p < pixels; p++)
            ((elem *)x)[p * c + i] = STORE1(plain[i * pixels + p]);
}

static void LOCAL(to_plain)(int64_t pixels, int64_t c, const void *x, float *plain)
{
    for (int64_t i = 0; i < c; i++)
        for (int64_t p = 0; p < pixels; p++)
            plain[i * pixels + p] = LOAD1(((const elem *)x)[p * c + i]);
}

const wn__nhwc_kernels WN_TABLE;
const wn__nhwc_kernels WN_TABLE = {.moments = LOCAL(moments),
                                   .normalise = LOCAL(normalise),
                                   .norm_sums = LOCAL(norm_sums),
                                   .norm_gradient = LOCAL(norm_gradient),
                                   .add = LOCAL(add),
                                   .mask = LOCAL(mask),
                                   .max_pool = LOCAL(max_pool),
                                   .max_pool_gradient = LOCAL(max_pool_gradient),
                                   .avg_pool = LOCAL(avg_pool),
                                   .avg_pool_gradient = LOCAL(avg_pool_gradient),
                                   .from_plain = LOCAL(from_plain),
                                   .to_plain = LOCAL(to_plain),
                                   .bytes = sizeof(elem)};

#undef elem
#undef LOAD1
#undef STORE1
#undef vf
#undef vu
#undef vh
#undef INLINE
#undef LOCAL
#undef WN_PASTE
#undef WN_PASTE_
#undef OVER_CHANNELS
#undef WN_BF16
#undef WN_TABLE
