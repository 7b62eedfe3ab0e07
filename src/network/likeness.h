/* Which of the registered networks a file of tensors is of, told by names and shapes. */
#ifndef WN_NETWORK_LIKENESS_H
#define WN_NETWORK_LIKENESS_H

#include "base/text.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "nn/graph_nodes.h"

typedef struct wn__likeness {
    const wn__model *model;  /* the one that most of it fits; NULL: none fits well */
    wn__model_input input;   /* classes and channels of the file's shapes; rows and columns as usual for the network */
    int64_t fitting, wanted; /* tensors */
    int64_t left_over;       /* tensors of the file that the network does not have */
} wn__likeness;

/* All of the network is in the file, and no more. */
static inline bool wn__likeness_is_whole(const wn__likeness *l) { return l->model && l->fitting == l->wanted && l->left_over == 0; }

wn_status wn__likeness_find(const wn__safetensors *file, wn__likeness *out);
/* Channels and classes as the file's shapes of a network's first and last weights say; what they do not say stays. */
void wn__likeness_input(const wn__safetensors *file, const wn_graph *graph, wn__model_input *input);
/* "resnet18, 1000 classes"; of a file that no network fits whole the nearest one, with what does not fit. */
wn_status wn__likeness_show(const wn__safetensors *file, const wn__likeness *likeness, wn__text *out);

#endif
