/* Parameters: stored values, gradient, optimizer slots, mask or pattern, and the map from stored values to the weight an operation uses.
 *
 * value, grad and slots have `stored` entries. A dense parameter under the identity map has stored == count, in the weight's shape; a mask
 * may then say which are active: masked-out entries are zero in value and in every slot (wn__param_apply_mask makes it so).
 * A compressed parameter has a pattern instead, and entries for what the pattern stores only, in its order: stored == active, no mask.
 * src/tensor/compression.h makes the one from the other and changes patterns.
 */
#ifndef WN_TENSOR_PARAM_H
#define WN_TENSOR_PARAM_H

#include "tensor/pattern.h"

typedef enum wn__param_role {
    WN__WEIGHT,  /* convolution (out, in/groups, kh, kw), linear (out, in) */
    WN__BIAS,    /* (out) */
    WN__SCALE,   /* batch norm gamma (c) */
    WN__SHIFT,   /* batch norm beta (c) */
    WN__MEAN,    /* running mean (c): no gradient */
    WN__VARIANCE /* running variance (c): no gradient */
} wn__param_role;

typedef struct wn__param wn__param;

/* Bases, low rank: the weight is computed from the stored values, and its gradient is pulled back to them. */
typedef struct wn__param_map {
    const char *name;
    wn_status (*materialise)(const wn__param *p, const float *stored, float *weight /* count */);
    wn_status (*pull_back)(const wn__param *p, const float *weight_grad /* count */, float *grad /* stored */);
    void (*release)(wn__param *p);
    int64_t (*bytes)(const wn__param *p);    /* of all that makes the weight again; NULL: values and mask */
    int64_t (*products)(const wn__param *p); /* multiply-adds of one use where the layer is split as the map allows; NULL: count */
    int64_t (*active)(const wn__param *p);   /* entries of the weight that are not zero, where zeros are what the map is for; else NULL */
    bool linear;                             /* the weight is linear in what is stored: materialise and pull_back take tangents, too */
    bool decays_own_tail;                    /* pull_back adds the weight decay of what is stored beyond `count`, the optimizer none */
} wn__param_map;

enum {
    WN__AVERAGE = 2, /* a moving average of the values, behind the optimizer's slots: momentum; Adam needs two */
    WN__SLOTS
};

struct wn__param {
    char *name;
    wn__param_role role;
    int ndim;
    int64_t dim[WN_MAX_DIMS]; /* shape of the weight, outermost first */
    int64_t count;            /* product of dim */
    int64_t stored;           /* trained scalars; == count under the identity map without a pattern */
    int64_t capacity;         /* that value, grad and slots have room for; >= stored */
    float *value;             /* (stored) */
    float *grad;              /* (stored); NULL for statistics */
    float *slot[WN__SLOTS];   /* (stored) or NULL: as the optimizer needs, and WN__AVERAGE */
    uint8_t *mask;            /* (stored) 1 = active, or NULL = all active */
    wn__pattern *pattern;     /* owned; which entries are stored: rows = dim[0], columns = the rest; NULL = dense */
    bool frozen;              /* training leaves it as it is */
    int64_t active;           /* entries that are active; == stored without a mask */
    const wn__param_map *map; /* NULL = identity */
    void *map_state;
    float *room; /* (count) under a map: for the weight, while it is looked at */
};

/* All parameters of one network, in graph order. `version` changes whenever values do, so that executors know when to pack again;
 * `topology` whenever a pattern does, or arrays move: both change then. */
typedef struct wn__params {
    wn__param *item;
    int count;
    int64_t version, topology;
} wn__params;

bool wn__role_is_trained(wn__param_role role);
/* Scalars that the parameter would have dense: what sparsity is counted from. */
static inline int64_t wn__param_entries(const wn__param *p) { return p->pattern ? p->count : p->stored; }
/* Appends; dims are copied. grad is allocated for trained roles. */
wn_status wn__params_add(wn__params *set, const char *name, wn__param_role role, int ndim, const int64_t *dim);
/* The same, compressed from the start: no dense array is ever made. The pattern is taken over (and zeroed) on success. Weights only. */
wn_status wn__params_add_compressed(wn__params *set, const char *name, int ndim, const int64_t *dim, wn__pattern *pattern);
wn_status wn__params_allocate_slots(wn__params *set, int slots);     /* zeroed; of trained parameters */
wn__param *wn__params_find(const wn__params *set, const char *name); /* NULL if absent */
/* Same names and shapes, else WN_EMISMATCH. Masks and patterns of `to` stay as they are: it takes what they let through. */
wn_status wn__params_copy_values(wn__params *to, const wn__params *from);
/* Set (copying) or with NULL remove the mask of a dense parameter; counts active entries and zeroes what is masked out. */
wn_status wn__param_set_mask(wn__param *p, const uint8_t *mask);
void wn__param_apply_mask(wn__param *p);
/* Invariants: counts agree with mask, pattern and map; masked entries are zero in value and slots. */
bool wn__param_is_valid(const wn__param *p);
bool wn__params_are_valid(const wn__params *set);
/* Put a dense parameter without mask under a map: `stored` values that are zero, as are slots. map_state is taken over on success. */
wn_status wn__params_set_map(wn__params *set, wn__param *p, const wn__param_map *map, void *map_state, int64_t stored);
/* Cover with a map a dense parameter without mask, one that has `active`: what it holds stays as the first `count` of its stored values, `tail` zeros come after them.
 * `state` belongs to the map's release from then on, also after a failure. */
wn_status wn__params_cover(wn__params *set, wn__param *p, const wn__param_map *map, void *state, int64_t tail);
/* The weights that such maps give, as plain dense parameters whose masks say what is not zero. Does nothing without maps. A failure may leave some. */
wn_status wn__params_uncover(wn__params *set);
/* The same as a set of its own that shares all other arrays: for reading only. Free with wn__params_view_release. */
wn_status wn__params_view(const wn__params *set, wn__params *out);
void wn__params_view_release(wn__params *view);
void wn__params_release(wn__params *set);

#endif
