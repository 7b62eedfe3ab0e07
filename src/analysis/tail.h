/* Networks that are chains (each node reads the one before, no statistics, nothing drawn), cut before one of their layers: the tail is a network of its own
 * whose images are what arrives there. Second derivatives by the tail's parameters are the same, and cost the tail alone. */
#ifndef WN_ANALYSIS_TAIL_H
#define WN_ANALYSIS_TAIL_H

#include "analysis/gradient.h"

/* Convolutions, linear layers, ReLUs and pooling, one after the other, with parameters of their own. */
bool wn__is_chain(const wn_graph *graph);
/* First node behind `node` (0: from the start) that has parameters; -1: none. */
int wn__next_layer(const wn_graph *graph, int node);

/* The graph from `node` on, its parameters with the values and masks of `params` (dense), and the sample as it arrives there. Release all three. */
typedef struct wn__tail {
    wn_graph *graph;
    wn__params params;
    wn__sample sample;
} wn__tail;
wn_status wn__tail_make(const wn_graph *graph, const wn__params *params, int node, wn__device *device, const wn__sample *sample,
                        wn__tail *out);
void wn__tail_release(wn__tail *t); /* accepts a zeroed one */

#endif
