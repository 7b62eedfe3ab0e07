/* How many connections each layer grows when those that all layers dropped are shared out anew (SNFS, Dettmers and Zettlemoyer 2019; RigL-SG and
 * RigL-SM, Sundar and Dwaraknath 2021). */
#ifndef WN_SPARSE_PRUNE_SHARE_OUT_H
#define WN_SPARSE_PRUNE_SHARE_OUT_H

#include "winnow/core.h"

/* 0.99 of a layer's room, rounded down. */
int64_t wn__share_most(int64_t room);

/* `total` connections over `count` layers in proportion to share[l] >= 0; layer l has room for room[l]. A layer takes at most wn__share_most of its room,
 * what is too much is spread equally over all layers, again and again; then parts become whole numbers by largest remainders, so that the sum is
 * `total` exactly. What does not fit into that of all rooms fills the layers from the first on. Shares that are all zero, or no numbers: false, and
 * nothing is written. The sum of room must be at least `total`. */
bool wn__share_out(int count, const double *share, const int64_t *room, int64_t total, double *part /* (count) scratch */, int64_t *grow);

#endif
