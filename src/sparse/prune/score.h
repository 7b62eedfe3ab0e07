/* Scores of weights: what pruning ranks by. */
#ifndef WN_SPARSE_PRUNE_SCORE_H
#define WN_SPARSE_PRUNE_SCORE_H

#include "sparse/prune/selection.h"

/* One array of stored entries per parameter; NULL for unselected ones. */
typedef struct wn__scores {
    float **score;
    int count;
} wn__scores;

wn_status wn__scores_new(const wn__params *params, const wn__selection *selection, wn__scores *out);       /* zeros */
wn_status wn__scores_magnitude(const wn__params *params, const wn__selection *selection, wn__scores *out); /* |w| */
void wn__scores_release(wn__scores *s);                                                                    /* accepts a zeroed one */

#endif
