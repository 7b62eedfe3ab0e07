/* Values drop out while training. */
#include "nn/graph_nodes.h"

extern const wn__node_kind wn__node_dropout;

static const wn__setting settings[] = {
    WN__NODE_LABELS, WN_SETTING_FLOAT(wn__node_settings, rate, 0.5, 0, 0.999, "fraction that is dropped"), {0}};

static bool make(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    if (!(s->rate >= 0 && s->rate < 1)) return WN__NODE_REFUSE(g, "dropout: rate %g must be in [0, 1)", s->rate);
    node->rate = (float)s->rate;
    return wn__node_keep_shape(g, in, s, node);
}

static const wn__node_kind *describe(const wn_graph *g, const wn__node *n, wn__node_settings *s)
{
    (void)g;
    s->rate = (double)n->rate;
    return n->kind;
}

int wn_graph_dropout(wn_graph *g, int x, double rate)
{
    return wn__graph_add(g, &wn__node_dropout, &x, 1, &(wn__node_settings){.rate = rate});
}

static double constant(const wn__node_constant *c, int64_t k) { return c->in[0][k]; }

const wn__node_kind wn__node_dropout = {
    .name = "dropout",
    .summary = "values drop out while training",
    .inputs = 1,
    .settings = settings,
    .always = "rate",
    .traits = WN__NODE_TRAINS_ONLY,
    .op = WN__OP_DROPOUT,
    .channels = WN__CHANNELS_PASS,
    .make = make,
    .describe = describe,
    .flow = wn__node_flow_same,
    .flow_back = wn__node_flow_same_back,
    .constant = constant,
};
