/* The places of a weight with the largest gradients, found without the whole gradient ever being there: it is looked at in tiles, one per thread.
 * Of equals the lower place is taken, a NaN never. The same for any number of threads; pool may be NULL. Too few candidates: WN_EDIVERGED. */
#ifndef WN_SPARSE_DYNAMIC_GROWTH_SEARCH_H
#define WN_SPARSE_DYNAMIC_GROWTH_SEARCH_H

#include "nn/executor/executor.h"
#include "sparse/prune/blocks.h"

/* True where the entry (or the block that begins) there is no candidate. */
typedef bool (*wn__growth_is_out)(const void *arg, int64_t row, int64_t column);

typedef struct wn__growth {
    const wn__weight_gradient *gradient;
    int64_t wanted;           /* blocks */
    int64_t width;            /* consecutive columns of a block; 1: single entries */
    int criterion;            /* wn__block_criterion */
    wn__growth_is_out is_out; /* NULL: everything is a candidate */
    const void *arg;
} wn__growth;
/* Positions of blocks, row * (columns / width) + block, ascending; free with wn__free. */
wn_status wn__growth_search(const wn__growth *what, wn__pool *pool, int64_t **out /* (wanted) */);

typedef struct wn__growth_rows {
    const wn__weight_gradient *gradient;
    const int64_t *want; /* (rows) of each row by itself */
    wn__growth_is_out is_out;
    const void *arg;
} wn__growth_rows;
/* Flat positions, ascending; free with wn__free. */
wn_status wn__growth_by_row(const wn__growth_rows *what, wn__pool *pool, int64_t **out /* (sum of want) */);

#endif
