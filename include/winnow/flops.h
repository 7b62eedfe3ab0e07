/* What a sparse network costs, layer by layer, before anything is trained: weights, FLOPs, bytes, and what the papers count for training it.
 *
 *     wn_flops_options options = {.size = sizeof options, .model = "wrn-22-2", .sparsity = "90%", .distribution = "erk"};
 *     wn_flops_result r;
 *     if (wn_flops(&options, &r) == WN_OK) printf("%.3f of the dense FLOPs, eps %g\n", r.flops_ratio, r.erk_eps);
 *     wn_flops_release(&r);
 *
 * FLOPs are 2 per multiply-add of convolutions and linear layers, for one image; backward = 2 x forward. Biases, batch norm, activations and
 * the loss are left out.
 */
#ifndef WINNOW_FLOPS_H
#define WINNOW_FLOPS_H

#include "winnow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means: the default. All texts are borrowed for the call. */
typedef struct wn_flops_options {
    size_t size;            /* sizeof(wn_flops_options) */
    const char *model;      /* name, or a file that describes a network */
    const char *const *set; /* (sets) settings of the model: "width=0.5" */
    int sets;
    int classes, channels, height, width; /* 0: the model's usual ones */

    const char *sparsity;      /* "90%", "0.1d", "10x": of the selected layers; NULL: dense, or as the FLOPs budget or the mask says */
    const char *flops_budget;  /* "0.10x": solve for the sparsity at which forward takes so much of the dense network's FLOPs */
    const char *distribution;  /* "uniform" (NULL), "er", "erk", "random", "list" */
    const char *mask;          /* instead: the densities of the layers in this file of masks */
    const char *power;         /* of erk: "1" */
    const char *counting;      /* "layer" (NULL), "total", "drawn" */
    bool dense_first;          /* the network's first layer stays dense, as it does by default under uniform */
    bool sparse_first;         /* it does not */
    const char *const *select; /* (selects) which layers: words and patterns of a recipe's mask.layers; none: all */
    int selects;
    const char *const *layer; /* (layers) "PATTERN=90%": layers with a sparsity of their own, which are no part of the budget */
    int layers;
    uint64_t seed; /* of drawn counts */

    /* (methods) dense, static, snip, set, snfs, rigl, pruning, small-dense, ac-dc, sr-ste, n-of-m, mest, mest-soft, rigl-struct, srigl, dsr, big-sparse; none: all
     * but the last. */
    const char *const *method;
    int methods;
    int64_t interval;                      /* DT of rigl; 0: 100 */
    int64_t steps, prune_begin, prune_end; /* of gradual pruning, in steps; all 0: 97,656, from 20,000 to 75,000 */
    int64_t prune_every;                   /* 0: 1,000 */
    const char *match;                     /* what small-dense and big-sparse have as many of: "parameters" (NULL) or "flops" */
} wn_flops_options;

typedef struct wn_flops_layer {
    const char *name;
    int dims;
    int64_t dim[WN_MAX_DIMS];
    int64_t weights, active;
    int64_t dense_flops, flops; /* forward */
    int64_t dense_bytes, bytes; /* stored values, with the pattern */
    bool selected;
} wn_flops_layer;

typedef struct wn_flops_method {
    const char *name, *formula; /* f_S, f_D: forward FLOPs, sparse and dense */
    double train_flops;         /* of one image, forward and backward, averaged over the run */
    double train_flops_ratio;   /* over those of dense */
} wn_flops_method;

typedef struct wn_flops_result {
    int64_t dense_params, params;                 /* weights of convolutions and linear layers: all, and those that stay */
    int64_t dense_network_params, network_params; /* all trained scalars: with biases and batch norm */
    int64_t selected, selected_active;
    int64_t dense_flops, flops; /* forward */
    int64_t dense_bytes, bytes; /* of all tensors; bytes: values + the smallest pattern (bit mask or compressed rows) */
    double flops_ratio;
    double sparsity;                   /* asked for, or solved for; NaN with a list or a mask */
    double erk_eps;                    /* NaN without er or erk */
    double small_width, small_reached; /* of small-dense: multiplier of the widths, and its size over that of the sparse network; NaN
                                          without, or if the network has no such setting */
    double wide_width, wide_reached;   /* the same of big-sparse, over that of the dense network */
    wn_flops_layer *layer;             /* (layers) in the order of the network */
    int layers;
    wn_flops_method *method; /* (methods) in the order asked for */
    int methods;
    void *owner;
} wn_flops_result;

/* WN_EUSAGE: impossible budgets, layers that would be empty, patterns that name no layer, unknown words. */
WN_API WN_NODISCARD wn_status wn_flops(const wn_flops_options *options, wn_flops_result *result);
WN_API void wn_flops_release(wn_flops_result *result); /* accepts NULL and a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
