/* Lowering: a graph of nodes becomes a list of fused operations in execution order.
 *
 * Fused: conv|linear + relu, batch norm [+ add] [+ relu], add + relu, wherever the node in between has no other consumer.
 * A tensor is named by the node that makes it; the inner tensors of a fused operation are never made.
 */
#ifndef WN_NN_EXECUTOR_LOWER_H
#define WN_NN_EXECUTOR_LOWER_H

#include "backend/backend.h"
#include "nn/graph_nodes.h"

typedef struct wn__lowered {
    wn__op_desc desc;   /* desc.n is set when prepared */
    int in[WN__INPUTS]; /* tensors = node indices; -1 = none */
    int out;
    int param[WN__PARAMS]; /* parameter indices, -1 = none */
    int trained;           /* of these: one that has a gradient; -1 = none */
    int weight;            /* ... the weight, which is param[0]; -1 = none */
    int node;              /* first of the fused nodes: names the operation in messages */
} wn__lowered;

/* ops: array of *count, to be freed with wn__free. norms_in_convs: for inference on devices that want it, batch norms and what they take are
 * fused into convolutions. */
wn_status wn__lower(const wn_graph *graph, bool norms_in_convs, wn__lowered **ops, int *count);

#endif
