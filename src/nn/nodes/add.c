/* The sum of two values of one shape. */
#include "nn/graph_nodes.h"

extern const wn__node_kind wn__node_add;

static const wn__setting settings[] = {WN__NODE_LABELS, {0}};

static bool make(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    const wn__node *a = in[0], *b = in[1];
    if (a->c != b->c || a->h != b->h || a->w != b->w)
        return WN__NODE_REFUSE(g, "add: %s is %lld x %lld x %lld, %s is %lld x %lld x %lld; shapes must be equal", a->name, (long long)a->c,
                               (long long)a->h, (long long)a->w, b->name, (long long)b->c, (long long)b->h, (long long)b->w);
    return wn__node_keep_shape(g, in, s, node);
}

int wn_graph_add(wn_graph *g, int x, int y) { return wn__graph_add(g, &wn__node_add, (const int[]){x, y}, 2, &(wn__node_settings){0}); }

static void flow(const wn__node_flow *f)
{
    for (int64_t k = 0; k < wn__node_size(f->node); k++)
        f->out[k] = f->in[0][k] + f->in[1][k];
}

static void flow_back(const wn__node_flow *f)
{
    for (int which = 0; which < 2; which++)
        for (int64_t k = 0; k < wn__node_size(f->node); k++)
            f->din[which][k] += f->dout[k];
}

static double constant(const wn__node_constant *c, int64_t k) { return c->in[0][k] + c->in[1][k]; }

const wn__node_kind wn__node_add = {
    .name = "add",
    .summary = "the sum of two values of one shape: from: [a, b]",
    .inputs = 2,
    .settings = settings,
    .traits = WN__NODE_IS_SUM | WN__NODE_TAKES_RELU,
    .op = WN__OP_ADD,
    .channels = WN__CHANNELS_JOIN,
    .make = make,
    .flow = flow,
    .flow_back = flow_back,
    .constant = constant,
};
