/* How a sparsity is spread over layers (methods of Mocanu et al. 2018, Evci et al. 2020), and random topologies that follow it.
 *
 *     uniform  every layer the same; the first may stay dense
 *     er       Erdos-Renyi: density_l = eps (n_in + n_out) / (n_in n_out), from the weight's shape without the kernel's sides
 *     erk      Erdos-Renyi-kernel: density_l = eps (sum of the weight's sides / product of them)^power
 *
 * eps is such that the number of zeros over the selected layers is that of `uniform` (first layer not dense). A layer whose density would
 * pass 1 becomes dense, and eps is found again for the others. A layer of N entries at sparsity s has floor(s N) zeros, as in RigL's code.
 */
#ifndef WN_SPARSE_DISTRIBUTION_H
#define WN_SPARSE_DISTRIBUTION_H

#include "sparse/selection.h"

typedef enum wn__distribution { WN__UNIFORM, WN__ER, WN__ERK } wn__distribution;
extern const char *const wn__distribution_names[]; /* "uniform", "er", "erk", NULL */

typedef struct wn__distribute {
    int distribution; /* wn__distribution */
    double sparsity;  /* of the selection, in [0,1] */
    bool dense_first; /* the first selected layer stays dense and outside of the budget */
    double power;     /* of erk; 0 = 1 */
} wn__distribute;

/* active[i] (params->count): entries that parameter i keeps; all of them where it is not selected. eps may be NULL; NaN where there is none. */
wn_status wn__distribution_counts(const wn__params *params, const wn__selection *selection, const wn__distribute *how, int64_t *active,
                                  double *eps);

/* Random masks with these counts in the selected parameters; a parameter that stays dense has none. The seed's mask stream decides. */
wn_status wn__masks_random(wn__params *params, const wn__selection *selection, const int64_t *active, uint64_t seed);

#endif
