/* Masks. They live in the parameters (wn__param.mask); these functions make and rearrange them. Compressed parameters are pruned by dropping
 * entries from their pattern; their masks cannot be shuffled.
 *
 * Flat positions are 64-bit and run over the selected parameters in graph order, then over their entries.
 */
#ifndef WN_SPARSE_PRUNE_MASK_H
#define WN_SPARSE_PRUNE_MASK_H

#include "base/rng.h"
#include "base/settings.h"
#include "sparse/prune/n_of_m.h"
#include "sparse/prune/selection.h"

typedef enum wn__scope {
    WN__SCOPE_GLOBAL,
    WN__SCOPE_LAYER,
    WN__SCOPE_DISTRIBUTION, /* within each layer, as many as wn__prune.keep says */
    WN__SCOPE_N_OF_M        /* within each group of wn__prune.n_of_m */
} wn__scope;
extern const char *const wn__scope_names[]; /* "global", "layer", "distribution", "n-of-m", NULL */

typedef enum wn__prune_rule {
    WN__PRUNE_EXACT,     /* kept = round((1 - sparsity) * entries) once; of equal scores the earlier position is kept */
    WN__PRUNE_KD_TICKET, /* threshold |w| of rank entries - active + int(active * rate); kept iff above it (Ma et al. 2021, published code) */
    WN__PRUNE_OPEN_LTH   /* threshold = active score of rank ceil(active * rate); kept iff above it (open_lth) */
} wn__prune_rule;
extern const char *const wn__prune_rule_names[]; /* "exact", "kd-ticket", "open-lth", NULL */

typedef enum wn__empty_layers {
    WN__EMPTY_WARN,    /* a layer may lose all of its weights: logged */
    WN__EMPTY_KEEP_ONE /* every selected layer keeps its best weight; the worst kept ones of the others go instead */
} wn__empty_layers;
extern const char *const wn__empty_names[]; /* "warn", "keep-one", NULL */

typedef struct wn__prune {
    int scope;           /* wn__scope */
    int rule;            /* wn__prune_rule */
    int empty;           /* wn__empty_layers */
    double sparsity;     /* of the selection afterwards, in [0,1); counted from dense, whatever is pruned already */
    const int64_t *keep; /* (params->count) entries that each layer keeps under WN__SCOPE_DISTRIBUTION, which does not look at `sparsity` */
    wn__n_of_m n_of_m;   /* of WN__SCOPE_N_OF_M, which looks at neither; of equal scores the earlier channel is kept, under any rule */
} wn__prune;

/* Keep the entries with the largest scores among those still active. score[i] belongs to parameter i (stored entries; not read for
 * unselected ones); see src/sparse/prune/score.h. sparsity outside [0,1) or below what is reached already: WN_EUSAGE. A non-finite score: WN_EDIVERGED. */
wn_status wn__masks_prune(wn__params *params, const wn__selection *selection, const float *const *score, const wn__prune *prune);

/* Density after `round` (1..rounds) of an iterative chain that ends at `sparsity`, each round pruning the same rate of what remains. */
double wn__round_sparsity(double sparsity, int rounds, int round);
/* Sparsity after `rounds` rounds that each prune `rate` of what remains: 1 - (1 - rate)^rounds. */
double wn__rate_sparsity(double rate, int rounds);

typedef enum wn__shuffle {
    WN__SHUFFLE_LAYER,  /* permuted inside each layer: layer densities stay */
    WN__SHUFFLE_GLOBAL, /* permuted over the whole selection: the total stays */
    WN__SHUFFLE_EVEN /* the total spread so that every layer has the same density (largest remainders get the odd ones), positions drawn */
} wn__shuffle;
extern const char *const wn__shuffle_names[]; /* "layer", "global", "even", NULL */
/* Marks `active` of n entries with 1, the others with 0, every choice equally likely. */
void wn__mask_draw(wn__rng *rng, int64_t n, int64_t active, uint8_t *mask);
/* Replaces the masks of the selected parameters by random ones with as many active entries. The seed's mask stream decides. */
wn_status wn__masks_shuffle(wn__params *params, const wn__selection *selection, wn__shuffle how, uint64_t seed);

#endif
