/* The inside of a wn_graph: nodes in topological order with shapes, and the parameters they use. */
#ifndef WN_NN_GRAPH_NODES_H
#define WN_NN_GRAPH_NODES_H

#include "tensor/param.h"
#include "winnow/graph.h"

enum { WN__LONGEST_NODE_NAME = 240 }; /* more is refused: names of tensors and keys are made from it */

typedef enum wn__node_kind {
    WN__INPUT,
    WN__CONV,
    WN__LINEAR,
    WN__BATCH_NORM,
    WN__RELU,
    WN__ADD,
    WN__MAX_POOL,
    WN__AVG_POOL,
    WN__DROPOUT
} wn__node_kind;

typedef struct wn__node {
    wn__node_kind kind;
    char *name;           /* "<kind><index>" for nodes without parameters */
    int input[2], inputs; /* node indices */
    int64_t c, h, w;      /* output shape per image */
    int kernel_h, kernel_w, stride, pad, groups;
    bool bias;
    float eps, momentum, rate, most; /* most: upper bound of a ReLU, 0 = none */
    int param[4];                    /* indices into the parameters, -1 = none: weight, bias | scale, shift, mean, variance */
} wn__node;

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
/* New zeroed parameters for a finished graph, scales at 1 and running variances at 1. */
wn_status wn__graph_make_params(const wn_graph *graph, wn__params *out);
/* The same with weights compressed from the start, whose dense form is never made: one pattern per parameter of the graph, a zeroed one for
 * those that are dense (NULL: all are). Patterns are taken over and zeroed, on failure some of them too; release what is left. */
wn_status wn__graph_make_sparse_params(const wn_graph *graph, wn__pattern *pattern, wn__params *out);
int64_t wn__graph_classes(const wn_graph *graph);
/* How often one entry of weight `param` is used per image: output pixels of the nodes that use it. 0 for other roles. */
int64_t wn__graph_uses_per_weight(const wn_graph *graph, int param);

#endif
