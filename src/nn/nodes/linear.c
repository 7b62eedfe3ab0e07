/* Fully connected layer. */
#include "nn/graph_nodes.h"
#include "nn/node_window.h"

extern const wn__node_kind wn__node_linear;

static const wn__setting settings[] = {WN__NODE_NAMED,
                                       WN_SETTING_TEXT(wn__node_settings, out, NULL, "outputs, or \"classes\""),
                                       WN_SETTING_BOOL(wn__node_settings, bias, true, "add a bias per output"),
                                       {0}};

static bool make(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    (void)in;
    const int out = (int)s->channels;
    if (out < 1) return WN__NODE_REFUSE(g, "%s: out %d must be > 0", s->name && *s->name ? s->name : node->kind->name, out);
    node->c = out;
    node->h = node->w = 1;
    node->bias = s->bias;
    return true;
}

static const wn__node_kind *describe(const wn_graph *g, const wn__node *n, wn__node_settings *s)
{
    (void)g;
    s->bias = n->bias;
    return n->kind;
}

int wn_graph_linear(wn_graph *g, int x, const char *name, int out, bool bias)
{
    return wn__graph_add(g, &wn__node_linear, &x, 1, &(wn__node_settings){.name = name, .channels = out, .bias = bias});
}

static int dims(const wn__node *n, const wn__node *in, int slot, int64_t dim[4])
{
    dim[0] = n->c;
    if (slot > 0) return 1;
    dim[1] = wn__node_size(in);
    return 2;
}

static double constant(const wn__node_constant *c, int64_t k)
{
    bool zero;
    wn__node_filter_sum(c, k, &zero);
    return !zero ? (double)NAN : c->param[1] ? (double)c->param[1][k] : 0;
}

const wn__node_kind wn__node_linear = {
    .name = "linear",
    .summary = "fully connected layer; images are flattened by channel, row, column",
    .inputs = 1,
    .settings = settings,
    .always = "bias",
    .param = {{"weight", WN__WEIGHT}, {"bias", WN__BIAS}},
    .traits = WN__NODE_WEIGHS | WN__NODE_TAKES_RELU,
    .op = WN__OP_LINEAR,
    .channels = WN__CHANNELS_START,
    .layers = "linear",
    .make = make,
    .describe = describe,
    .dims = dims,
    .flow = wn__node_weight_flow,
    .flow_back = wn__node_weight_flow_back,
    .constant = constant,
};
