/* Soft threshold reparameterization (Kusupati et al. 2020): a weight is sign(v) max(|v| - g(s), 0) of its trained values v and of a threshold s that
 * its layer learns with them; g is the sigmoid.
 *
 *     dL/dv = dL/dw where |v| > g(s), else 0           dL/ds = -g'(s) sum over |v| > g(s) of dL/dw sign(v)
 *
 * s starts far below zero, where g and its slope vanish, and weight decay pulls it up. So sparsity follows from the decay and the start, and is
 * only known afterwards.
 */
#ifndef WN_SPARSE_DENSE_TO_SPARSE_SOFT_THRESHOLD_H
#define WN_SPARSE_DENSE_TO_SPARSE_SOFT_THRESHOLD_H

#include "base/settings.h"
#include "sparse/prune/selection.h"

/* As a recipe states it: table wn__threshold_settings. */
typedef struct wn__threshold_rule {
    double start; /* of s */
    double decay; /* of s, times s added to its gradient; negative: the optimizer's weight decay, as for weights */
} wn__threshold_rule;
extern const wn__setting wn__threshold_settings[];

/* Every selected weight becomes one of a threshold of its own, stored after its values. */
wn_status wn__threshold_attach(const wn__threshold_rule *rule, const wn__selection *selection, wn__params *params);
/* g(s) of such a parameter. */
float wn__threshold_of(const wn__param *p);

#endif
