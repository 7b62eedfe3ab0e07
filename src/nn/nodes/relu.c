/* The larger of the value and 0, with an upper bound if it has one. */
#include "nn/graph_nodes.h"

extern const wn__node_kind wn__node_relu;

static const wn__setting settings[] = {
    WN__NODE_LABELS, WN_SETTING_FLOAT(wn__node_settings, max, 0, 0, 1e30, "upper bound of the output (ReLU6: 6); 0: none"), {0}};

static bool make(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    const float most = (float)s->max;
    if (s->max != 0 && !(s->max > 0 && isfinite(most) && most > 0)) return WN__NODE_REFUSE(g, "relu: upper bound %g, must be > 0", s->max);
    node->most = most;
    return wn__node_keep_shape(g, in, s, node);
}

static const wn__node_kind *describe(const wn_graph *g, const wn__node *n, wn__node_settings *s)
{
    (void)g;
    s->max = (double)n->most;
    return n->kind;
}

int wn_graph_relu(wn_graph *g, int x) { return wn__graph_add(g, &wn__node_relu, &x, 1, &(wn__node_settings){0}); }

/* 0 is no bound for a node, and a wrong one for who asks for a bound. */
int wn_graph_clipped_relu(wn_graph *g, int x, double most)
{
    return wn__graph_add(g, &wn__node_relu, &x, 1, &(wn__node_settings){.max = most == 0 ? -1.0 : most});
}

/* Without the bound. */
static void flow(const wn__node_flow *f)
{
    for (int64_t k = 0; k < wn__node_size(f->node); k++)
        f->out[k] = f->in[0][k] > 0 ? f->in[0][k] : 0;
}

static void flow_back(const wn__node_flow *f)
{
    for (int64_t k = 0; k < wn__node_size(f->node); k++)
        if (f->in[0][k] > 0) f->din[0][k] += f->dout[k];
}

static double constant(const wn__node_constant *c, int64_t k)
{
    const double in = c->in[0][k], most = (double)c->node->most;
    if (isnan(in)) return in;
    return in < 0 ? 0 : most > 0 && in > most ? most : in;
}

const wn__node_kind wn__node_relu = {
    .name = "relu",
    .summary = "the larger of the value and 0",
    .inputs = 1,
    .settings = settings,
    .always = "max",
    .traits = WN__NODE_IS_RELU,
    .op = WN__OP_ADD,
    .channels = WN__CHANNELS_PASS,
    .make = make,
    .describe = describe,
    .flow = flow,
    .flow_back = flow_back,
    .constant = constant,
};
