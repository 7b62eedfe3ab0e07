/* Parameters: stored values, gradient, optimizer slots, mask, and the map from stored values to the weight an operation uses.
 *
 * value, grad and slots have `stored` entries. With the identity map stored == count and they have the weight's shape.
 * Masked-out entries are zero in value and in every slot; wn__param_apply_mask makes it so.
 */
#ifndef WN_TENSOR_PARAM_H
#define WN_TENSOR_PARAM_H

#include "base/alloc.h"

typedef enum wn__param_role {
    WN__WEIGHT,  /* convolution (out, in/groups, kh, kw), linear (out, in) */
    WN__BIAS,    /* (out) */
    WN__SCALE,   /* batch norm gamma (c) */
    WN__SHIFT,   /* batch norm beta (c) */
    WN__MEAN,    /* running mean (c): no gradient */
    WN__VARIANCE /* running variance (c): no gradient */
} wn__param_role;

typedef struct wn__param wn__param;

/* Bases, low rank, thresholds: the weight is computed from the stored values, and its gradient is pulled back to them. */
typedef struct wn__param_map {
    const char *name;
    wn_status (*materialise)(const wn__param *p, const float *stored, float *weight /* count */);
    wn_status (*pull_back)(const wn__param *p, const float *weight_grad /* count */, float *grad /* stored */);
    void (*release)(wn__param *p);
} wn__param_map;

#define WN__SLOTS 2 /* momentum; Adam needs two */

struct wn__param {
    char *name;
    wn__param_role role;
    int ndim;
    int64_t dim[WN_MAX_DIMS]; /* shape of the weight, outermost first */
    int64_t count;            /* product of dim */
    int64_t stored;           /* trained scalars; == count under the identity map */
    float *value;             /* (stored) */
    float *grad;              /* (stored); NULL for statistics */
    float *slot[WN__SLOTS];   /* (stored) or NULL: as the optimizer needs */
    uint8_t *mask;            /* (stored) 1 = active, or NULL = all active */
    int64_t active;           /* entries that are active; == stored without a mask */
    const wn__param_map *map; /* NULL = identity */
    void *map_state;
};

/* All parameters of one network, in graph order. `version` changes whenever values do, so that executors know when to pack again. */
typedef struct wn__params {
    wn__param *item;
    int count;
    int64_t version;
} wn__params;

bool wn__role_is_trained(wn__param_role role);
/* Appends; dims are copied. grad is allocated for trained roles. */
wn_status wn__params_add(wn__params *set, const char *name, wn__param_role role, int ndim, const int64_t *dim);
wn_status wn__params_allocate_slots(wn__params *set, int slots);     /* zeroed; of trained parameters */
wn__param *wn__params_find(const wn__params *set, const char *name); /* NULL if absent */
/* Same names and shapes, else WN_EMISMATCH. Masks stay as they are and are applied. */
wn_status wn__params_copy_values(wn__params *to, const wn__params *from);
/* Set (copying) or with NULL remove the mask; counts active entries and zeroes what is masked out. */
wn_status wn__param_set_mask(wn__param *p, const uint8_t *mask);
void wn__param_apply_mask(wn__param *p);
void wn__params_release(wn__params *set);

#endif
