#include "sparse/constants.h"

#include <math.h>

#include "base/alloc.h"
#include "base/fail.h"

static void find(const wn_graph *g, const float *const *values, int index, double *const *found)
{
    const wn__node *n = &g->node[index];
    const int weight = wn__graph_weight(g, index);
    wn__node_constant c = {.node = n, .from = &g->node[n->input[0]], .weights = 1};
    for (int k = 0; k < n->inputs; k++)
        c.in[k] = found[n->input[k]];
    for (int k = 0; k < WN__NODE_PARAMS; k++)
        c.param[k] = n->param[k] < 0 ? NULL : values[n->param[k]];
    for (int d = 1; weight >= 0 && d < g->param[weight].ndim; d++)
        c.weights *= g->param[weight].dim[d];
    for (int64_t k = 0; k < n->c; k++)
        found[index][k] = n->kind->constant ? n->kind->constant(&c, k) : (double)NAN;
}

wn_status wn__constants_find(const wn_graph *graph, const float *const *values, wn__constants *out)
{
    wn__constants c = {.of_node = WN_NEW_ARRAY(double *, graph->nodes), .nodes = graph->nodes};
    if (!c.of_node) return wn__no_memory((size_t)graph->nodes * sizeof *c.of_node);
    for (int i = 0; i < graph->nodes; i++) {
        const wn__node *n = &graph->node[i];
        if (!(c.of_node[i] = WN_NEW_ARRAY(double, n->c))) {
            wn__constants_release(&c);
            return wn__no_memory((size_t)n->c * sizeof(double));
        }
        find(graph, values, i, c.of_node);
    }
    *out = c;
    return WN_OK;
}

void wn__constants_release(wn__constants *c)
{
    for (int i = 0; c->of_node && i < c->nodes; i++)
        wn__free(c->of_node[i]);
    wn__free(c->of_node);
    *c = (wn__constants){0};
}
