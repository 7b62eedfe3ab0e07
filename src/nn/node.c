#include "nn/node.h"

#include <string.h>

#define WN_NODE(name) extern const wn__node_kind wn__node_##name;
#include "nn/nodes/list.h"
#undef WN_NODE

const wn__node_kind *const wn__node_kinds[] = {
#define WN_NODE(name) &wn__node_##name,
#include "nn/nodes/list.h"
#undef WN_NODE
    NULL};

const wn__node_kind *wn__node_kind_find(const char *name)
{
    for (const wn__node_kind *const *k = wn__node_kinds; *k; k++)
        if ((*k)->settings && strcmp((*k)->name, name) == 0) return *k;
    return NULL;
}

bool wn__node_keep_shape(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node)
{
    (void)g, (void)s;
    node->c = in[0]->c;
    node->h = in[0]->h;
    node->w = in[0]->w;
    return true;
}

void wn__node_flow_same(const wn__node_flow *f) { memcpy(f->out, f->in[0], (size_t)wn__node_size(f->node) * sizeof *f->out); }

void wn__node_flow_same_back(const wn__node_flow *f)
{
    for (int64_t k = 0; k < wn__node_size(f->node); k++)
        f->din[0][k] += f->dout[k];
}
