/* The images. */
#include "nn/graph_nodes.h"

extern const wn__node_kind wn__node_input;

static bool make(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    (void)in, (void)s;
    node->c = g->c;
    node->h = g->h;
    node->w = g->w;
    return true;
}

int wn_graph_input(wn_graph *g)
{
    if (!g || g->status != WN_OK) return -1;
    if (g->nodes) return wn__graph_refuse(g, wn__fail(WN_EINVAL, "graph %s: the input must be its first node", g->name));
    return wn__graph_add(g, &wn__node_input, NULL, 0, &(wn__node_settings){.name = "input"});
}

/* Synaptic flow begins with an image of ones. */
static void flow(const wn__node_flow *f)
{
    for (int64_t k = 0; k < wn__node_size(f->node); k++)
        f->out[k] = 1;
}

static void flow_back(const wn__node_flow *f) { (void)f; }

const wn__node_kind wn__node_input = {
    .name = "input",
    .summary = "the images",
    .traits = WN__NODE_IS_INPUT,
    .op = WN__OPS, /* none */
    .channels = WN__CHANNELS_START,
    .make = make,
    .flow = flow,
    .flow_back = flow_back,
};
