/* The largest value of each window; padding never wins. */
#include "nn/graph_nodes.h"
#include "nn/node_window.h"

extern const wn__node_kind wn__node_max_pool;

static const wn__setting settings[] = {WN__NODE_LABELS, WN__NODE_POOL, {0}};

int wn_graph_max_pool(wn_graph *g, int x, int kernel, int stride, int pad)
{
    return wn__graph_add(g, &wn__node_max_pool, &x, 1, &(wn__node_settings){.kernel = kernel, .stride = stride, .pad = pad});
}

/* The first largest value of the window. */
static int64_t largest(const wn__node_flow *f, wn__node_area a, int64_t plane)
{
    const int64_t width = f->from[0]->w;
    int64_t best = plane + a.top * width + a.left;
    for (int64_t y = a.top; y < a.bottom; y++)
        for (int64_t x = a.left; x < a.right; x++)
            if (f->in[0][plane + y * width + x] > f->in[0][best]) best = plane + y * width + x;
    return best;
}

static void take(const wn__node_flow *f, wn__node_area a, int64_t plane, int64_t at) { f->out[at] = f->in[0][largest(f, a, plane)]; }
static void give(const wn__node_flow *f, wn__node_area a, int64_t plane, int64_t at) { f->din[0][largest(f, a, plane)] += f->dout[at]; }
static void flow(const wn__node_flow *f) { wn__node_for_areas(f, take); }
static void flow_back(const wn__node_flow *f) { wn__node_for_areas(f, give); }

static double constant(const wn__node_constant *c, int64_t k) { return c->in[0][k]; }

const wn__node_kind wn__node_max_pool = {
    .name = "max_pool",
    .summary = "the largest value of each window",
    .inputs = 1,
    .settings = settings,
    .always = "kernel stride pad",
    .traits = WN__NODE_WINDOWS,
    .op = WN__OP_MAX_POOL,
    .channels = WN__CHANNELS_PASS,
    .make = wn__node_make_pool,
    .describe = wn__node_describe_pool,
    .flow = flow,
    .flow_back = flow_back,
    .constant = constant,
};
