/* A network as other programs run it: operations in order, each with the numbers that it needs.
 *
 * Dropout is gone. A batch norm behind a convolution or linear layer that nobody else reads becomes part of that layer's weights and bias, reckoned in
 * double; any other is a scale and a shift of each channel. A ReLU whose input nobody else reads is part of the operation in front of it. */
#ifndef WN_EXCHANGE_INFERENCE_H
#define WN_EXCHANGE_INFERENCE_H

#include "nn/graph_nodes.h"

typedef struct wn__inference_op {
    const wn__node *node;          /* borrowed: kind and geometry; the input is the first, alone. A batch norm: scale and shift */
    int input[WN__INPUTS], inputs; /* earlier operations */
    int64_t c, h, w;               /* of its output */
    float *weight; /* (weights) of convolutions and linear layers as wn__param has them; of batch norm the scales; else NULL */
    float *bias;   /* (c) of the same; NULL: none */
    int64_t weights;
    bool relu; /* of its output, at most `most` (0: no bound) */
    float most;
    int readers; /* of its output, the network's own included */
} wn__inference_op;

typedef struct wn__inference {
    wn__inference_op *op;
    int ops;
    int output; /* the logits' */
} wn__inference;

/* Operations of a finished graph with its parameters, in whatever form they are. `norms_stay`: batch norms are left as they stand (node->param says
 * which parameters) and have neither weight nor bias. */
wn_status wn__inference_make(const wn_graph *graph, const wn__params *params, bool norms_stay, wn__inference *out);
void wn__inference_release(wn__inference *p); /* accepts a zeroed one */

#endif
