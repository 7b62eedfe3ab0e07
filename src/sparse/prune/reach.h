/* Does the input of a network with masks reach its output over weights that are left? */
#ifndef WN_SPARSE_PRUNE_REACH_H
#define WN_SPARSE_PRUNE_REACH_H

#include "nn/graph_nodes.h"

/* WN_EUSAGE, and where it ends, if no path does: then the output is the same for every input. Masks are over weights, dense or compressed. */
wn_status wn__reach_check(const wn_graph *graph, const wn__params *params);

#endif
