#include "sparse/prune/reach.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* By node: which of its channels the input reaches. */
typedef struct reach {
    const wn_graph *graph;
    const wn__params *params;
    bool **live; /* (nodes) of (c) each */
} reach;

static bool is_kept(const wn__param *p, int64_t row, int64_t column)
{
    const int64_t columns = p->count / p->dim[0];
    if (p->pattern) return wn__pattern_find(p->pattern, row, column) >= 0;
    return !p->mask || p->mask[row * columns + column];
}

/* Output `out` of a convolution or linear layer: over any entry that is left from any channel that is reached. */
static bool is_reached(const reach *r, const wn__node *n, int weight, int64_t out)
{
    const wn__param *p = &r->params->item[weight];
    const wn__node *in = &r->graph->node[n->input[0]];
    const int64_t columns = p->count / p->dim[0], groups = n->groups > 0 ? n->groups : 1;
    const int64_t inputs = in->c / groups, window = columns / inputs, first = out / (n->c / groups) * inputs;
    for (int64_t column = 0; column < columns; column++)
        if (r->live[n->input[0]][first + column / window] && is_kept(p, out, column)) return true;
    return false;
}

/* False: nothing reaches the node. */
static bool mark(reach *r, int index)
{
    const wn__node *n = &r->graph->node[index];
    const int weight = wn__graph_weight(r->graph, index);
    bool any = false;
    for (int64_t c = 0; c < n->c; c++) {
        bool live = wn__node_has(n, WN__NODE_IS_INPUT);
        if (weight >= 0)
            live = is_reached(r, n, weight, c);
        else
            for (int i = 0; i < n->inputs; i++)
                live = live || r->live[n->input[i]][c];
        r->live[index][c] = live;
        any = any || live;
    }
    return any;
}

wn_status wn__reach_check(const wn_graph *graph, const wn__params *params)
{
    reach r = {graph, params, WN_NEW_ARRAY(bool *, graph->nodes)};
    const char *end = NULL; /* the first layer that nothing comes through */
    wn_status status = r.live ? WN_OK : wn__no_memory((size_t)graph->nodes * sizeof *r.live);
    for (int i = 0; status == WN_OK && i < graph->nodes; i++) {
        r.live[i] = WN_NEW_ARRAY(bool, graph->node[i].c);
        if (!r.live[i])
            status = wn__no_memory((size_t)graph->node[i].c);
        else if (!mark(&r, i) && !end)
            end = graph->node[i].name;
    }
    bool reached = false;
    for (int64_t c = 0; status == WN_OK && c < graph->node[graph->output].c; c++)
        reached = reached || r.live[graph->output][c];
    for (int i = 0; r.live && i < graph->nodes; i++)
        wn__free(r.live[i]);
    wn__free(r.live);
    if (status != WN_OK || reached) return status;
    return wn__fail(
        WN_EUSAGE,
        "no path of weights that are left leads from the input to the output: it ends before %s, and every input would give the same "
        "output; prune less, or mask.empty: keep-one",
        end ? end : "the output");
}
