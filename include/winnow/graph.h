/* Networks as graphs of nodes, built in topological order.
 *
 *     wn_graph *g = wn_graph_new("tiny", 3, 32, 32);
 *     int x = wn_graph_input(g);
 *     x = wn_graph_conv(g, x, "conv1", (wn_conv){.out = 16, .kernel = 3, .pad = 1});
 *     x = wn_graph_batch_norm(g, x, "bn1");
 *     x = wn_graph_relu(g, x);
 *     x = wn_graph_global_pool(g, x);
 *     x = wn_graph_linear(g, x, "fc", 10, true);
 *     if (wn_graph_finish(g, x) != WN_OK) ...
 *
 * Builders return the new node's index, or -1 after a failure; the first failure is kept and reported by wn_graph_finish, so calls
 * can be chained unchecked, wn_graph_new's NULL included. A name may be NULL: the kind and the node's index. Sizes that no machine holds are
 * refused: more than 2^40 values in an image's activation or a weight, more than 2^60 multiply-adds an image. Shapes are (channels, height,
 * width) per image and known while building. Parameters are named as torchvision names tensors: "<node name>.weight",
 * ".bias", ".running_mean", ".running_var".
 */
#ifndef WINNOW_GRAPH_H
#define WINNOW_GRAPH_H

#include "winnow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wn_graph wn_graph;

/* Passed by value, so it never grows. */
typedef struct wn_conv {
    int out;    /* output channels */
    int kernel; /* square side; kernel_h and kernel_w, if set, override it */
    int kernel_h, kernel_w;
    int stride; /* 0 means 1 */
    int pad;    /* zeros on each side */
    int groups; /* 0 means 1 */
    bool bias;
} wn_conv;

WN_API wn_graph *wn_graph_new(const char *name, int channels, int height, int width); /* NULL if out of memory */
WN_API void wn_graph_free(wn_graph *graph);                                           /* accepts NULL */

WN_API int wn_graph_input(wn_graph *graph);
WN_API int wn_graph_conv(wn_graph *graph, int x, const char *name, wn_conv spec);
/* Fully connected; flattens (c, h, w) in that order. */
WN_API int wn_graph_linear(wn_graph *graph, int x, const char *name, int out, bool bias);
/* Batch normalisation with scale and shift: eps 1e-5, running statistics move by 0.1 a step, variance unbiased, as in PyTorch. */
WN_API int wn_graph_batch_norm(wn_graph *graph, int x, const char *name);
WN_API int wn_graph_relu(wn_graph *graph, int x);
WN_API int wn_graph_clipped_relu(wn_graph *graph, int x, double most); /* min(max(x, 0), most), most > 0; 6: ReLU6 */
WN_API int wn_graph_add(wn_graph *graph, int x, int y);
WN_API int wn_graph_max_pool(wn_graph *graph, int x, int kernel, int stride, int pad);
WN_API int wn_graph_avg_pool(wn_graph *graph, int x, int kernel, int stride, int pad); /* padding is not counted */
WN_API int wn_graph_global_pool(wn_graph *graph, int x);                               /* mean over height and width */
WN_API int wn_graph_dropout(wn_graph *graph, int x, double rate);
/* Let node `node` use the parameters of `owner` (same kind and shapes); their gradients add in node order. */
WN_API int wn_graph_share(wn_graph *graph, int node, int owner);
/* Seals the graph with `output` as its logits (k, 1, 1). Fails as the first builder did that failed; WN_ENOMEM for a NULL graph. */
WN_API wn_status wn_graph_finish(wn_graph *graph, int output);

/* Of a NULL graph: "", 0 and 0. Counts of a graph that failed are 0. */
WN_API const char *wn_graph_name(const wn_graph *graph);
WN_API int64_t wn_graph_parameter_count(const wn_graph *graph); /* trainable scalars: weights, biases, scales, shifts; 0 after a failure */
WN_API int64_t wn_graph_forward_flops(const wn_graph *graph);   /* dense, per image; 2 per multiply-add, convolutions and linear layers */

#ifdef __cplusplus
}
#endif
#endif
