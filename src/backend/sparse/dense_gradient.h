/* The gradient of a weight by the dense kernels: of all entries, or of the stored ones among them. The same bits as the sparse kernels'. */
#ifndef WN_BACKEND_SPARSE_DENSE_GRADIENT_H
#define WN_BACKEND_SPARSE_DENSE_GRADIENT_H

#include "kernels/lanes_product.h"
#include "tensor/pattern.h"

typedef struct wn__dense_gradient {
    const wn__lane_products *kernels;
    wn__lane_dense_gradient image; /* of the weight's first row; g.a, g.sum and g.out are not read */
    int64_t columns;
    const int32_t *offset;      /* (columns) */
    int64_t pixels;             /* of the input, that an entry adds to what a few entries read */
    const wn__pattern *pattern; /* NULL: every entry */
    float *out;                 /* (rows, columns), or the pattern's entries */
    bool add;                   /* to what is in out */
} wn__dense_gradient;

/* Rows [row, end). Several threads may work on different ones. */
void wn__dense_gradient_rows(const wn__dense_gradient *g, int64_t row, int64_t end);

#endif
