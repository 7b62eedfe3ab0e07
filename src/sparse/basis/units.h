/* Filters and neurons pruned as a whole: a unit is channel k of a space (src/sparse/basis/channels.h), with all that belongs to it: rows of the layers that
 * make it, their biases, batch norm's scale and shift, and the columns of the layers that read it.
 *
 *     score l2      sqrt(sum of squares / number) over its rows of weights; tied layers together
 *           l1      mean of absolute values
 *           gamma   mean of absolute batch-norm scales
 *     links inside  channels that a residual link adds stay; tied: the same ones go in all layers of the link
 */
#ifndef WN_SPARSE_BASIS_UNITS_H
#define WN_SPARSE_BASIS_UNITS_H

#include "sparse/basis/basis.h"
#include "sparse/prune/mask.h"

/* How many units there are, and still left; of those that can go. */
typedef struct wn__unit_count {
    int64_t all, left;
} wn__unit_count;

/* Keeps the units with the largest scores: round((1 - sparsity) * all) of them, of equals the earlier, over all layers or in each (`scope`), and one
 * at least in each. Units go from layers whose weights are all selected. Masks are set on all that belongs to the others. None can go: WN_EUSAGE. */
wn_status wn__units_prune(const wn_graph *graph, wn__params *params, const wn__selection *selection, const wn__basis_spec *spec,
                          const wn__prune *how, wn__unit_count *count /* may be NULL */);
/* As many units in each space as the masks leave, but others: drawn from the seed's mask stream. */
wn_status wn__units_shuffle(const wn_graph *graph, wn__params *params, const wn__selection *selection, const wn__basis_spec *spec,
                            uint64_t seed);

#endif
