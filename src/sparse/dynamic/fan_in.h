/* One topology update of a weight whose outputs all have the same number of connections (SRigL, Lasby et al. 2024). With n active weights, the fraction f
 * and the budget that the layer began with:
 *
 *     the n - int(f n) largest |w| are kept for now
 *     salient is what is kept, and the int(f n) places with the largest |g| of the whole layer
 *     an output with less than max(1, int(gamma k)) salient places loses all of its weights, with k the fan-in of the budget over all outputs (or of
 *     the dense weight); but no more outputs than leave room for n weights
 *     the outputs that are left get a fan-in of budget / their number: of theirs the n - int(f n) largest |w| stay, in each at most the fan-in, and
 *     each is filled up with its places of the largest |g|
 *
 * Of equals the lower place is kept, salient or grown. An output without weights may come back: its gradients are looked at, too.
 */
#ifndef WN_SPARSE_DYNAMIC_FAN_IN_H
#define WN_SPARSE_DYNAMIC_FAN_IN_H

#include "sparse/dynamic/topology.h"

typedef struct wn__fan_in_rule {
    double fraction, gamma; /* gamma 0: no output loses its weights */
    bool of_dense;          /* gamma is of the dense fan-in */
    bool round_up;          /* f n */
    int64_t budget;
} wn__fan_in_rule;

/* Chooses what goes and comes; t holds the parameter alone. */
wn_status wn__fan_in_choose(wn__topology *t, const wn__fan_in_rule *rule, const wn__weight_gradient *gradient, wn__pool *pool);

#endif
