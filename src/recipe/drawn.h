/* Masks that are drawn before any training: what a recipe's mask.distribution says of a network. */
#ifndef WN_RECIPE_DRAWN_H
#define WN_RECIPE_DRAWN_H

#include "recipe/recipe.h"

/* active[i] (params->count): entries that parameter i keeps at this sparsity. WN_EUSAGE: impossible, see wn__distribution_counts. */
wn_status wn__drawn_counts(const wn_graph *graph, const wn__params *params, const wn__mask_section *section, double sparsity, uint64_t seed,
                           int64_t *active);
/* Random masks with these counts. */
wn_status wn__drawn_masks(const wn_graph *graph, wn__params *params, const wn__mask_section *section, double sparsity, uint64_t seed);
/* WN_EUSAGE if there are no such masks; draws none. */
wn_status wn__drawn_check(const wn_graph *graph, const wn__mask_section *section, double sparsity, uint64_t seed);

/* Does the former rule, by which the first selected layer stayed dense in place of the network's first, give other counts? Only where the selection
 * leaves the network's first layer out. */
wn_status wn__drawn_corrected(const wn_graph *graph, const wn__mask_section *section, double sparsity, uint64_t seed, bool *corrected);

/* A list, the masks of a file and a FLOPs budget say the sparsity themselves. */
bool wn__drawn_has_own_sparsity(const wn__mask_section *section);
/* That one: solved for a budget of FLOPs, to six digits and at seed 0; for a list and a file what the selected layers reach. */
wn_status wn__drawn_sparsity(const wn_graph *graph, const wn__mask_section *section, double *sparsity);

#endif
