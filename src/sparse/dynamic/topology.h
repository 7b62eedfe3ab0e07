/* One topology update of one weight: some active entries go, others come (Mocanu et al. 2018, SET; Evci et al. 2020, RigL).
 *
 *     drop   magnitude  the fraction of active entries with the smallest |value|; of equals the lower entry number goes
 *                       (lambda: the smallest |value| + lambda |gradient|, Yuan et al. 2021, MEST)
 *            signed     that fraction of those >= 0, and of those < 0, each by itself: the smallest positive and the largest negative (SET's paper)
 *            crossed    those whose value has crossed zero away from the entry's own sign, however many (Deep-R, Bellec et al. 2018)
 *            threshold  those with a |value| below a threshold, however many, but one stays (DSR, Mostafa and Wang 2019)
 *     grow   as many (or t.grows), chosen from all entries that are not active after the drop, those just dropped among them (unless `fresh`):
 *            random    every choice equally likely (SET)
 *            gradient  largest |gradient|; of equals the lower flat position comes (RigL). A NaN never comes.
 *
 * Entries that were inactive start at zero, with zero in every optimizer slot; what becomes
 * of one that was dropped and chosen again is an option. Nothing here is of the order of the dense weight: random growth takes memory for a
 * few numbers per dropped entry; growth by gradient looks at the dense gradient in tiles, one per thread, and keeps the best so far.
 *
 *     wn__topology_init(p, &(wn__drop){.fraction = 0.3}, &t);    // drop
 *     wn__topology_grow_random(&t, &rng);                        // rng: WN__FOR_TOPOLOGY; or, from a reader of wn__executor_read_gradient:
 *     wn__topology_grow_gradient(&t, gradient, pool);
 *     wn__topology_apply(&t, params, p, WN__REGROWN_KEEPS, &made);
 *     wn__topology_release(&t);
 *
 * Values must not change between init and apply.
 */
#ifndef WN_SPARSE_DYNAMIC_TOPOLOGY_H
#define WN_SPARSE_DYNAMIC_TOPOLOGY_H

#include "base/rng.h"
#include "nn/executor/executor.h"
#include "sparse/prune/blocks.h"
#include "tensor/compression.h"

typedef enum wn__drop_rule { WN__DROP_MAGNITUDE, WN__DROP_SIGNED, WN__DROP_CROSSED, WN__DROP_THRESHOLD } wn__drop_rule;
extern const char *const wn__drop_names[]; /* "magnitude", "signed", "crossed", "threshold", NULL */

typedef struct wn__drop {
    int rule;        /* wn__drop_rule */
    double fraction; /* of the active entries (signed: of each sign), rounded down */
    bool round_up;
    uint64_t seed; /* crossed: of the signs, with `layer` */
    uint64_t layer;
    double lambda;      /* magnitude: of |value| + lambda |gradient| (MEST) */
    const int64_t *out; /* magnitude: so many instead of the fraction; NULL: the fraction */
    int64_t width;      /* magnitude: above 1, whole blocks of so many consecutive columns go and come (src/sparse/prune/blocks.h) */
    int criterion;      /* then: wn__block_criterion */
    float threshold;    /* of WN__DROP_THRESHOLD */
    bool fresh;         /* what goes may not come back in this update */
} wn__drop;

/* Deep-R: the sign that a weight at a flat position has whenever it is active, 1 or -1: drawn once and for all. */
float wn__topology_sign(uint64_t seed, uint64_t layer, int64_t position);

typedef struct wn__topology {
    const wn__param *param; /* compressed; borrowed */
    int64_t drops, grows;   /* entries that go, and that come; grows == drops unless the caller changes it before growth */
    int64_t *drop;          /* (drops) entry numbers, ascending */
    int64_t *grow;          /* (grows) flat positions, ascending; NULL: not chosen yet */
    int64_t width;          /* of blocks; up to 1: single entries */
    int criterion;
    bool fresh; /* as in wn__drop */
} wn__topology;

/* A parameter without pattern, or a fraction that is not in [0,1]: WN_EINVAL. A value that is not finite: WN_EDIVERGED. */
wn_status wn__topology_init(const wn__param *p, const wn__drop *how, wn__topology *out);
void wn__topology_release(wn__topology *t); /* accepts a zeroed one */
/* Entries that could grow. */
int64_t wn__topology_room(const wn__topology *t);

wn_status wn__topology_grow_random(wn__topology *t, wn__rng *rng);
/* The same result for any number of threads; pool may be NULL. Too few entries with a gradient that is a number: WN_EDIVERGED. */
wn_status wn__topology_grow_gradient(wn__topology *t, const wn__weight_gradient *gradient, wn__pool *pool);

/* What an update did; dropped - regrown entries are gone, grown - regrown are new. */
typedef struct wn__topology_made {
    int64_t dropped, grown, regrown;
} wn__topology_made;
/* `made` may be NULL. Once per update: it may shorten the lists. */
wn_status wn__topology_apply(wn__topology *t, wn__params *params, wn__param *p, wn__regrown regrown, wn__topology_made *made);

/* The fraction to drop at a step: alpha / 2 (1 + cos(pi step / end)), 0 from step `end` on. */
double wn__topology_cosine(double alpha, int64_t step, int64_t end);

#endif
