/* Networks made smaller in fact: the same function to rounding, from fewer and smaller layers.
 *
 *     split    layers under svd or low-rank (src/sparse/basis/basis_map.h) become two thin ones, NAME.down without bias and NAME.up: a convolution of r
 *              filters and one of 1x1; where both were not smaller they become one dense layer again
 *     removed  channels that are zero wherever they are read (rows, biases, batch norm's scale and shift are zero), or that are read by
 *              zeros alone, through residual links too; again until none is left. Every space keeps one
 * Masks over what is left stay; coefficients of other bases become weights.
 *
 * wn__shrink_folding also removes channels that are one number everywhere (sparse/constants.h), and adds what their readers make of it to the readers' biases,
 * which they get where they had none. Through a border of zeros only 0 passes so: with another number the channel stays.
 */
#ifndef WN_SPARSE_SHRINK_H
#define WN_SPARSE_SHRINK_H

#include "nn/graph_nodes.h"

typedef struct wn__shrunk {
    wn_graph *graph;
    wn__params params;
    int64_t channels; /* removed */
    int64_t stay;     /* channels of one number that a border of zeros keeps; of wn__shrink_folding */
    int layers;       /* split */
} wn__shrunk;
wn_status wn__shrink(const wn_graph *graph, const wn__params *params, wn__shrunk *out);
wn_status wn__shrink_folding(const wn_graph *graph, const wn__params *params, wn__shrunk *out);
void wn__shrunk_release(wn__shrunk *s); /* accepts a zeroed one */

#endif
