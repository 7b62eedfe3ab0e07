/* The order in which kernels visit the entries of a weight, and where each entry's pixels lie: a convolution's or linear layer's weight,
 * forward or transposed, cut into tiles of input channels whose pixels stay in the first cache.
 *
 * Forward, a row is an output channel and its entries are in the weight's own order. Transposed, a row is an input channel, its entries run
 * over output channels, then taps; with a stride there is one walk for each phase (the place of an input pixel modulo the stride), which
 * takes the taps that reach it.
 */
#ifndef WN_BACKEND_SPARSE_WALK_H
#define WN_BACKEND_SPARSE_WALK_H

#include "backend/sparse/sparse_device.h"
#include "kernels/lanes_product.h"

typedef struct wn__walk_request {
    const wn__op_desc *desc;    /* of a convolution */
    const wn__pattern *pattern; /* NULL: every entry */
    wn__lane_layout from;       /* of the tensor that is read */
    const int32_t *tap;         /* (kernel_h * kernel_w) distance of each tap, forward; NULL: as they lie in `from` */
    bool transposed;
    int phase_y, phase_x; /* transposed */
    int64_t tap_tile;     /* forward: entries sorted by tile of so many channels, then tap, then channel; 0: in the weight's order */
    int64_t window;       /* pixels of a channel that a run reads: decides the tiles */
} wn__walk_request;

typedef struct wn__walk {
    bool dense;          /* all rows share one list of entries */
    int64_t rows, tiles; /* tiles of input channels */
    int64_t *begin;      /* sparse (tiles + 1, rows); dense (tiles + 1) */
    int32_t *offset, *entry;
    float *value;       /* sparse, transposed or by tap: (entries) the values in the order of the list, as wn__walk_pack() found them */
    int64_t row_stride; /* dense: between the values of a row's entry and the next row's */
    int64_t entries;    /* in the list */
} wn__walk;

wn_status wn__walk_make(const wn__walk_request *request, wn__walk *out); /* too large for 32-bit offsets: WN_EUNSUPPORTED */
void wn__walk_release(wn__walk *w);                                      /* accepts a zeroed one */

/* to[k] = from[entry[k]] for k < n. */
void wn__gather_values(wn__pool *pool, int64_t n, const int32_t *entry, const float *from, float *to);
/* Whenever values changed, before a sparse walk that is transposed or by tap is used: taking them in the order of the walk once costs less than every block of
 * images looking for them. */
void wn__walk_pack(wn__walk *w, wn__pool *pool, const float *value);

/* The part of the weight that tile `tile` multiplies, of all rows. */
wn__lane_matrix wn__walk_tile(const wn__walk *w, int64_t tile, const float *value);

#endif
