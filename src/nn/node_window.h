/* What kinds of nodes with windows share: their sizes, and synaptic flow through weights. */
#ifndef WN_NN_NODE_WINDOW_H
#define WN_NN_NODE_WINDOW_H

#include "nn/node.h"

/* Settings of pools. */
#define WN__NODE_POOL                                                                \
    WN_SETTING_INT(wn__node_settings, kernel, 2, 1, 1024, "side of the window"),     \
        WN_SETTING_INT(wn__node_settings, stride, 2, 1, 1024, "step of the window"), \
        WN_SETTING_INT(wn__node_settings, pad, 0, 0, 1024, "zeros on each side")

/* Places of a window along one axis; 0: it does not fit. */
int64_t wn__node_window_count(int64_t size, int64_t kernel, int64_t stride, int64_t pad);
/* `make` of pools: the shape of windows over each channel. */
bool wn__node_make_pool(wn_graph *g, const wn__node *const *in, const wn__node_settings *s, wn__node *node);
/* `describe` of pools, as the node's own kind. */
const wn__node_kind *wn__node_describe_pool(const wn_graph *g, const wn__node *node, wn__node_settings *s);

/* The window of one output, cut at the borders: rows [top, bottom), columns [left, right). */
typedef struct wn__node_area {
    int64_t top, bottom, left, right;
} wn__node_area;
wn__node_area wn__node_area_of(const wn__node *node, const wn__node *in, int64_t y, int64_t x);
/* `pass` for the area of every output of every channel; `at` is the output's place, `plane` the channel's first input. */
typedef void (*wn__node_area_pass)(const wn__node_flow *f, wn__node_area area, int64_t plane, int64_t at);
void wn__node_for_areas(const wn__node_flow *f, wn__node_area_pass pass);

/* `flow` and `flow_back` of kinds that weigh: through windows over planes, or over all of the input as one place. */
void wn__node_weight_flow(const wn__node_flow *f);
void wn__node_weight_flow_back(const wn__node_flow *f);

/* Sum of the weights of output k; *zero: all of them are. */
double wn__node_filter_sum(const wn__node_constant *c, int64_t k, bool *zero);

#endif
