#include "nn/executor/lower.h"

#include <string.h>

#include "base/fail.h"

typedef struct lowering {
    const wn_graph *graph;
    int *consumers; /* per node: how many nodes (and the graph's output) read it */
    int *consumer;  /* per node: the last of them */
    bool *absorbed; /* per node: computed inside an operation emitted later */
    bool norms_in_convs;
} lowering;

static void count_consumers(lowering *l)
{
    const wn_graph *g = l->graph;
    for (int i = 0; i < g->nodes; i++)
        for (int s = 0; s < g->node[i].inputs; s++) {
            l->consumers[g->node[i].input[s]]++;
            l->consumer[g->node[i].input[s]] = i;
        }
    l->consumers[g->output]++;
}

/* The only consumer of node i if it has this trait, else -1. */
static int sole_consumer(const lowering *l, int i, unsigned trait)
{
    const bool fits = l->consumers[i] == 1 && i != l->graph->output && wn__node_has(&l->graph->node[l->consumer[i]], trait);
    return fits ? l->consumer[i] : -1;
}

/* The batch norm that an add takes in: the later of its operands that nobody else reads; -1 if there is none. */
static int norm_of_add(const lowering *l, int add)
{
    const wn__node *node = &l->graph->node[add];
    int best = -1;
    for (int s = 0; s < 2; s++) {
        const int i = node->input[s];
        const bool fits = wn__node_has(&l->graph->node[i], WN__NODE_TAKES_SUM) && sole_consumer(l, i, WN__NODE_IS_SUM) == add &&
                          node->input[0] != node->input[1];
        if (fits && i > best) best = i;
    }
    return best;
}

/* The batch norm that a node takes in, else itself. */
static int fuse_norm(const lowering *l, int i, wn__lowered *op)
{
    const bool takes = l->norms_in_convs && wn__node_has(&l->graph->node[i], WN__NODE_TAKES_NORM);
    const int norm = takes ? sole_consumer(l, i, WN__NODE_IS_NORM) : -1;
    if (norm < 0) return i;
    op->desc.norm = true;
    op->desc.eps = l->graph->node[norm].eps;
    memcpy(op->param + 2, l->graph->node[norm].param, 4 * sizeof *op->param);
    return norm;
}

/* Follow the fusable consumers of node i; returns the last node of the fused operation. */
static int fuse_forward(lowering *l, int i, wn__lowered *op)
{
    int last = fuse_norm(l, i, op);
    const unsigned traits = l->graph->node[last].kind->traits;
    if (traits & WN__NODE_TAKES_SUM) {
        const int norm = last, add = sole_consumer(l, norm, WN__NODE_IS_SUM);
        if (add >= 0 && norm_of_add(l, add) == norm) {
            const int *input = l->graph->node[add].input;
            op->in[1] = input[0] == norm ? input[1] : input[0];
            op->desc.inputs = 2;
            last = add;
        }
    }
    const int relu = traits & WN__NODE_TAKES_RELU ? sole_consumer(l, last, WN__NODE_IS_RELU) : -1;
    if (relu >= 0) {
        op->desc.relu = true;
        op->desc.relu_most = l->graph->node[relu].most;
        last = relu;
    }
    return last;
}

static void set_params(const lowering *l, int i, wn__lowered *op)
{
    const wn__node *node = &l->graph->node[i];
    op->trained = -1;
    op->weight = wn__graph_weight(l->graph, i);
    for (int k = 0; k < WN__PARAMS; k++) {
        op->param[k] = k < WN__NODE_PARAMS ? node->param[k] : -1;
        if (op->trained < 0 && op->param[k] >= 0 && wn__role_is_trained(l->graph->param[op->param[k]].role)) op->trained = op->param[k];
    }
}

static wn__lowered describe(const lowering *l, int i)
{
    const wn__node *node = &l->graph->node[i], *in = &l->graph->node[node->input[0]];
    wn__lowered op = {.node = i};
    op.desc = (wn__op_desc){.kind = node->kind->op,
                            .in_c = in->c,
                            .in_h = in->h,
                            .in_w = in->w,
                            .out_c = node->c,
                            .out_h = node->h,
                            .out_w = node->w,
                            .kernel_h = node->kernel_h,
                            .kernel_w = node->kernel_w,
                            .stride = node->stride,
                            .pad = node->pad,
                            .groups = node->groups,
                            .relu = wn__node_has(node, WN__NODE_IS_RELU),
                            .relu_most = node->most,
                            .bias = node->bias,
                            .inputs = node->inputs,
                            .eps = node->eps,
                            .momentum = node->momentum,
                            .rate = node->rate,
                            .node = i};
    for (int k = 0; k < WN__INPUTS; k++)
        op.in[k] = k < node->inputs ? node->input[k] : -1;
    set_params(l, i, &op);
    return op;
}

/* Operations are emitted where their last node stands, so that all their inputs exist by then. */
static int lower_nodes(lowering *l, wn__lowered *ops, wn__lowered *at_node)
{
    const wn_graph *g = l->graph;
    int count = 0;
    for (int i = 1; i < g->nodes; i++) { /* node 0 is the input */
        if (!l->absorbed[i]) {
            wn__lowered op = describe(l, i);
            op.out = fuse_forward(l, i, &op);
            for (int k = i; k != op.out;)
                l->absorbed[k = l->consumer[k]] = true;
            at_node[op.out] = op;
        }
        if (at_node[i].desc.inputs) ops[count++] = at_node[i];
    }
    return count;
}

wn_status wn__lower(const wn_graph *g, bool norms_in_convs, wn__lowered **ops, int *count)
{
    if (!g->finished || g->nodes < 2 || !wn__node_has(&g->node[0], WN__NODE_IS_INPUT))
        return wn__fail(WN_EINVAL, "graph %s: not finished, or without an input", g->name);
    lowering l = {.graph = g,
                  .norms_in_convs = norms_in_convs,
                  .consumers = WN_NEW_ARRAY(int, g->nodes),
                  .consumer = WN_NEW_ARRAY(int, g->nodes),
                  .absorbed = WN_NEW_ARRAY(bool, g->nodes)};
    wn__lowered *list = WN_NEW_ARRAY(wn__lowered, g->nodes), *at_node = WN_NEW_ARRAY(wn__lowered, g->nodes);
    const bool ok = l.consumers && l.consumer && l.absorbed && list && at_node;
    if (ok) {
        count_consumers(&l);
        *count = lower_nodes(&l, list, at_node);
        *ops = list;
    }
    wn__free(l.consumers);
    wn__free(l.consumer);
    wn__free(l.absorbed);
    wn__free(at_node);
    if (!ok) wn__free(list);
    return ok ? WN_OK : wn__no_memory((size_t)g->nodes * sizeof *list);
}
