/* Channels of a network that belong together. Every node's output has channels; nodes that pass channels on one by one (batch norm, ReLU, pools,
 * dropout, depthwise convolutions) share theirs with their input, and an addition makes those of both inputs one. What is left are spaces:
 * removing channel k of a space means the same rows, columns, scales and statistics everywhere. */
#ifndef WN_SPARSE_BASIS_CHANNELS_H
#define WN_SPARSE_BASIS_CHANNELS_H

#include "nn/graph_nodes.h"

typedef struct wn__channel_space {
    int64_t channels, first; /* first: number of its channel 0 among all */
    bool fixed;              /* images, logits, or in groups: its channels have to stay */
    bool linked;             /* a residual link adds to it */
} wn__channel_space;

/* A parameter is [rows][columns][block]: rows are channels of the space `row`, columns of `column`. */
typedef struct wn__channel_axes {
    int row, column; /* column -1: none */
    int64_t rows, columns, block;
} wn__channel_axes;

typedef struct wn__channels {
    int *of_node; /* (nodes) space */
    wn__channel_space *space;
    int spaces;
    int64_t all;            /* channels of all spaces */
    wn__channel_axes *axes; /* (params) */
} wn__channels;

wn_status wn__channels_make(const wn_graph *graph, wn__channels *out);
void wn__channels_release(wn__channels *c); /* accepts a zeroed one */

/* Is the entry in a row or column of a channel that is marked (all)? */
static inline bool wn__channel_marked(const wn__channels *c, const wn__channel_axes *a, const bool *mark, int64_t entry)
{
    if (mark[c->space[a->row].first + entry / (a->columns * a->block)]) return true;
    return a->column >= 0 && mark[c->space[a->column].first + entry / a->block % a->columns];
}

#endif
