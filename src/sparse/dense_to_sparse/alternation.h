/* AC/DC (Peste et al. 2021): phases in which all weights are trained take turns with phases in which only the largest are, the others being zero.
 *
 *     [0, begin)             dense
 *     [begin, last_dense)    `sparse` steps sparse, `dense` steps dense, and so on
 *     [last_dense, final)    dense
 *     [final, end of run)    sparse
 *
 * A sparse phase begins with a new mask, of the largest weights of all; a dense one with zeros where the mask was, and an optimizer that starts anew.
 */
#ifndef WN_SPARSE_DENSE_TO_SPARSE_ALTERNATION_H
#define WN_SPARSE_DENSE_TO_SPARSE_ALTERNATION_H

#include "base/settings.h"
#include "sparse/prune/mask.h"

typedef enum wn__phase_momentum {
    WN__MOMENTUM_RESET, /* zero everywhere when a dense phase begins */
    WN__MOMENTUM_KEPT   /* of what stayed active */
} wn__phase_momentum;

/* As a recipe states it: table wn__alternation_settings. */
typedef struct wn__alternation_rule {
    wn__steps begin, sparse, dense, last_dense, final;
    int momentum; /* wn__phase_momentum */
} wn__alternation_rule;
extern const wn__setting wn__alternation_settings[];

typedef struct wn__alternation {
    int64_t begin, sparse, dense, last_dense, final;
    int momentum;
} wn__alternation;
/* WN_EUSAGE where the times make no sense: a phase of no step, times out of order, or no sparse phase at the end of a run of `total` steps. */
wn_status wn__alternation_resolve(const wn__alternation_rule *rule, int64_t steps_per_epoch, int64_t total, wn__alternation *out);
bool wn__alternation_is_sparse(const wn__alternation *how, int64_t step);
/* Steps of [0, total) in sparse phases. */
int64_t wn__alternation_sparse_steps(const wn__alternation *how, int64_t total);

/* Before a step: masks as its phase has them. last: the mask of every sparse phase. *restarts: the optimizer is to start anew. */
wn_status wn__alternation_enter(const wn__alternation *how, const wn__prune *last, const wn__selection *selection, int64_t step,
                                wn__params *params, bool *changed, bool *restarts);

#endif
