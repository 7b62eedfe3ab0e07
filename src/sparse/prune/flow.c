#include "sparse/prune/flow.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

typedef struct flow {
    const wn_graph *graph;
    const wn__params *params;
    double *const *score;
    double **value, **gradient; /* (nodes) of one image */
    double *weight;             /* of the node at work: absolute values */
    wn__pool *threads;
} flow;

static void load_weight(const flow *f, int index)
{
    const wn__param *p = &f->params->item[index];
    for (int64_t e = 0; e < p->stored; e++)
        f->weight[e] = p->mask && !p->mask[e] ? 0 : fabs((double)p->value[e]);
}

static wn__node_flow flow_of(const flow *f, int index)
{
    const wn__node *n = &f->graph->node[index];
    const int weight = wn__graph_weight(f->graph, index);
    wn__node_flow of = {.node = n, .out = f->value[index], .dout = f->gradient[index], .threads = f->threads};
    for (int k = 0; k < n->inputs; k++) {
        of.from[k] = &f->graph->node[n->input[k]];
        of.in[k] = f->value[n->input[k]];
        of.din[k] = f->gradient[n->input[k]];
    }
    for (int k = 0; k < WN__NODE_PARAMS; k++)
        if (n->param[k] >= 0) of.param[k] = &f->params->item[n->param[k]];
    if (weight < 0) return of;
    load_weight(f, weight);
    of.weight = f->weight;
    of.score = f->score[weight];
    return of;
}

static void run(flow *f, double *total)
{
    const wn_graph *g = f->graph;
    for (int i = 0; i < g->nodes; i++) {
        const wn__node_flow of = flow_of(f, i);
        g->node[i].kind->flow(&of);
    }
    *total = 0;
    for (int64_t k = 0; k < wn__node_size(&g->node[g->output]); k++) {
        *total += f->value[g->output][k];
        f->gradient[g->output][k] = 1;
    }
    for (int i = g->nodes - 1; i >= 0; i--) {
        const wn__node_flow of = flow_of(f, i);
        g->node[i].kind->flow_back(&of);
    }
}

static void release(flow *f)
{
    for (int i = 0; i < f->graph->nodes; i++) {
        if (f->value) wn__free(f->value[i]);
        if (f->gradient) wn__free(f->gradient[i]);
    }
    wn__free(f->value);
    wn__free(f->gradient);
    wn__free(f->weight);
}

static bool make_arrays(flow *f)
{
    int64_t largest_weight = 1;
    for (int i = 0; i < f->params->count; i++)
        if (f->params->item[i].count > largest_weight) largest_weight = f->params->item[i].count;
    f->value = WN_NEW_ARRAY(double *, f->graph->nodes);
    f->gradient = WN_NEW_ARRAY(double *, f->graph->nodes);
    f->weight = WN_NEW_ARRAY(double, largest_weight);
    bool made = f->value && f->gradient && f->weight;
    for (int i = 0; made && i < f->graph->nodes; i++) {
        f->value[i] = WN_NEW_ARRAY(double, wn__node_size(&f->graph->node[i]));
        f->gradient[i] = WN_NEW_ARRAY(double, wn__node_size(&f->graph->node[i]));
        made = f->value[i] && f->gradient[i];
    }
    return made;
}

static wn_status check_nodes(const wn_graph *g)
{
    for (int i = 0; i < g->nodes; i++)
        if (!g->node[i].kind->flow)
            return wn__fail(WN_EUNSUPPORTED, "%s: no synaptic flow goes through nodes of kind %s", g->node[i].name, g->node[i].kind->name);
    return WN_OK;
}

static wn_status check_weights(const wn__params *params, double *const *score)
{
    for (int i = 0; i < params->count; i++) {
        if (params->item[i].pattern || params->item[i].map)
            return wn__fail(WN_EUNSUPPORTED, "%s: synaptic flow is computed over dense weights", params->item[i].name);
        if (score[i]) memset(score[i], 0, (size_t)params->item[i].stored * sizeof(double));
    }
    return WN_OK;
}

wn_status wn__flow_scores(const wn_graph *graph, const wn__params *params, wn__pool *pool, double *const *score, double *total)
{
    flow f = {.graph = graph, .params = params, .score = score, .threads = pool};
    WN_TRY(check_nodes(graph));
    WN_TRY(check_weights(params, score));
    const bool made = make_arrays(&f);
    if (made) run(&f, total);
    release(&f);
    return made ? WN_OK : wn__no_memory((size_t)graph->nodes * sizeof(double *));
}
