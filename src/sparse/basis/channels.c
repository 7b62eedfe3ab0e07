#include "sparse/basis/channels.h"

#include "base/fail.h"

/* Nodes of one space form a tree by `of_node` until it is numbered. */
static int root_of(const int *parent, int node)
{
    while (parent[node] != node)
        node = parent[node];
    return node;
}

static void unite(int *parent, int a, int b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

static bool is_depthwise(const wn_graph *g, const wn__node *n) { return wn__node_is_depthwise(n, &g->node[n->input[0]]); }

/* Channels that are no input's. */
static bool starts(const wn_graph *g, const wn__node *n)
{
    const wn__node_channels rule = n->kind->channels;
    return rule == WN__CHANNELS_STAY || (rule == WN__CHANNELS_START && !is_depthwise(g, n));
}

static void unite_all(const wn_graph *g, int *parent)
{
    for (int i = 0; i < g->nodes; i++) {
        const wn__node *n = &g->node[i];
        parent[i] = i;
        for (int k = 0; !starts(g, n) && k < n->inputs; k++)
            unite(parent, i, n->input[k]);
        const int owner = wn__graph_owner(g, i);
        if (owner == i) continue;
        unite(parent, i, owner); /* shared parameters have the same rows and columns */
        unite(parent, n->input[0], g->node[owner].input[0]);
    }
}

static void describe(const wn_graph *g, wn__channels *c)
{
    for (int i = 0; i < g->nodes; i++) {
        const wn__node *n = &g->node[i];
        wn__channel_space *s = &c->space[c->of_node[i]];
        s->channels = n->c;
        if (wn__node_has(n, WN__NODE_IS_INPUT) || i == g->output) s->fixed = true;
        if (n->kind->channels == WN__CHANNELS_JOIN) s->linked = true;
        const bool stay = n->kind->channels == WN__CHANNELS_STAY || (n->groups > 1 && !is_depthwise(g, n));
        if (stay) s->fixed = true;
        for (int k = 0; stay && k < n->inputs; k++)
            c->space[c->of_node[n->input[k]]].fixed = true;
    }
    for (int s = 0; s < c->spaces; s++) {
        c->space[s].first = c->all;
        c->all += c->space[s].channels;
    }
}

static void find_axes(const wn_graph *g, wn__channels *c)
{
    for (int i = 0; i < g->nodes; i++) {
        const wn__node *n = &g->node[i];
        const bool windows = wn__node_has(n, WN__NODE_WINDOWS);
        for (int k = 0; k < WN__NODE_PARAMS; k++) {
            if (n->param[k] < 0) continue;
            wn__channel_axes *a = &c->axes[n->param[k]];
            *a = (wn__channel_axes){.row = c->of_node[i], .column = -1, .rows = n->c, .columns = 1, .block = 1};
            if (n->param[k] != wn__graph_weight(g, i)) continue;
            const wn__node *in = &g->node[n->input[0]];
            a->block = windows ? (int64_t)n->kernel_h * n->kernel_w : in->h * in->w;
            a->columns = windows ? in->c / n->groups : in->c;
            if (n->groups <= 1) a->column = c->of_node[n->input[0]];
        }
    }
}

wn_status wn__channels_make(const wn_graph *g, wn__channels *out)
{
    wn__channels c = {.of_node = WN_NEW_ARRAY(int, g->nodes),
                      .space = WN_NEW_ARRAY(wn__channel_space, g->nodes),
                      .axes = WN_NEW_ARRAY(wn__channel_axes, g->params)};
    int *parent = WN_NEW_ARRAY(int, g->nodes);
    if (!c.of_node || !c.space || !c.axes || !parent) {
        wn__free(parent);
        wn__channels_release(&c);
        return wn__no_memory((size_t)g->nodes * sizeof(wn__channel_space));
    }
    unite_all(g, parent);
    for (int i = 0; i < g->nodes; i++) { /* a root has the smallest number of its tree */
        const int root = root_of(parent, i);
        c.of_node[i] = root == i ? c.spaces++ : c.of_node[root];
    }
    wn__free(parent);
    describe(g, &c);
    find_axes(g, &c);
    *out = c;
    return WN_OK;
}

void wn__channels_release(wn__channels *c)
{
    wn__free(c->of_node);
    wn__free(c->space);
    wn__free(c->axes);
    *c = (wn__channels){0};
}
