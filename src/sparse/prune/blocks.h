/* Parts of a weight that are there or not there as a whole, and masks that keep outputs alike.
 *
 *     kernel   what one output takes from one input channel (RigL-struct of Sundar and Dwaraknath 2021); a single weight of a linear layer
 *     filter   all that an output takes
 *     fan-in   no block of entries: every output that is left has the same number of them (SRigL, Lasby et al. 2024)
 */
#ifndef WN_SPARSE_PRUNE_BLOCKS_H
#define WN_SPARSE_PRUNE_BLOCKS_H

#include "sparse/prune/selection.h"

typedef enum wn__block { WN__BLOCK_WEIGHT, WN__BLOCK_KERNEL, WN__BLOCK_FILTER, WN__BLOCK_FAN_IN } wn__block;
extern const char *const wn__block_names[]; /* "weight", "kernel", "filter", "fan-in", NULL */

typedef enum wn__block_criterion {
    WN__BLOCK_MEAN_ABS, /* mean |x| */
    WN__BLOCK_ABS_MEAN  /* |mean x|, as RigL's reproduction has it in its code */
} wn__block_criterion;
extern const char *const wn__block_criterion_names[]; /* "mean-abs", "abs-mean", NULL */

/* Consecutive columns of a block; 1 for weights and fan-in. */
int64_t wn__block_width(const wn__param *p, int block);
float wn__block_score(const float *x, int64_t width, int criterion);

/* From numbers of entries to such as blocks allow: of a kernel or filter the nearest multiple, at least one; of fan-in the same number for every output,
 * rounded down. Layers with all entries keep them. WN_EUSAGE where outputs would have none. */
wn_status wn__blocks_round(const wn__params *params, const wn__selection *selection, int block, int64_t *active);
/* Random masks with these counts, every one equally likely; a parameter that stays dense has none. The seed's mask stream decides. */
wn_status wn__blocks_random(wn__params *params, const wn__selection *selection, int block, const int64_t *active, uint64_t seed);

#endif
