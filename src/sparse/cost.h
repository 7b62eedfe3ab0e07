/* FLOPs and bytes (protocol.md, section 5): 2 per multiply-add, convolutions and linear layers; training = 3 x forward.
 * Batch norm, activations, pools, biases and the loss are left out. */
#ifndef WN_SPARSE_COST_H
#define WN_SPARSE_COST_H

#include "nn/graph_nodes.h"

typedef struct wn__layer_cost {
    const char *name; /* of the weight; borrowed from the parameters */
    int64_t weights, active;
    int64_t dense_flops, flops; /* forward, one image */
} wn__layer_cost;

typedef struct wn__cost {
    wn__layer_cost *layer; /* every conv and linear weight, in graph order */
    int layers;
    int64_t parameters, active; /* trained scalars of the network */
    int64_t dense_flops, flops; /* forward, one image */
    int64_t training_flops;     /* 3 x flops: forward and backward, one image */
    int64_t dense_bytes;        /* 4 a parameter */
    int64_t bytes;              /* stored values + pattern: per weight the smallest of 4 a value dense; 4 a value + one bit an entry;
                                             4 a value + 4 an index + 4 a row. Other parameters dense. Running statistics are counted too. */
} wn__cost;

wn_status wn__cost_make(const wn_graph *graph, const wn__params *params, wn__cost *out);
void wn__cost_release(wn__cost *c); /* accepts a zeroed one */

#endif
