/* The inside of a wn_graph: nodes in topological order with shapes, and the parameters they use. */
#ifndef WN_NN_GRAPH_NODES_H
#define WN_NN_GRAPH_NODES_H

#include "base/fail.h"
#include "nn/node.h"

enum { WN__LONGEST_NODE_NAME = 240 }; /* more is refused: names of tensors and keys are made from it */

typedef struct wn__param_spec {
    char *name;
    wn__param_role role;
    int ndim;
    int64_t dim[4];
} wn__param_spec;

struct wn_graph {
    char *name;
    int64_t c, h, w; /* input */
    wn__node *node;
    int nodes, output;
    wn__param_spec *param;
    int params;
    int64_t work;     /* multiply-adds of an image */
    wn_status status; /* first failure of a builder */
    char *message;
    bool finished;
};

/* What a builder does when it fails: the first failure (status, and the message that was set with it) is kept, later builders do nothing. -1. */
int wn__graph_refuse(wn_graph *graph, wn_status status);
/* The same in `make` of a kind of nodes: false. */
#define WN__NODE_REFUSE(g, ...) (wn__graph_refuse((g), wn__fail(WN_EINVAL, __VA_ARGS__)), false)
/* Adds a node of a kind; its index or -1. s->name NULL or "": the kind and the node's index. */
int wn__graph_add(wn_graph *graph, const wn__node_kind *kind, const int *input, int inputs, const wn__node_settings *s);
/* The settings of a node, its name included where it has parameters, and the kind that makes it again. */
const wn__node_kind *wn__graph_describe(const wn_graph *graph, int node, wn__node_settings *s);
/* The first node that uses the same parameters; itself if it is the first or has none. */
int wn__graph_owner(const wn_graph *graph, int node);
/* New zeroed parameters for a finished graph, scales at 1 and running variances at 1. */
wn_status wn__graph_make_params(const wn_graph *graph, wn__params *out);
/* The same with weights compressed from the start, whose dense form is never made: one pattern per parameter of the graph, a zeroed one for
 * those that are dense (NULL: all are). Patterns are taken over and zeroed, on failure some of them too; release what is left. */
wn_status wn__graph_make_sparse_params(const wn_graph *graph, wn__pattern *pattern, wn__params *out);
int64_t wn__graph_classes(const wn_graph *graph);
/* How often one entry of weight `param` is used per image: output pixels of the nodes that use it. 0 for other roles. */
int64_t wn__graph_uses_per_weight(const wn_graph *graph, int param);
/* The weight that node `node` multiplies with; -1 = none. */
int wn__graph_weight(const wn_graph *graph, int node);

#endif
