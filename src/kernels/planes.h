/* Kernels over planes: float32 images one after the other, each channel's pixels side by side, so that lanes run along the image.
 *
 * A channel of h x w pixels is one plane of h * w floats, row after row without gaps, followed by floats of no meaning up to the next
 * channel. Planes begin at multiples of 64 bytes, and their distance is an odd number of cache lines, so that the same pixel of many
 * channels does not always fall on the same place in a cache. Kernels may write what lies between planes.
 *
 * A product works on a run of pixels that begins at a cache line and stays in registers while the entries of a row of the weight are walked:
 * each is one scalar, multiplied with as many floats, `offset` floats away. For windows of more than one pixel `shift` has first laid out
 * copies of the input, one for each column of the window, in which a tap is such a constant distance; copies hold zeros where a window
 * reaches over the image's edge.
 *
 * Every output's sum runs over the entries in their order, with one rounding per multiply-add where the instruction set has them fused: the
 * same numbers as lanes_product.h makes.
 */
#ifndef WN_KERNELS_PLANES_H
#define WN_KERNELS_PLANES_H

#include "kernels/lanes.h"
#include "kernels/lanes_product.h"

#define WN__LINE 16 /* floats of a cache line */

/* Counted in floats. */
typedef struct wn__planes {
    int64_t c, h, w;
    int64_t plane, image; /* distances of channels and images */
} wn__planes;

static inline int64_t wn__lines(int64_t floats) { return (floats + WN__LINE - 1) / WN__LINE; }

static inline wn__planes wn__planes_of(int64_t c, int64_t h, int64_t w)
{
    const int64_t plane = (wn__lines(h * w) | 1) * WN__LINE;
    return (wn__planes){c, h, w, plane, c * plane};
}

typedef struct wn__plane_product {
    wn__lane_matrix a; /* distances in floats */
    const float *in;
    float *out;
    int64_t out_plane;                  /* of the matrix' rows */
    const float *bias;                  /* (rows) where sums start; NULL: at zero */
    bool add;                           /* sums go on from what is in out (bias is not read) */
    bool last;                          /* sums are complete: what follows is done to them */
    const float *mean, *factor, *shift; /* (rows) batch norm, (x - mean) * factor + shift; NULL: none */
    const float *residual;              /* added then; as out; NULL: none */
    float ceiling;                      /* of a ReLU at the end: 0 = there is none, else its upper bound, INFINITY where it has none */
} wn__plane_product;

/* Copies of some rows of channels, for windows over an output of width `columns`: for each column x of the window and each phase f (the
 * place of a row modulo the stride) a copy whose row j, column i is the input's row first_row + j * stride + f, column
 * i * stride + x - pad. */
typedef struct wn__plane_shift {
    int64_t channels;
    const float *in;
    int64_t in_plane, in_h, in_w;
    float *to;
    int64_t to_channel, to_copy; /* distances */
    int64_t columns, rows, first_row;
    int stride, pad, kernel_w, phases;
} wn__plane_shift;

/* out[r * out_distance] = [relu](bias + sum over row r's entries); the entries of 8 rows are walked side by side. */
typedef struct wn__plane_rows {
    int64_t rows;
    const int64_t *begin;  /* (rows + 1); NULL: every row has all columns, row r's values begin at r * columns */
    const int32_t *column; /* of the entries; NULL with begin */
    const float *value;
    int64_t columns;
    const float *in; /* (columns) */
    const float *bias;
    float *out;
    int64_t out_distance;
    float ceiling;
} wn__plane_rows;

typedef void (*wn__plane_product_call)(const wn__plane_product *p);

typedef struct wn__planes_kernels {
    int vector;                            /* floats in a register */
    int most, most_dense;                  /* registers of a run, at most */
    const wn__plane_product_call *product; /* (most + 1) sparse, by the run's registers */
    const wn__plane_product_call *dense;   /* (most_dense + 1) */
    void (*shift)(const wn__plane_shift *s);
    void (*rows)(const wn__plane_rows *r);
    /* On `lines` cache lines: out = [relu]((x - mean) * factor + shift [+ residual]); out = [relu](a [+ b]). out may be an input. */
    void (*normalise)(int64_t lines, float mean, float factor, float shift, float ceiling, const float *x, const float *residual,
                      float *out);
    void (*add)(int64_t lines, float ceiling, const float *a, const float *b, float *out);
    /* Of one channel of `in` and `out`. row: room for in->w floats. */
    void (*max_pool)(const wn__lane_window *window, const wn__planes *in_layout, const float *in, const wn__planes *out_layout, float *out,
                     float *row);
    void (*avg_pool)(const wn__lane_window *window, const wn__planes *in_layout, const float *in, const wn__planes *out_layout, float *out);
} wn__planes_kernels;

const wn__planes_kernels *wn__planes_in_use(void); /* for the instruction set in use (base/cpu.h) */

#endif
