/* Which parameters a mask may prune (docs/methods.md). */
#ifndef WN_SPARSE_PRUNE_SELECTION_H
#define WN_SPARSE_PRUNE_SELECTION_H

#include "nn/graph_nodes.h"

typedef struct wn__selection {
    bool *selected; /* (count) by parameter index */
    int count;
    int first;           /* parameter of the network's first weight, selected or not */
    int64_t weights;     /* entries in selected parameters */
    int64_t all_weights; /* entries in all weights (conv and linear) */
} wn__selection;

/* One pattern per item, matched against parameter and node names (glob or `re:`), or one of the words
 *     default       all convolutions where they hold most of the weights; else all conv and linear but the last layer
 *     convolutions  linear  all  all-but-last
 *     first  last   the first and the last weight of the network
 *     depthwise     convolutions whose every channel is on its own (published sparse MobileNets keep them dense)
 * "!pattern" takes away again. None (items NULL or 0): default. A pattern that matches no weight is WN_EUSAGE with the names.
 * Only weights are ever selected. */
wn_status wn__selection_make(const wn_graph *graph, const char *const *items, int count, wn__selection *out);
void wn__selection_release(wn__selection *s); /* accepts a zeroed one */

/* Active entries and entries over the selection (weights), and over the network (all trained parameters). */
typedef struct wn__sparsity {
    int64_t selected, selected_active;
    int64_t network, network_active;
} wn__sparsity;
wn__sparsity wn__sparsity_measure(const wn__params *params, const wn__selection *selection /* NULL: all weights */);

#endif
