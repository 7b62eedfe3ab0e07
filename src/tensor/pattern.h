/* Which entries of a weight are stored: a matrix of `rows` (outputs) by `columns` (a convolution's: in/groups, kh, kw, flattened), as
 * compressed rows and, beside them, the same entries by columns.
 *
 * Entry numbers run over rows, then over ascending columns; a parameter's stored values, gradients and optimizer slots are in that order.
 * 12 bytes an entry, none for entries that are not stored. Rows, columns and stored entries are each below 2^31; flat positions
 * (row * columns + column) are 64-bit. Empty rows and columns, and patterns without any entry, are fine.
 */
#ifndef WN_TENSOR_PATTERN_H
#define WN_TENSOR_PATTERN_H

#include "base/alloc.h"
#include "base/rng.h"

typedef struct wn__pattern {
    int64_t rows, columns, stored;
    int64_t capacity;      /* entries there is memory for; wn__pattern_change stays within it */
    int64_t *row_start;    /* (rows + 1): entries row_start[r] .. row_start[r+1] - 1 are those of row r */
    int32_t *column;       /* (stored) of each entry; ascending inside a row */
    int64_t *column_start; /* (columns + 1): places column_start[c] .. column_start[c+1] - 1 of the two below are those of column c */
    int32_t *row;          /* (stored) ascending inside a column */
    int32_t *entry;        /* (stored) the entry number at this place */
} wn__pattern;

/* From the flat positions of the entries, ascending; or from a mask (rows * columns), not 0 = stored. Out of range, not ascending or too
 * large: WN_EINVAL that names the place. `out` is written only on success. */
wn_status wn__pattern_from_positions(int64_t rows, int64_t columns, const int64_t *position, int64_t stored, wn__pattern *out);
wn_status wn__pattern_from_mask(int64_t rows, int64_t columns, const uint8_t *mask, wn__pattern *out);
/* From row_start (rows + 1) and column (stored), as files hold them: copied and checked. */
wn_status wn__pattern_from_rows(int64_t rows, int64_t columns, const int64_t *row_start, const int32_t *column, wn__pattern *out);
/* Every entry. */
wn_status wn__pattern_full(int64_t rows, int64_t columns, wn__pattern *out);
/* Exactly `stored` entries, every such pattern equally likely; time and memory grow with `stored` (times a small logarithm), never with
 * rows * columns. */
wn_status wn__pattern_random(int64_t rows, int64_t columns, int64_t stored, wn__rng *rng, wn__pattern *out);
/* `count` <= n different numbers of 0..n-1, ascending, each set equally likely; takes memory for `count` more, twice, while it draws. */
wn_status wn__draw_positions(wn__rng *rng, int64_t n, int64_t count, int64_t *position /* (count) */);
/* Ascending, of 0..largest; `other` has room for as many. The result is in either of the two, and is returned. */
int64_t *wn__sort_positions(int64_t *position, int64_t *other, int64_t count, int64_t largest);
void wn__pattern_release(wn__pattern *p); /* accepts a zeroed one */

/* Make room for `capacity` entries, so that later changes up to it allocate nothing. */
wn_status wn__pattern_reserve(wn__pattern *p, int64_t capacity);
/* Drop entries (numbers, ascending), then add flat positions (ascending, not stored after the drop), in place, in time of the order of
 * rows + columns + stored. Bad lists are WN_EINVAL and change nothing. */
wn_status wn__pattern_change(wn__pattern *p, const int64_t *drop, int64_t drops, const int64_t *grow, int64_t grows);

/* Number of the entry at (row, column); -1 = not stored. */
int64_t wn__pattern_find(const wn__pattern *p, int64_t row, int64_t column);
bool wn__pattern_equal(const wn__pattern *a, const wn__pattern *b);
/* Sorted, in range, both directions the same: an invariant. */
bool wn__pattern_is_valid(const wn__pattern *p);
size_t wn__pattern_bytes(const wn__pattern *p);

void wn__pattern_mask(const wn__pattern *p, uint8_t *mask /* (rows * columns) */);
void wn__pattern_scatter(const wn__pattern *p, const float *stored, float *dense); /* zeros elsewhere */
/* Flat positions [first, first + count) of the same two. */
void wn__pattern_mask_part(const wn__pattern *p, int64_t first, int64_t count, uint8_t *mask);
void wn__pattern_scatter_part(const wn__pattern *p, const float *stored, int64_t first, int64_t count, float *dense);
void wn__pattern_gather(const wn__pattern *p, const float *dense, float *stored); /* in place (stored == dense) too */
/* Between two patterns of one shape: zero where `from` stores nothing. */
void wn__pattern_transfer(const wn__pattern *from, const float *values, const wn__pattern *to, float *out);

#endif
