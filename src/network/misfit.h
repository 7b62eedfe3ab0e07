/* What of a file of tensors does not fit a network. */
#ifndef WN_NETWORK_MISFIT_H
#define WN_NETWORK_MISFIT_H

#include "base/text.h"
#include "io/safetensors.h"
#include "nn/graph_nodes.h"

/* A tensor that a network has. */
typedef struct wn__wanted {
    const char *name;
    int ndim;
    const int64_t *dim;
} wn__wanted;

/* Tensors of the file with name and shape of these (count). */
int64_t wn__fitting(const wn__safetensors *file, const wn__wanted *wanted, int count);
/* Tensors of numbers that none of these is: neither weights nor their masks. */
int64_t wn__left_over(const wn__safetensors *file, const wn__wanted *wanted, int count);
/* "2 of 62 tensors do not fit: fc.weight is 1000x512, wanted 10x512; fc.bias, wanted 10, is not there: linear.bias is 10". Those of other shape
 * first, then those with a name near; some of many. Adds nothing if all fit. */
void wn__misfits_show(const wn__safetensors *file, const wn__wanted *wanted, int count, wn__text *out);

/* Is the parameter of the last layer? Its shape depends on the classes. */
bool wn__is_of_head(const wn_graph *graph, int param);
/* WN_EMISMATCH with what does not fit the network. new_head NULL: all must fit; else of the last layer's tensors nothing need fit: *new_head. */
wn_status wn__weights_fit(const char *label, const wn__safetensors *file, const wn_graph *graph, bool *new_head);

/* What a network has; NULL: out of memory. Free with wn__free; names and shapes are borrowed. */
wn__wanted *wn__wanted_of_graph(const wn_graph *graph);
wn__wanted *wn__wanted_of_params(const wn__params *params);

#endif
