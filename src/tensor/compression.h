/* Compressed parameters: made from dense ones, and their patterns changed.
 *
 * A weight of which few entries are left keeps value, gradient and optimizer slots for those alone, so that memory and the optimizer's work
 * shrink with the zeros. A pattern changes between steps only. Every function here that changes one bumps set->topology and set->version;
 * on failure nothing has changed, unless said.
 */
#ifndef WN_TENSOR_COMPRESSION_H
#define WN_TENSOR_COMPRESSION_H

#include "tensor/param.h"

/* Store only what the mask leaves active; or, with a pattern (taken over and zeroed on success), what it names. The mask goes. A compressed
 * parameter, one without mask and pattern, or one under a map: WN_EINVAL. */
wn_status wn__params_compress(wn__params *set, wn__param *p, wn__pattern *pattern);
/* ... by a pattern, with these values in place of the weight's: as many float as it stores, of any alignment. Gradient and
 * slots are zero then. */
wn_status wn__params_compress_values(wn__params *set, wn__param *p, wn__pattern *pattern, const void *values);
/* Every weight with a mask. A failure may leave some compressed. */
wn_status wn__params_compress_masked(wn__params *set);

/* The reverse, without a mask: entries that were not stored are zero, as are their slots. */
wn_status wn__params_spread(wn__params *set, wn__param *p);

/* The same network again, every parameter dense, patterns as masks; slots too, gradients zero. `out` is zeroed before; released by the caller, after a failure
 * as well. Parameters under a map: WN_EINVAL. */
wn_status wn__params_copy_dense(const wn__params *set, wn__params *out);
/* Stored numbers of a parameter (values, a gradient, a slot) to all its entries: zeros where nothing is stored. */
void wn__param_spread(const wn__param *from, const float *stored, float *dense);
/* The weight that operations see, in whatever form it is stored; weight (count). */
wn_status wn__param_weight(const wn__param *p, float *weight);

/* Room for `capacity` entries, so that changes up to it allocate nothing. */
wn_status wn__params_reserve(wn__params *set, wn__param *p, int64_t capacity);

/* What becomes of an entry that one update both drops and grows. */
typedef enum wn__regrown {
    WN__REGROWN_KEEPS, /* value and slots, as if it had not been dropped */
    WN__REGROWN_ZERO,  /* starts at zero like any other new entry */
    WN__REGROWN_NEVER  /* there is none: what goes may not come back at once */
} wn__regrown;

/* One topology update: drop entries (numbers, ascending), grow flat positions (ascending, not stored after the drop). Entries that stay keep
 * value and slots; new ones start at zero with zero slots and gradient. In place, in time of the order of rows + columns + stored; allocates
 * only beyond the capacity. Both lists may be shortened. */
typedef struct wn__topology_update {
    int64_t *drop, drops;
    int64_t *grow, grows;
    wn__regrown regrown;
} wn__topology_update;
wn_status wn__params_update_topology(wn__params *set, wn__param *p, wn__topology_update *update);
/* The same, by the pattern that is to come out; an entry that both patterns store keeps its value. Allocates two lists of what differs. */
wn_status wn__params_set_pattern(wn__params *set, wn__param *p, const wn__pattern *next);
/* What is active, in the form that the parameter has: a mask, or a pattern of what it leaves. NULL: everything. */
wn_status wn__params_set_mask(wn__params *set, wn__param *p, const uint8_t *mask);

#endif
