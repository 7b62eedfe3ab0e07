#include "analysis/tail.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "network/network.h"

/* No statistics, nothing drawn. */
static bool is_plain(const wn__node *n) { return !wn__node_has(n, WN__NODE_IS_NORM | WN__NODE_TRAINS_ONLY); }

bool wn__is_chain(const wn_graph *g)
{
    int params = 0;
    for (int i = 1; i < g->nodes; i++) {
        const wn__node *n = &g->node[i];
        if (!is_plain(n) || n->inputs != 1 || n->input[0] != i - 1) return false;
        for (int k = 0; k < WN__NODE_PARAMS; k++)
            if (n->param[k] >= 0 && n->param[k] != params++) return false;
    }
    return g->nodes > 1 && wn__node_has(&g->node[0], WN__NODE_IS_INPUT) && g->output == g->nodes - 1 && params == g->params;
}

int wn__next_layer(const wn_graph *g, int node)
{
    for (int i = node + 1; i < g->nodes; i++)
        if (g->node[i].param[0] >= 0) return i;
    return -1;
}

static int add_copy(wn_graph *to, int x, const wn_graph *from, int node)
{
    wn__node_settings s;
    const wn__node_kind *kind = wn__graph_describe(from, node, &s);
    return wn__graph_add(to, kind, &x, 1, &s);
}

/* Nodes first to before end, behind the output of the node before. */
static wn_status copy_nodes(const wn_graph *g, int first, int end, wn_graph **out)
{
    const wn__node *before = &g->node[first - 1];
    wn_graph *copy = wn_graph_new(g->name, (int)before->c, (int)before->h, (int)before->w);
    if (!copy) return wn__no_memory(sizeof *before);
    int x = wn_graph_input(copy);
    for (int i = first; i < end; i++)
        x = add_copy(copy, x, g, i);
    wn_status status = copy->status != WN_OK ? wn__fail(copy->status, "%s", copy->message ? copy->message : "out of memory") : WN_OK;
    if (status == WN_OK && end == g->nodes) status = wn_graph_finish(copy, x);
    if (status != WN_OK) {
        wn_graph_free(copy);
        return status;
    }
    copy->output = x; /* of a head: activations, not logits */
    copy->finished = true;
    *out = copy;
    return WN_OK;
}

/* Parameters of `to` are those of `from` from `offset` on. */
static wn_status copy_params(const wn__params *from, int offset, wn__params *to)
{
    for (int i = 0; i < to->count; i++) {
        const wn__param *p = &from->item[offset + i];
        memcpy(to->item[i].value, p->value, (size_t)p->count * sizeof *p->value);
        if (p->mask) WN_TRY(wn__param_set_mask(&to->item[i], p->mask));
    }
    to->version++;
    return WN_OK;
}

static wn_status run_head(const wn_graph *head, const wn__params *params, wn__device *device, const wn__sample *s, float *out)
{
    wn__network net;
    wn_status status = wn__network_make(head, &net);
    if (status == WN_OK) status = copy_params(params, 0, &net.params);
    if (status == WN_OK) status = wn__network_start(&net, device, &(wn__executor_options){.batch = s->n});
    if (status == WN_OK) status = wn__executor_infer(net.ex, s->images, s->n, (wn__step_info){0}, out);
    wn__network_release(&net);
    return status;
}

static wn_status make_sample(const wn_graph *g, const wn__params *params, int node, wn__device *device, const wn__sample *s,
                             wn__sample *out)
{
    const wn__node *before = &g->node[node - 1];
    const int64_t size = s->n * before->c * before->h * before->w;
    wn_graph *head;
    *out = (wn__sample){.n = s->n, .classes = s->classes, .images = WN_NEW_ARRAY(float, size), .pool = s->pool};
    if (!out->images) return wn__no_memory((size_t)size * sizeof(float));
    WN_TRY(wn__targets_alloc(s->targets.kind, s->targets.width, s->n, &out->targets));
    wn__targets_copy(&out->targets, 0, &s->targets, 0, s->n);
    if (node == 1) {
        memcpy(out->images, s->images, (size_t)size * sizeof *s->images);
        return WN_OK;
    }
    WN_TRY(copy_nodes(g, 1, node, &head));
    const wn_status status = run_head(head, params, device, s, out->images);
    wn_graph_free(head);
    return status;
}

wn_status wn__tail_make(const wn_graph *graph, const wn__params *params, int node, wn__device *device, const wn__sample *sample,
                        wn__tail *out)
{
    wn__tail t = {0};
    wn_status status = copy_nodes(graph, node, graph->nodes, &t.graph);
    if (status == WN_OK) status = wn__graph_make_params(t.graph, &t.params);
    if (status == WN_OK) status = copy_params(params, graph->params - t.graph->params, &t.params);
    if (status == WN_OK) status = make_sample(graph, params, node, device, sample, &t.sample);
    if (status == WN_OK)
        *out = t;
    else
        wn__tail_release(&t);
    return status;
}

void wn__tail_release(wn__tail *t)
{
    wn__params_release(&t->params);
    wn__sample_release(&t->sample);
    wn_graph_free(t->graph);
    *t = (wn__tail){0};
}
