/* How an image is cut into runs: tiles of output pixels that a kernel keeps in registers. */
#ifndef WN_BACKEND_SPARSE_TILING_H
#define WN_BACKEND_SPARSE_TILING_H

#include "kernels/lanes_product.h"
#include "winnow/core.h"

typedef struct wn__run {
    int y, x;  /* its first pixel */
    int shape; /* index into the kernels' tiles */
} wn__run;

typedef struct wn__tiling {
    wn__run *run; /* strip by strip */
    int64_t runs;
    int rows, columns; /* of the largest run */
} wn__tiling;

/* A shape that kernels exist for. */
typedef struct wn__tile_shape {
    int rows, columns, stride; /* stride 0: any */
    int height;                /* rows of a dense matrix that its kernel multiplies at once; 0: sparse */
    int passes;                /* sparse only: over a row's entries */
} wn__tile_shape;

typedef struct wn__tiling_request {
    int64_t h, w;
    int stride;
    bool in_row_order; /* visit pixels row by row: only strips of one row, or tiles as wide as the image */
    int vectors;       /* registers of a pixel */
    double row_cost;   /* of the kernels */
    int64_t matrix;    /* rows of a dense matrix */
    const wn__tile_shape *shape;
    int shapes;
} wn__tiling_request;

wn_status wn__tiling_make(const wn__tiling_request *request, wn__tiling *out);
void wn__tiling_release(wn__tiling *t); /* accepts a zeroed one */

/* The same for the kernels' sparse and dense tiles; a run's shape is an index into them. */
wn_status wn__tiling_sparse(const wn__lane_products *kernels, int64_t h, int64_t w, int stride, bool in_row_order, wn__tiling *out);
wn_status wn__tiling_dense(const wn__lane_products *kernels, int64_t h, int64_t w, int stride, int64_t matrix_rows, wn__tiling *out);

#endif
