/* Networks made smaller in fact: the same function to rounding, from fewer and smaller layers.
 *
 *     split    layers under svd or low-rank (src/sparse/basis/basis_map.h) become two thin ones, NAME.down without bias and NAME.up: a convolution of r
 *              filters and one of 1x1; where both were not smaller they become one dense layer again
 *     removed  channels that are zero wherever they are read (rows, biases, batch norm's scale and shift are zero), or that are read by
 *              zeros alone, through residual links too; again until none is left. Every space keeps one
 * Masks over what is left stay; coefficients of other bases become weights.
 */
#ifndef WN_SPARSE_SHRINK_H
#define WN_SPARSE_SHRINK_H

#include "nn/graph_nodes.h"

typedef struct wn__shrunk {
    wn_graph *graph;
    wn__params params;
    int64_t channels; /* removed */
    int layers;       /* split */
} wn__shrunk;
wn_status wn__shrink(const wn_graph *graph, const wn__params *params, wn__shrunk *out);
void wn__shrunk_release(wn__shrunk *s); /* accepts a zeroed one */

#endif
