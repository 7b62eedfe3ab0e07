/* The gradient of a rectangle of a weight, stored or not, by the dense kernels: a few rows and columns at a time, so that all they work on
 * stays in the first cache. Sums run over the batch in another order than those of stored entries: the last bits may differ. */
#ifndef WN_BACKEND_SPARSE_TILE_GRADIENT_H
#define WN_BACKEND_SPARSE_TILE_GRADIENT_H

#include "backend/sparse/sparse_device.h"
#include "kernels/lanes_product.h"

/* Where a layer's pixels lie; distances in pixels. */
typedef struct wn__gradient_source {
    const wn__lane_products *kernels;
    const float *in, *dout;               /* of the first block: the pixels that the first tap and the first row meet */
    int64_t blocks, in_block, dout_block; /* of images; one if the batch is taken for an image's rows */
    int64_t height, width;                /* of the output */
    int64_t in_row, in_column;            /* input pixels between its rows and columns */
    int64_t dout_row, dout_plane;         /* output pixels between its rows, and between rows of the weight */
    int64_t group_rows;                   /* rows of the weight that share their inputs */
    const void *layer;
    /* Input pixels, counted from `in`, of entries [column, column + n) of a row. */
    void (*place)(const void *layer, int64_t row, int64_t column, int64_t n, int32_t *offset);
} wn__gradient_source;

/* Convolutions: sums of 16 images side by side, which become one float in the end. */
void wn__gradient_of_tile(const wn__gradient_source *s, const wn__weight_tile *tile, bool add, float *out /* (rows, columns) */);
void wn__gradient_of_conv(const wn__lane_products *kernels, const wn__op_desc *desc, const wn__op_args *args, const wn__weight_tile *tile,
                          float *out);
/* Linear layers, n images, `height` their blocks: columns side by side, so that nothing is left to add up; their inputs are transposed. */
void wn__gradient_of_batch(const wn__gradient_source *s, int64_t n, const wn__weight_tile *tile, bool add,
                           float *out /* (rows, columns) */);

#endif
