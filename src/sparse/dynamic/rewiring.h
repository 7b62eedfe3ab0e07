/* Topology updates of a whole network along a training run: which rule, when, how many connections, and what is kept beside the weights.
 *
 * A run asks at each step (wn__rewiring_is_due); where an update is due, it goes
 *
 *     wn__rewirer_begin(r, ex, step, rate, base); // what every layer drops; random growth is drawn
 *     wn__executor_gradients(ex, ...)             // only if wn__rewirer_wants_gradient(r): growth by gradient listens to this one
 *     wn__rewirer_finish(r, ex);                  // patterns change
 *
 * (Growth by dense momentum has listened to every step since wn__rewirer_attach and needs no gradient of its own.) Where
 * wn__topology_needs_gradients the parameters must hold their gradients at begin. Weights must not change between begin and finish. What takes part are the compressed weights, and masked
 * coefficients of square bases; a weight without pattern and mask stays dense.
 */
#ifndef WN_SPARSE_DYNAMIC_REWIRING_H
#define WN_SPARSE_DYNAMIC_REWIRING_H

#include "base/settings.h"
#include "sparse/dynamic/topology.h"

typedef enum wn__grow_rule {
    WN__GROW_NONE,     /* the topology stays as it is */
    WN__GROW_RANDOM,   /* SET */
    WN__GROW_GRADIENT, /* RigL */
    WN__GROW_MOMENTUM  /* SNFS: by the running average of the gradient */
} wn__grow_rule;
extern const char *const wn__grow_names[]; /* "none", "random", "gradient", "momentum", NULL */

typedef enum wn__momentum_kind {
    WN__MOMENTUM_DENSE, /* of every entry: an array as large as the dense weight, and its whole gradient at every step */
    WN__MOMENTUM_SPARSE /* of active entries, in the optimizer; what is inactive has the gradient of the batch alone */
} wn__momentum_kind;

/* How many entries each layer grows. */
typedef enum wn__redistribution {
    WN__SHARE_NONE,     /* as many as it dropped */
    WN__SHARE_GRADIENT, /* RigL-SG: in proportion to the mean |gradient| of its active entries */
    WN__SHARE_MOMENTUM, /* SNFS, RigL-SM: to their mean |momentum| */
    WN__SHARE_WEIGHTS   /* DSR: to the number of entries that it did not drop */
} wn__redistribution;

/* The fraction to drop at step t, with E = end; 0 outside of [begin, end) */
typedef enum wn__fall {
    WN__FALL_COSINE,   /* final + (alpha - final) (1 + cos(pi t / E)) / 2 */
    WN__FALL_CONSTANT, /* alpha */
    WN__FALL_POWER,    /* alpha (1 - t / E)^power */
    WN__FALL_RATE,     /* alpha times the learning rate over its base */
    WN__FALL_HALVED    /* alpha until `half`, then alpha / 2 */
} wn__fall;

/* How many entries a layer has between updates. */
typedef enum wn__bound {
    WN__BOUND_HARD, /* as many as at the start: what an update drops it grows */
    WN__BOUND_SOFT /* MEST: an update drops down to the number of the start, then grows the fraction of that; one more at `end` only drops */
} wn__bound;

typedef enum wn__update_place {
    WN__UPDATE_INSTEAD, /* in place of the optimizer's step */
    WN__UPDATE_AFTER    /* after it, at the new weights */
} wn__update_place;

/* Whose gradient growth looks at. */
typedef enum wn__look {
    WN__LOOK_BATCH,   /* the step's batch */
    WN__LOOK_BATCHES, /* it and those that follow, in one pass */
    WN__LOOK_FIXED    /* a batch of training images that is drawn once */
} wn__look;

/* As a row or a recipe states it: table wn__topology_settings. */
typedef struct wn__topology_rule {
    int grow;     /* wn__grow_rule */
    int drop;     /* wn__drop_rule */
    double alpha; /* fraction to drop at the start */
    int schedule; /* wn__fall */
    double power, final;
    wn__steps begin, end, interval;
    int update;              /* wn__update_place */
    int regrown;             /* wn__regrown */
    int round;               /* 0: down, 1: up */
    int momentum;            /* wn__momentum_kind */
    double l1, noise;        /* Deep-R: pull to zero and deviation of the noise, times the learning rate, on active weights */
    double decay;            /* of dense momentum */
    int redistribute;        /* wn__redistribution */
    int gradient;            /* wn__look */
    int64_t batches, images; /* of WN__LOOK_BATCHES, of WN__LOOK_FIXED */
    double lambda;           /* what goes is ranked by |value| + lambda |gradient| */
    wn__steps half;          /* of WN__FALL_HALVED */
    int bound;               /* wn__bound */
    int criterion;           /* wn__block_criterion of kernels and filters */
    double gamma;            /* of constant fan-in: least part of salient places that an output keeps its weights with */
    int gamma_of;            /* 0: of the sparse fan-in; 1: of the dense one */
    double threshold;        /* of WN__DROP_THRESHOLD, at the start */
} wn__topology_rule;
extern const wn__setting wn__topology_settings[];

/* Does it look at the optimizer's momentum? */
bool wn__topology_needs_slots(const wn__topology_rule *rule);
/* At the gradients of active weights, before it drops any? */
bool wn__topology_needs_gradients(const wn__topology_rule *rule);

/* With every time in steps. */
typedef struct wn__rewiring {
    wn__topology_rule rule;
    int64_t begin, end, interval, half;
    int block; /* wn__block: what goes and comes together, as the masks have it */
} wn__rewiring;
/* WN_EUSAGE where the times make no sense: an interval below 1, an end before the beginning, choices that have no effect or no meaning together. */
wn_status wn__rewiring_resolve(const wn__topology_rule *rule, int64_t steps_per_epoch, int64_t total, wn__rewiring *out);
/* WN_EUSAGE where blocks, or a constant fan-in, do not go with the rule. */
wn_status wn__rewiring_check_block(const wn__topology_rule *rule, int block);
bool wn__rewiring_is_due(const wn__rewiring *how, int64_t step);
/* Updates at steps first .. last - 1. */
int64_t wn__rewiring_updates(const wn__rewiring *how, int64_t first, int64_t last);
/* Can an update at steps first .. last - 1 share out so much that a layer's part is cut (src/sparse/prune/share_out.h)? Never too few: from bounds alone.
 * entries, active (layers): of those that take part, before step `first`. */
bool wn__rewiring_may_cut(const wn__rewiring *how, int64_t first, int64_t last, int layers, const int64_t *entries, const int64_t *active);
/* rate_share: learning rate over its base; read under WN__FALL_RATE only. */
double wn__rewiring_fraction(const wn__rewiring *how, int64_t step, double rate_share);

/* What has been done; deterministic. */
typedef struct wn__rewired {
    int64_t updates;
    int64_t dropped, grown, regrown; /* connections, over all updates; regrown were dropped in the same update */
    int64_t explored, entries;       /* connections that ever were active, of how many there could be */
} wn__rewired;

typedef struct wn__rewirer wn__rewirer;
/* Borrows params and pool. The seed's topology stream draws random growth. */
wn_status wn__rewirer_new(const wn__rewiring *how, wn__params *params, wn__pool *pool, uint64_t seed, wn__rewirer **out);
void wn__rewirer_free(wn__rewirer *r); /* accepts NULL */
/* Before the first step: where growth follows averaged gradients, the executor hands every gradient to the rewirer from
 * this call on. */
wn_status wn__rewirer_attach(wn__rewirer *r, wn__executor *ex);
/* True if every step needs the gradients of all entries, stored or not. */
bool wn__rewirer_always_listens(const wn__rewirer *r);
/* rate, base_rate: of the optimizer at this step, and at its highest. Under WN__DROP_CROSSED weights walk first: L1 and noise. */
wn_status wn__rewirer_begin(wn__rewirer *r, wn__executor *ex, int64_t step, double rate, double base_rate);
bool wn__rewirer_wants_gradient(const wn__rewirer *r);
wn_status wn__rewirer_finish(wn__rewirer *r, wn__executor *ex);
wn__rewired wn__rewirer_made(const wn__rewirer *r);

/* What continuing needs beside patterns and values: `count` arrays of one parameter each, as tensors "<parameter>.<name>". Reading fills `data` in
 * place, then wn__rewirer_restore sets what has been done until then. */
typedef struct wn__rewirer_array {
    const char *param, *name;
    bool is_float; /* else bytes */
    int64_t count;
    void *data;
} wn__rewirer_array;
int wn__rewirer_arrays(const wn__rewirer *r);
wn__rewirer_array wn__rewirer_array_at(const wn__rewirer *r, int index);
void wn__rewirer_restore(wn__rewirer *r, const wn__rewired *made);

/* The weights that take part, and how many of their entries are active. */
int wn__rewirer_layers(const wn__rewirer *r);
const wn__param *wn__rewirer_layer(const wn__rewirer *r, int index);

#endif
