/* Weights under a basis: what is stored and trained are coefficients (wn__param.map); masks are over them.
 *
 *     canonical, dct, haar, random   count coefficients, in the weight's shape
 *     svd        min(m,n) scalars along fixed left and right vectors, those of the weights that the mask was made from
 *     low-rank   factors (m,r) then (r,n); in a mask's place stands a rank
 * for a weight of m = dim[0] rows and n = count / m columns. Files of networks hold the weights themselves, so that others can read them, and
 * beside them (not in checkpoints):
 *     <name>.coefficients        F32 (stored)  in the weight's shape where there are as many
 *     <name>.coefficients_mask   U8            where there is a mask
 *     <name>.left, <name>.right  F32 (k,m), (k,n) of svd
 *     <name>.rank                I64 (1)       of low-rank
 * and the metadata "basis", as wn__basis_show writes it. Files of masks have the last three lines, and "<name>_mask" over the coefficients.
 */
#ifndef WN_SPARSE_BASIS_BASIS_MAP_H
#define WN_SPARSE_BASIS_BASIS_MAP_H

#include "io/safetensors.h"
#include "sparse/basis/basis.h"
#include "sparse/prune/mask.h"

typedef struct wn__basis_use {
    const wn__basis_spec *spec;
    const wn__selection *selection;
    uint64_t seed;               /* the replicate's */
    const wn__safetensors *file; /* NULL, or where svd has its vectors from, and low-rank its ranks. Without: from the values themselves */
    const int64_t *rank;         /* of low-rank without a file: (params->count), 0 = stays as it is */
} wn__basis_use;
/* Selected weights become coefficients of what they are (of low rank: of the best fit). A weight that the basis does not fit: WN_EUSAGE. A failure
 * may leave some changed. Canonical and units: nothing is done. */
wn_status wn__basis_enter(wn__params *params, const wn__basis_use *use);
/* Coefficients and their masks as the file of a network has them, exactly, where it has the same basis; others stay as they are. */
wn_status wn__basis_read(const wn__safetensors *file, wn__params *params);

/* For files of networks alone: weights that the file has coefficients of become these again, with its masks. Others stay as they are. */
wn_status wn__basis_enter_file(const wn__safetensors *file, wn__params *params);
/* The same, of svd and low rank alone. */
wn_status wn__basis_enter_fitted(const wn__safetensors *file, wn__params *params);

/* "dct over=taps", "random block=64 seed=0 replicate=1": what makes the basis again. text (WN__BASIS_TEXT) is returned. */
enum { WN__BASIS_TEXT = 160 };
const char *wn__basis_show(const wn__basis_spec *spec, uint64_t seed, char text[WN__BASIS_TEXT]);
/* Vectors, ranks, metadata; and `coefficients` with their masks if asked for. */
wn_status wn__basis_add(wn__st_writer *w, const wn__params *params, bool coefficients);
/* Shape of a parameter's stored values in files. */
void wn__basis_shape(const wn__param *p, int *ndim, int64_t dim[WN_MAX_DIMS]);

/* Low rank: how many directions each selected layer keeps, rank (params->count). r directions cost r (m + n) parameters; the budget is
 * (1 - sparsity) of the entries, over all layers or within each (`scope`). Globally the largest singular value of a layer whose next direction still fits is
 * kept next, of equals that of the earlier layer; every layer keeps one. Rank 0: as many as would be larger than the layer, which stays whole. */
wn_status wn__ranks_choose(const wn__params *params, const wn__selection *selection, const wn__prune *how, int64_t *rank);

/* The parts of a weight under svd (those that its mask leaves) or low-rank: weight (m,n) = left (m,r) right (r,n), owned by the caller. Rank 0:
 * none, another map or no map. */
wn_status wn__basis_factors(const wn__param *p, int64_t *rank, float **left, float **right);

#endif
