/* FLOPs and bytes (docs/protocol.md, "Cost"): 2 per multiply-add, convolutions and linear layers; training = 3 x forward.
 * Batch norm, activations, pools, biases and the loss are left out. */
#ifndef WN_SPARSE_COST_H
#define WN_SPARSE_COST_H

#include "nn/graph_nodes.h"

typedef struct wn__layer_cost {
    const char *name; /* of the weight; borrowed from the parameters */
    int param;        /* its index */
    int64_t weights, active;
    int64_t dense_flops, flops; /* forward, one image */
    int64_t dense_bytes, bytes; /* as in wn__cost */
} wn__layer_cost;

typedef struct wn__cost {
    wn__layer_cost *layer; /* every conv and linear weight, in graph order */
    int layers;
    int64_t parameters, active;      /* trained scalars of the network */
    int64_t weights, weights_active; /* of its conv and linear layers */
    int64_t dense_flops, flops;      /* forward, one image */
    int64_t training_flops;          /* 3 x flops, forward and backward, one image; weights under a basis count as dense */
    int64_t dense_bytes;             /* 4 a parameter */
    int64_t bytes;                   /* stored values + pattern: per weight the smallest of 4 a value dense; 4 a value + one bit an entry;
                                             4 a value + 4 an index + 4 a row. Other parameters dense. Running statistics are counted too. */
} wn__cost;

wn_status wn__cost_make(const wn_graph *graph, const wn__params *params, wn__cost *out);
/* The same as if parameter i had active[i] entries (params->count), whatever its mask. */
wn_status wn__cost_of_counts(const wn_graph *graph, const wn__params *params, const int64_t *active, wn__cost *out);
void wn__cost_release(wn__cost *c); /* accepts a zeroed one */

/* ---- training, as the papers count it: FLOPs of one image, averaged over a run */

typedef enum wn__training_rule {
    WN__TRAIN_DENSE,       /* 3 f_D */
    WN__TRAIN_STATIC,      /* 3 f_S */
    WN__TRAIN_SNIP,        /* 3 f_S: the one dense gradient at the start is left out */
    WN__TRAIN_SET,         /* 3 f_S */
    WN__TRAIN_SNFS,        /* 2 f_S + f_D: the weights' gradient is dense at every step */
    WN__TRAIN_RIGL,        /* (3 f_S DT + 2 f_S + f_D) / (DT + 1): at one step in DT + 1 */
    WN__TRAIN_PRUNING,     /* 3 E[f_t] over the cubic schedule of gradual pruning */
    WN__TRAIN_SMALL_DENSE, /* 3 f of a dense network of the sparse one's size */
    WN__TRAIN_AC_DC,       /* 3 (part of steps in sparse phases f_S + the rest f_D), by its usual phases */
    WN__TRAIN_SR_STE,      /* 2 f_S + f_D: all weights are trained */
    WN__TRAIN_N_OF_M,      /* 3 f_S, after a dense run */
    WN__TRAIN_MEST,        /* 3 f_S */
    WN__TRAIN_MEST_SOFT,   /* 3 f_S (1 + what is grown beyond, on average: a fifth for 56.25 % of the run, a tenth until 75 %) */
    WN__TRAIN_RIGL_STRUCT, /* as rigl */
    WN__TRAIN_SRIGL,       /* as rigl */
    WN__TRAIN_DSR,         /* 3 f_S */
    WN__TRAIN_BIG_SPARSE,  /* as rigl on a network so wide that its sparse size is the dense one's: both arguments are of that one */
    WN__TRAIN_RULES
} wn__training_rule;
/* As `winnow flops --method` takes them, in the order of the enum; NULL ends them. */
extern const char *const wn__training_rule_names[];
extern const char *const wn__training_rule_formulas[]; /* as above, for people */

typedef struct wn__training_times {
    double interval;                  /* DT: steps between topology updates */
    int64_t steps, begin, end, every; /* of the run; of gradual pruning: first and last step of the schedule, steps between prunings */
} wn__training_times;

/* sparse, dense: forward FLOPs of the sparse and of the dense network; small: those of the small dense one. */
double wn__training_flops(wn__training_rule rule, double sparse, double dense, double small, const wn__training_times *times);

/* One training step of one image with a network of these forward FLOPs; dense_gradient: the step makes the gradient of all weights. */
static inline int64_t wn__step_flops(int64_t flops, int64_t dense_flops, bool dense_gradient)
{
    return dense_gradient ? 2 * flops + dense_flops : 3 * flops;
}

/* Part of its final sparsity that gradual pruning has reached at step t: 1 - (1 - (t - begin) / (end - begin))^3, within 0 and 1
 * (Zhu and Gupta 2018, with initial sparsity 0). */
double wn__pruned_part(int64_t step, int64_t begin, int64_t end);

#endif
