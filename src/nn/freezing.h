/* Parameters that training leaves as they are: no updates, no weight decay, no part in the gradient's norm. Batch norm's running statistics
 * are no parameters that are trained: they go on in training, as in PyTorch. */
#ifndef WN_NN_FREEZING_H
#define WN_NN_FREEZING_H

#include "nn/graph_nodes.h"

/* Patterns of names of parameters or of their nodes ("layer1.*", "conv1", "re:..."), as in base/text.h. */
typedef struct wn__freezing {
    const char *const *pattern; /* (count) borrowed */
    int count;
} wn__freezing;

/* WN_EUSAGE: a pattern that names no trained parameter, or nothing is left to train. */
wn_status wn__freezing_check(const wn__freezing *f, const wn_graph *graph);
wn_status wn__freeze(const wn__freezing *f, wn__params *params);

#endif
