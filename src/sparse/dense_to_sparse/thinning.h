/* Networks that are stored dense and of which training itself leaves a part: by a threshold that is learned (soft_threshold.h), in phases
 * (alternation.h), or N of M weights (n_of_m.h). One call at each place of a training run where one of them has something to do. */
#ifndef WN_SPARSE_DENSE_TO_SPARSE_THINNING_H
#define WN_SPARSE_DENSE_TO_SPARSE_THINNING_H

#include "sparse/dense_to_sparse/alternation.h"
#include "sparse/dense_to_sparse/soft_threshold.h"
#include "sparse/prune/n_of_m.h"

typedef enum wn__thinning_kind { WN__THIN_NONE, WN__THIN_THRESHOLD, WN__THIN_ALTERNATING, WN__THIN_N_OF_M } wn__thinning_kind;

typedef struct wn__thinning {
    int kind;                       /* wn__thinning_kind */
    const wn__selection *selection; /* borrowed */
    wn__threshold_rule threshold;
    wn__alternation alternation;
    wn__prune last; /* alternating: what a sparse phase keeps */
    wn__n_of_m n_of_m;
} wn__thinning;

/* When start weights are there, before optimizer slots are. */
wn_status wn__thinning_attach(const wn__thinning *t, wn__params *params);
/* *changed: masks or counts are others now. *restarts: so is the optimizer's state. */
wn_status wn__thinning_before_step(const wn__thinning *t, int64_t step, wn__params *params, bool *changed, bool *restarts);
void wn__thinning_after_step(const wn__thinning *t, wn__params *params, bool *changed);
/* Is the gradient of every weight made, whatever forward leaves out? */
bool wn__thinning_trains_all(const wn__thinning *t);

#endif
