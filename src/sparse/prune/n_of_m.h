/* N:M sparsity (Zhou et al. 2021): of every M consecutive input channels of an output, at one place of its kernel, at most N weights are not zero.
 *
 * A mask keeps the N largest scores of each group; of equals the earlier channel. Training by SR-STE finds the mask anew at every step: forward and the
 * gradient of activations take the masked weight, and what is stored follows
 *
 *     g + decay (1 - mask) v
 *
 * with g the gradient of the masked weight at all places, masked ones too (straight through).
 */
#ifndef WN_SPARSE_PRUNE_N_OF_M_H
#define WN_SPARSE_PRUNE_N_OF_M_H

#include "base/settings.h"
#include "sparse/prune/selection.h"

/* As a recipe states it: table wn__n_of_m_settings. */
typedef struct wn__n_of_m {
    int64_t n, m;
    double decay; /* of training */
} wn__n_of_m;
extern const wn__setting wn__n_of_m_settings[];

/* WN_EUSAGE unless 1 <= N <= M, and every selected layer has a multiple of M input channels (of a group of the convolution). */
wn_status wn__n_of_m_check(const wn__n_of_m *rule, const wn__selection *selection, const wn__params *params);
/* mask (p->count). */
void wn__n_of_m_mask(const wn__n_of_m *rule, const wn__param *p, const float *score, uint8_t *mask);
/* Every selected weight is masked so from now on, its stored values trained by SR-STE. */
wn_status wn__n_of_m_attach(const wn__n_of_m *rule, const wn__selection *selection, wn__params *params);

#endif
