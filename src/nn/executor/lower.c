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

static wn__op_kind op_kind(wn__node_kind kind)
{
    static const wn__op_kind kinds[] = {
        [WN__CONV] = WN__OP_CONV, [WN__LINEAR] = WN__OP_LINEAR,     [WN__BATCH_NORM] = WN__OP_NORM,   [WN__RELU] = WN__OP_ADD,
        [WN__ADD] = WN__OP_ADD,   [WN__MAX_POOL] = WN__OP_MAX_POOL, [WN__AVG_POOL] = WN__OP_AVG_POOL, [WN__DROPOUT] = WN__OP_DROPOUT};
    return kinds[kind];
}

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

/* The only consumer of node i if it is of this kind, else -1. */
static int sole_consumer(const lowering *l, int i, wn__node_kind kind)
{
    const bool fits = l->consumers[i] == 1 && i != l->graph->output && l->graph->node[l->consumer[i]].kind == kind;
    return fits ? l->consumer[i] : -1;
}

/* The batch norm that an add takes in: the later of its operands that nobody else reads; -1 if there is none. */
static int norm_of_add(const lowering *l, int add)
{
    const wn__node *node = &l->graph->node[add];
    int best = -1;
    for (int s = 0; s < 2; s++) {
        const int i = node->input[s];
        const bool fits =
            l->graph->node[i].kind == WN__BATCH_NORM && sole_consumer(l, i, WN__ADD) == add && node->input[0] != node->input[1];
        if (fits && i > best) best = i;
    }
    return best;
}

/* Of a convolution: the batch norm that it takes in, else itself. */
static int fuse_norm(const lowering *l, int i, wn__lowered *op)
{
    const int norm = l->norms_in_convs && op->desc.kind == WN__OP_CONV ? sole_consumer(l, i, WN__BATCH_NORM) : -1;
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
    const wn__node_kind kind = l->graph->node[last].kind;
    if (kind == WN__BATCH_NORM) {
        const int norm = last, add = sole_consumer(l, norm, WN__ADD);
        if (add >= 0 && norm_of_add(l, add) == norm) {
            const int *input = l->graph->node[add].input;
            op->in[1] = input[0] == norm ? input[1] : input[0];
            op->desc.inputs = 2;
            last = add;
        }
    }
    const bool takes_relu = kind == WN__CONV || kind == WN__LINEAR || kind == WN__BATCH_NORM || kind == WN__ADD;
    const int relu = takes_relu ? sole_consumer(l, last, WN__RELU) : -1;
    if (relu >= 0) {
        op->desc.relu = true;
        op->desc.relu_most = l->graph->node[relu].most;
        last = relu;
    }
    return last;
}

static wn__lowered describe(const lowering *l, int i)
{
    const wn__node *node = &l->graph->node[i], *in = &l->graph->node[node->input[0]];
    wn__lowered op = {.node = i, .in = {node->input[0], node->inputs > 1 ? node->input[1] : -1}};
    op.desc = (wn__op_desc){.kind = op_kind(node->kind),
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
                            .relu = node->kind == WN__RELU,
                            .relu_most = node->most,
                            .bias = node->bias,
                            .inputs = node->inputs,
                            .eps = node->eps,
                            .momentum = node->momentum,
                            .rate = node->rate,
                            .node = i};
    for (int k = 0; k < WN__PARAMS; k++)
        op.param[k] = k < 4 ? node->param[k] : -1;
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
    if (!g->finished || g->nodes < 2 || g->node[0].kind != WN__INPUT)
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
