/* Products of a weight with activations in batch lanes (src/backend/sparse/sparse_device.h): convolutions and linear layers, forward, backward to
 * the input, and backward to the weight.
 *
 * A pixel is 16 floats: one place of one channel for 16 images. A kernel works on a run: a tile of rows x columns output pixels that it
 * keeps in registers while it walks the entries of a row of the weight; each entry is one scalar, multiplied with a whole run of input
 * pixels, `offset` pixels away. Distances are in pixels.
 *
 * Every output pixel's sum runs over the entries in their order, every entry's gradient over the pixels in row order, each with one
 * rounding per multiply-add on instruction sets that have them fused; a product's sum that is -0 is written as +0, whatever zeros were
 * added on the way. So no result depends on the tile that was chosen, nor on whether the dense or the sparse kernel was, as long as all
 * numbers are finite.
 */
#ifndef WN_KERNELS_LANES_PRODUCT_H
#define WN_KERNELS_LANES_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

/* What a run multiplies. Sparse: row r has the entries begin[r] .. end[r] - 1. Dense: each row has all `entries` of one list, and the value
 * of entry k in row r is value[entry[k] + r * row_stride]. */
typedef struct wn__lane_matrix {
    int64_t rows;
    const int64_t *begin, *end; /* (rows); sparse only */
    int64_t first, entries;     /* dense only: entries first .. entries - 1 */
    int64_t row_stride;         /* dense only */
    const int32_t *offset;      /* of an entry's input pixel from the run's first one */
    const int32_t *entry;       /* where an entry's value lies; NULL: value[k] */
    const float *value;
} wn__lane_matrix;

typedef struct wn__lane_product {
    wn__lane_matrix a;
    const float *in;
    int64_t in_row; /* from a run's row to its next; columns are the tile's stride apart */
    float *out;
    int64_t out_row, out_column, out_plane; /* of a run's rows and columns; of the matrix' rows */
    const int32_t *out_place;               /* (rows) instead of row * out_plane; NULL: not */
    const float *bias;                      /* (rows) where sums start; NULL: at zero */
    bool add;                               /* sums go on from what is in out (bias is not read) */
    bool relu;                              /* applied to the result; NaN passes */
    /* Dense only: from this run to the next one, which is fetched ahead: its output, and of its input what the entries first + fetch_first,
     * then every fetch_step-th one, read. fetch_step 0: not. */
    int64_t next_in, next_out, fetch_first, fetch_step;
} wn__lane_product;

/* sum[k] (16 floats for entry k) += out gradient * in, over the pixels of the run. Dense: sum[k + r * entries]. */
typedef struct wn__lane_gradient {
    wn__lane_matrix a; /* value is not read */
    const float *in;
    int64_t in_row;
    const float *dout; /* columns are next to each other */
    int64_t dout_row, dout_plane;
    float *sum;
    int64_t first_sum; /* sum begins with this entry */
    float *out;        /* `whole`: the sum over all 16 images as well, to out[k] */
} wn__lane_gradient;

/* A tile shape and the kernels for it. */
typedef struct wn__lane_tile {
    int rows, columns;
    int stride; /* of the input's columns; 0: any (one column) */
    int passes; /* over a row's entries: each takes an equal part of a pixel's lanes */
    void (*product)(const wn__lane_product *p);
    void (*gradient)(const wn__lane_gradient *g); /* NULL, as is `whole`: a tile for products only; these come last */
    void (*whole)(const wn__lane_gradient *g);    /* a run that is all there is: as gradient from zero sums, then reduce */
} wn__lane_tile;

typedef struct wn__lane_dense_tile {
    int rows, columns;
    int stride;
    int height; /* rows of the matrix that it multiplies at once */
    void (*product)(const wn__lane_product *p);
} wn__lane_dense_tile;

/* Dense gradient over a whole image: sum[r * entries + k] for rows of `a` and its entries; pixels in row order. dense_whole: from zero sums,
 * and over all 16 images as well, out[r * out_row + k]. */
typedef struct wn__lane_dense_gradient {
    wn__lane_gradient g; /* in_row: from an output row's input to the next one's */
    int64_t height, width, in_column;
    int64_t out_row;
} wn__lane_dense_gradient;

#define WN__BATCH_PIXELS 8

/* Windows of 3x3 around each pixel of images that are one run: see lanes_tiny.tmpl.h. Entries are sorted by row of the weight, then by tap:
 * those of row r and tap t are bound[r * WN__TAPS + t] .. bound[r * WN__TAPS + t + 1] - 1. A sum runs over them in that order, but for taps
 * that meet the border; a gradient over blocks, then pixels in row order, likewise. */
#define WN__TAPS 9
typedef struct wn__lane_tiny {
    int64_t rows;
    const int32_t *bound;  /* (rows * WN__TAPS + 1) */
    const int32_t *offset; /* of the input pixel that an entry's tap sees from pixel (0,0) of the first block; may be border */
    const float *value;    /* product only */
    const float *in;       /* borders are not read */
    int64_t in_block;
    float *out; /* product: to be written; pixel (0,0) */
    const float *dout;
    int64_t out_row, out_block, out_plane; /* of out or dout */
    const float *bias;                     /* product: as in wn__lane_product */
    bool add, relu;
    float *gradient; /* [k] = the sum of entry k over all images and pixels */
} wn__lane_tiny;

typedef struct wn__lane_tiny_tile {
    int blocks, rows, columns; /* of images; of an image */
    int in_row;                /* input pixels between rows */
    void (*product)(const wn__lane_tiny *p);
    void (*gradient)(const wn__lane_tiny *p);
} wn__lane_tiny_tile;

typedef struct wn__lane_products {
    const wn__lane_tile *tile; /* ends with rows == 0 */
    const wn__lane_dense_tile *dense;
    const wn__lane_tiny_tile *tiny; /* NULL: none */
    int vectors;                    /* registers that a pixel takes */
    double row_cost;                /* of a run's rows after the first, each: register operations of an entry that would take as long */
    int64_t tile_pixels;            /* of input, that rows of many entries are cut to: the first cache holds most of them */
    void (*dense_gradient)(const wn__lane_dense_gradient *g);
    void (*dense_whole)(const wn__lane_dense_gradient *g);
    void (*dense_batch)(const wn__lane_dense_gradient *g); /* the same of at most WN__BATCH_PIXELS pixels, a column: for many rows */
    /* out[i] = [out[i] +] sum of the 16 floats at sum + 16 i, in halves. */
    void (*reduce)(int64_t n, const float *sum, bool add, float *out);
} wn__lane_products;

const wn__lane_products *wn__lane_products_in_use(void); /* for the instruction set in use (base/cpu.h) */

#endif
