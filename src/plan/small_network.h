/* Networks of other widths than the recipe's (Evci et al. 2020): small-dense is, dense, as large as the sparse one; big-sparse is, sparse, as large as
 * the dense one. */
#ifndef WN_PLAN_SMALL_NETWORK_H
#define WN_PLAN_SMALL_NETWORK_H

#include "models/named.h"
#include "recipe/recipe.h"

typedef struct wn__small_network {
    void *config; /* of the model's settings, with the width in it; owned; NULL: the recipe's own network */
    wn__match match;
    int64_t wanted; /* parameters or forward FLOPs: small, of the sparse network; wide, of the dense one */
    wn__width width;
} wn__small_network;

/* As many trained scalars (or forward FLOPs) as a drawn mask of this section leaves at this sparsity. WN_EUNSUPPORTED: widths are fixed. */
wn_status wn__small_network_find(const wn__recipe *recipe, const wn__mask_section *section, double sparsity, uint64_t seed, wn__match match,
                                 wn__small_network *out);
/* Big-sparse: so wide that a drawn mask of this section leaves as many at this sparsity as the recipe's dense network has. */
wn_status wn__wide_network_find(const wn__recipe *recipe, const wn__mask_section *section, double sparsity, uint64_t seed, wn__match match,
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
