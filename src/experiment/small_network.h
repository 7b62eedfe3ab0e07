/* Small-dense: the recipe's network with its widths multiplied so that, dense, it is as large as the sparse one (Evci et al. 2020). */
#ifndef WN_EXPERIMENT_SMALL_NETWORK_H
#define WN_EXPERIMENT_SMALL_NETWORK_H

#include "experiment/recipe.h"
#include "models/named.h"

typedef struct wn__small_network {
    void *config; /* of the model's settings, with the width in it; owned; NULL: the recipe's own network */
    wn__match match;
    int64_t wanted; /* parameters or forward FLOPs of the sparse network */
    wn__width width;
} wn__small_network;

/* As many trained scalars (or forward FLOPs) as a drawn mask of this section leaves at this sparsity. WN_EUNSUPPORTED: widths are fixed. */
wn_status wn__small_network_find(const wn__recipe *recipe, const wn__mask_section *section, double sparsity, uint64_t seed, wn__match match,
                                 wn__small_network *out);
wn_status wn__small_network_copy(const wn__recipe *recipe, const wn__small_network *from, wn__small_network *out);
void wn__small_network_release(wn__small_network *s); /* accepts a zeroed one */

/* The network of a training stage: the recipe's, or a small one. */
typedef struct wn__stage_network {
    const wn_graph *graph;
    const char *text; /* sections data and model, for weight files */
    wn_graph *own_graph;
    char *own_text;
} wn__stage_network;
wn_status wn__stage_network_open(const wn__recipe *recipe, const wn__small_network *small, wn__stage_network *out);
void wn__stage_network_close(wn__stage_network *n);

#endif
