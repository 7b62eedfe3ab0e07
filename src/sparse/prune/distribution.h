/* How a sparsity is spread over layers (Mocanu et al. 2018, Evci et al. 2020 and its reproduction), and random topologies that follow it.
 *
 *     uniform  every layer the same
 *     er       Erdos-Renyi: density_l = eps (n_in + n_out) / (n_in n_out), from the weight's shape without the kernel's sides
 *     erk      Erdos-Renyi-kernel: density_l = eps (sum of the weight's sides / product of them)^power
 *     random   so many entries, drawn anywhere in the selection: the counts of layers are drawn
 *     list     the sparsities that `layer` names; every other layer is dense
 *     file     the densities of another network's layers
 *
 * eps is such that the number of zeros over the layers that it spreads over is that of `uniform`. A layer whose density would pass 1
 * becomes dense, and eps is found again for the others. Layers with a sparsity of their own (`layer`), the layer that stays dense and layers
 * outside of the selection are no part of that budget.
 */
#ifndef WN_SPARSE_PRUNE_DISTRIBUTION_H
#define WN_SPARSE_PRUNE_DISTRIBUTION_H

#include "sparse/prune/blocks.h"
#include "sparse/prune/selection.h"

typedef enum wn__distribution { WN__UNIFORM, WN__ER, WN__ERK, WN__RANDOM, WN__LIST, WN__FILE } wn__distribution;
extern const char *const wn__distribution_names[]; /* "uniform", "er", "erk", "random", "list", "file", NULL */

/* From a layer's density to its number of entries. */
typedef enum wn__counting {
    WN__COUNT_LAYER, /* a layer of N entries at sparsity s has floor(s N) zeros, as in RigL's code */
    WN__COUNT_TOTAL, /* round((1 - S) N) entries over all layers together; the odd ones go to the largest remainders */
    WN__COUNT_DRAWN  /* every entry is there with the layer's density, as in RigL's reproduction: the count is drawn */
} wn__counting;
extern const char *const wn__counting_names[]; /* "layer", "total", "drawn", NULL */

/* The layer that stays dense under any distribution. */
typedef enum wn__dense_layer {
    WN__DENSE_NONE,
    WN__DENSE_FIRST,         /* the network's first; nothing more where the selection leaves it out, since it is dense then */
    WN__DENSE_FIRST_SELECTED /* the former rule, wrong where the selection leaves the network's first layer out: to tell what it changed */
} wn__dense_layer;

/* The sparsity of the layers that a pattern matches: a glob or `re:` over names of weights and of their nodes. */
typedef struct wn__layer_sparsity {
    const char *pattern;
    double sparsity; /* in [0,1] */
} wn__layer_sparsity;

typedef struct wn__distribute {
    int distribution;                /* wn__distribution */
    double sparsity;                 /* of the budget's layers, in [0,1]; list and file do not look at it */
    int dense;                       /* wn__dense_layer */
    double power;                    /* of erk; 0 = 1 */
    int counting;                    /* wn__counting; not of random and file, whose counts are exact */
    uint64_t seed;                   /* of drawn counts */
    int block;                       /* wn__block: counts are of whole ones, see wn__blocks_round */
    const wn__layer_sparsity *layer; /* (layers) of several that match, the last holds */
    int layers;
    const double *density; /* file: (params->count) of the selected layers, in [0,1] */
} wn__distribute;

/* active[i] (params->count): entries that parameter i keeps; all of them where it is not selected. eps may be NULL; NaN where there is none.
 * WN_EUSAGE: a pattern that matches no selected weight (with the names), or a sparsity at which a layer would be empty. Only at sparsity 1
 * layers are. */
wn_status wn__distribution_counts(const wn__params *params, const wn__selection *selection, const wn__distribute *how, int64_t *active,
                                  double *eps);

/* Solves for the sparsity: how->sparsity becomes the smallest one (to 1e-12) whose forward FLOPs are at most `budget` (in (0,1]) of the dense
 * network's, in whole blocks too, and the counts follow. WN_EUSAGE if what stays dense alone needs more, or a layer would be empty. */
wn_status wn__distribution_for_flops(const wn_graph *graph, const wn__params *params, const wn__selection *selection, double budget,
                                     wn__distribute *how, int64_t *active, double *eps);
/* "0.10x", "0.1" or "10%" of the dense network's FLOPs; WN_EUSAGE unless 0 < budget <= 1. */
wn_status wn__flops_budget_parse(const char *text, double *budget);

/* Random masks with these counts in the selected parameters; a parameter that stays dense has none. The seed's mask stream decides. */
wn_status wn__masks_random(wn__params *params, const wn__selection *selection, const int64_t *active, uint64_t seed);

#endif
