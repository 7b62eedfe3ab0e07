/* Gradual magnitude pruning (Zhu and Gupta 2018): a network that starts dense loses its smallest weights while it trains, never to come back.
 *
 *     s_t = s + (initial - s) (1 - (t - begin) / (end - begin))^power        at the steps begin, begin + interval, ... and at end
 *
 * Iterative hard thresholding (Blumensath and Davies 2008; Jin et al. 2016): what is pruned is set to zero but trained on, and may be among the
 * largest the next time; after the last pruning the mask stays. An entry that is set to zero loses its momentum.
 */
#ifndef WN_SPARSE_DENSE_TO_SPARSE_GRADUAL_H
#define WN_SPARSE_DENSE_TO_SPARSE_GRADUAL_H

#include "base/settings.h"
#include "sparse/prune/mask.h"

/* As a recipe states it: table wn__gradual_settings. */
typedef struct wn__gradual_rule {
    wn__steps begin, end, interval;
    double power, initial;
    int pruned; /* wn__gradual_pruned */
} wn__gradual_rule;
typedef enum wn__gradual_pruned { WN__PRUNED_STAY, WN__PRUNED_RETURN } wn__gradual_pruned;
extern const wn__setting wn__gradual_settings[];

typedef struct wn__gradual {
    int64_t begin, end, interval;
    double power, initial;
    bool returns; /* what is pruned may come back until `end` */
} wn__gradual;
/* WN_EUSAGE where the times make no sense, or nothing would be trained after the last pruning of a run of `total` steps. */
wn_status wn__gradual_resolve(const wn__gradual_rule *rule, int64_t steps_per_epoch, int64_t total, wn__gradual *out);
bool wn__gradual_is_due(const wn__gradual *how, int64_t step);
/* Sparsity after the pruning of this step, on the way to `sparsity`. */
double wn__gradual_sparsity(const wn__gradual *how, double sparsity, int64_t step);

/* Of one run. */
typedef struct wn__gradual_run {
    wn__gradual when;
    const wn__selection *selection; /* borrowed */
    wn__prune last;                 /* how it ends, exactly: its sparsity, or its counts under WN__SCOPE_DISTRIBUTION */
} wn__gradual_run;
/* Prunes as far as the step says. */
wn_status wn__gradual_prune(const wn__gradual_run *run, int64_t step, wn__params *params);

#endif
