/* Channels whose output is one number everywhere in the image, whatever the network's input is: what is left where a filter's weights are all zero. Batch norm works by its
 * running statistics. */
#ifndef WN_SPARSE_CONSTANTS_H
#define WN_SPARSE_CONSTANTS_H

#include "nn/graph_nodes.h"

typedef struct wn__constants {
    double **of_node; /* (nodes) (channels of its output); NaN: it varies */
    int nodes;
} wn__constants;

/* `values` (params): dense weights, and all else as it is. */
wn_status wn__constants_find(const wn_graph *graph, const float *const *values, wn__constants *out);
void wn__constants_release(wn__constants *c); /* accepts a zeroed one */

#endif
