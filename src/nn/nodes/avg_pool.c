/* The mean of each window, padding not counted; and of each channel, which is a window over all of it. */
#include "nn/graph_nodes.h"
#include "nn/node_window.h"

extern const wn__node_kind wn__node_avg_pool, wn__node_global_pool;

static const wn__setting settings[] = {WN__NODE_LABELS, WN__NODE_POOL, {0}};
static const wn__setting global_settings[] = {WN__NODE_LABELS, {0}};

int wn_graph_avg_pool(wn_graph *g, int x, int kernel, int stride, int pad)
{
    return wn__graph_add(g, &wn__node_avg_pool, &x, 1, &(wn__node_settings){.kernel = kernel, .stride = stride, .pad = pad});
}

int wn_graph_global_pool(wn_graph *g, int x) { return wn__graph_add(g, &wn__node_global_pool, &x, 1, &(wn__node_settings){0}); }

/* An avg_pool, which it is from then on. */
static bool make_global(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    (void)s;
    node->kind = &wn__node_avg_pool;
    return wn__node_make_pool(g, in, &(wn__node_settings){.kernel_h = in[0]->h, .kernel_w = in[0]->w, .stride = 1}, node);
}

static const wn__node_kind *describe(const wn_graph *g, const wn__node *n, wn__node_settings *s)
{
    const wn__node *in = &g->node[n->input[0]];
    if (n->kernel_h == in->h && n->kernel_w == in->w && n->pad == 0) return &wn__node_global_pool;
    return wn__node_describe_pool(g, n, s);
}

static void take(const wn__node_flow *f, wn__node_area a, int64_t plane, int64_t at)
{
    const double share = 1 / (double)((a.bottom - a.top) * (a.right - a.left));
    f->out[at] = 0;
    for (int64_t y = a.top; y < a.bottom; y++)
        for (int64_t x = a.left; x < a.right; x++)
            f->out[at] += share * f->in[0][plane + y * f->from[0]->w + x];
}

static void give(const wn__node_flow *f, wn__node_area a, int64_t plane, int64_t at)
{
    const double share = 1 / (double)((a.bottom - a.top) * (a.right - a.left));
    for (int64_t y = a.top; y < a.bottom; y++)
        for (int64_t x = a.left; x < a.right; x++)
            f->din[0][plane + y * f->from[0]->w + x] += share * f->dout[at];
}

static void flow(const wn__node_flow *f) { wn__node_for_areas(f, take); }
static void flow_back(const wn__node_flow *f) { wn__node_for_areas(f, give); }

static double constant(const wn__node_constant *c, int64_t k) { return wn__node_inside(c->node, c->in[0][k]); }

const wn__node_kind wn__node_avg_pool = {
    .name = "avg_pool",
    .summary = "the mean of each window",
    .inputs = 1,
    .settings = settings,
    .always = "kernel stride pad",
    .traits = WN__NODE_WINDOWS,
    .op = WN__OP_AVG_POOL,
    .channels = WN__CHANNELS_PASS,
    .make = wn__node_make_pool,
    .describe = describe,
    .flow = flow,
    .flow_back = flow_back,
    .constant = constant,
};

const wn__node_kind wn__node_global_pool = {
    .name = "global_pool",
    .summary = "the mean of each channel",
    .inputs = 1,
    .settings = global_settings,
    .make = make_global,
};
