/* A section `mask` over weights that are there, outside of any experiment: what winnow prune and wn_network_prune do. */
#ifndef WN_RUN_WEIGHTS_PRUNING_H
#define WN_RUN_WEIGHTS_PRUNING_H

#include "run/pruning.h"

/* As one row of a recipe: pruned, or pruned and shuffled. The struct stays where it is. */
typedef struct wn__weights_pruning {
    wn__recipe *recipe; /* borrowed: its section mask, and its graph */
    wn__row row;
    wn__pruning how;
} wn__weights_pruning;

/* WN_EUSAGE: keys that say nothing of weights alone, or contradict each other. `command` is named in messages; own_samples: the caller brings the
 * images of scores. */
wn_status wn__weights_pruning_make(wn__recipe *r, const char *command, bool own_samples, wn__weights_pruning *out);
/* Comes next; text NULL: none. WN_EUSAGE: one that is missing (of `weights`), or that the masks say themselves. The seed is that of wn__pruning. */
wn_status wn__weights_pruning_sparsity(wn__weights_pruning *w, const char *text, uint64_t seed, const char *weights);
/* Params are as wn__pruning_read leaves them. */
wn_status wn__weights_pruning_run(const wn__weights_pruning *w, const wn__scorer *scorer, wn__params *params);

#endif
