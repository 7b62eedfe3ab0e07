/* Pointwise kernels over batch lanes: float32, WN__LANE images side by side.
 *
 * A tensor of one block of images is [c][h + 2b][w + 2b][WN__LANE] with a border of b zero pixels; a "pixel" is the WN__LANE floats of one
 * place of one channel. Pointers are to the first channel of a block (its border included), 64-byte aligned, with the layout beside them;
 * for channels i..j-1 only, pass a layout with c = j - i and pointers to channel i of each array. Kernels write the border of what they
 * overwrite as zeros, and need none of what they read.
 *
 * The last block of a batch has fewer images: `lanes` says how many, where it matters. Arithmetic is float32; sums over pixels are float32
 * over short segments and double beyond. What a call computes depends on its arguments and the instruction set alone. A NaN passes through
 * everything, ReLU and maximum included. Arrays do not overlap, unless the comment of a kernel says so; where one may be another, both
 * have the same border.
 *
 * `ceiling` tells of a ReLU at the end: 0 = there is none, else its upper bound, INFINITY where it has none.
 */
#ifndef WN_KERNELS_LANES_H
#define WN_KERNELS_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "kernels/norm.h"

#define WN__LANE 16 /* images side by side */

/* Where a tensor's pixels lie, counted in pixels (WN__LANE floats each). */
typedef struct wn__lane_layout {
    int64_t c, h, w, border;
    int64_t row, plane, block; /* distances of rows, channels, blocks of images */
    int64_t origin;            /* from the start of a channel to its pixel (0,0) */
    int64_t open, close;       /* border pixels before row 0 and behind the last row that who overwrites these rows writes */
} wn__lane_layout;

/* Where channels would be a multiple of 1 kB apart, the same pixels of all of them would share a few sets of the first cache: some pixels that
 * nobody reads or writes keep them apart. */
static inline int64_t wn__lane_plane(int64_t pixels) { return pixels >= 64 && pixels % 16 == 0 ? pixels + 4 : pixels; }

static inline wn__lane_layout wn__lane_layout_of(int64_t c, int64_t h, int64_t w, int border)
{
    const int64_t row = w + 2 * border, plane = wn__lane_plane(row * (h + 2 * border));
    const int64_t origin = border * row + border;
    return (wn__lane_layout){c, h, w, border, row, plane, plane * c, origin, origin, origin};
}

/* Rows first .. end - 1 only, with their part of the border: for kernels that take row by row, a tensor like any other. */
static inline wn__lane_layout wn__lane_band(wn__lane_layout l, int64_t first, int64_t end)
{
    l.open = first > 0 ? 0 : l.origin;
    l.close = end < l.h ? 2 * l.border : l.origin;
    l.origin += first * l.row;
    l.h = end - first;
    return l;
}

typedef struct wn__lane_window {
    int kernel_h, kernel_w, stride, pad;
} wn__lane_window;

typedef struct wn__lane_dropout {
    wn__rng stream;
    int64_t first; /* image of the first lane */
    float rate, factor;
} wn__lane_dropout;

typedef struct wn__lanes_kernels {
    /* mean (c), m2 (c) = sum of (x - mean)^2 over the first `lanes` images; taken around each channel's first value, so that a large mean
     * costs no digits. */
    void (*moments)(const wn__lane_layout *layout, int lanes, const float *x, double *mean, double *m2);
    /* sums (c) of the first `lanes` images. */
    void (*channel_sums)(const wn__lane_layout *layout, int lanes, const float *x, double *sums);
    /* out = [relu]((x - mean) * factor + shift [+ residual]); residual may be NULL. */
    void (*normalise)(const wn__norm_values *k, float ceiling, const wn__lane_layout *x_layout, const float *x,
                      const wn__lane_layout *residual_layout, const float *residual, const wn__lane_layout *out_layout, float *out);
    /* dy := (dy [+ other]), zeroed where the ReLU was off, in place; s1 = sums of dy, s2 = sums of dy * (x - mean), of the first `lanes`
     * images. The ReLU is off where `out` is not above zero and below the ceiling, or if that is NULL where normalise (without
     * residual) of x is not. out, dy and other have one layout; other may be NULL. */
    void (*norm_prepare)(const wn__norm_values *k, float ceiling, int lanes, const wn__lane_layout *x_layout, const float *x,
                         const wn__lane_layout *layout, const float *out, float *dy, const float *other, double *s1, double *s2);
    /* din = factor * dy + offset + slope * (x - mean), zero beyond the first `lanes` images; din may be dy. */
    void (*norm_back)(const wn__norm_gradients *k, int lanes, const wn__lane_layout *x_layout, const float *x,
                      const wn__lane_layout *dy_layout, const float *dy, const wn__lane_layout *din_layout, float *din);
    /* out = [relu](a [+ b]); b may be NULL: without ReLU a copy between borders. out may be a or b. */
    void (*add)(float ceiling, const wn__lane_layout *a_layout, const float *a, const wn__lane_layout *b_layout, const float *b,
                const wn__lane_layout *out_layout, float *out);
    /* dy := dy [+ other], zeroed where out is not above zero and below the ceiling; other and out may be NULL. */
    void (*add_prepare)(float ceiling, const wn__lane_layout *layout, const float *out, float *dy, const float *other);
    /* winner [c][h][w][WN__LANE] of the output, without border: the place in its window, ky * kernel_w + kx, of the first largest value; may
     * be NULL. Padding never wins. */
    void (*max_pool)(const wn__lane_window *window, const wn__lane_layout *in_layout, const float *in, const wn__lane_layout *out_layout,
                     float *out, uint8_t *winner);
    void (*max_pool_back)(const wn__lane_window *window, const wn__lane_layout *out_layout, const float *dout, const uint8_t *winner,
                          const wn__lane_layout *in_layout, float *din);
    /* Padding is not counted. */
    void (*avg_pool)(const wn__lane_window *window, const wn__lane_layout *in_layout, const float *in, const wn__lane_layout *out_layout,
                     float *out);
    void (*avg_pool_back)(const wn__lane_window *window, const wn__lane_layout *out_layout, const float *dout,
                          const wn__lane_layout *in_layout, float *din);
    /* out = kept ? in * factor : 0, zero beyond the first `lanes` images: value number e of image i, counted over (c,h,w), is kept if uniform
     * number i * c * h * w + e of `stream` (at its start) is at least `rate`. out may be in. */
    void (*dropout)(const wn__lane_dropout *k, int lanes, const wn__lane_layout *in_layout, const float *in,
                    const wn__lane_layout *out_layout, float *out);
    /* Between plain (lanes,c,h,w) and a block. Lanes beyond are written as zeros, and not read back. */
    void (*upload)(const wn__lane_layout *layout, int lanes, const float *plain, float *block);
    void (*download)(const wn__lane_layout *layout, int lanes, const float *block, float *plain);
} wn__lanes_kernels;

/* The table for the instruction set in use (base/cpu.h). */
const wn__lanes_kernels *wn__lanes(void);

#define WN__LANES_POOL_WINDOW 256 /* places in a window that `winner` can tell apart */

#endif
