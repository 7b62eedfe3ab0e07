/* Augmentation of one image: the same for the same (seed, epoch, sample), whoever draws it and when. */
#ifndef WN_DATA_AUGMENT_H
#define WN_DATA_AUGMENT_H

#include "base/rng.h"
#include "winnow/core.h"

typedef struct wn__augment {
    int pad;      /* > 0: pad by so many pixels on each side, then cut the old size at a uniformly drawn place */
    bool reflect; /* pad by reflection (edge not repeated) instead of zero bytes */
    bool flip;    /* mirror left-right with probability 1/2 */
} wn__augment;

/* Adds one item of a recipe's list: "pad-crop-4", "pad-crop-4-reflect", "flip", "none". Unknown: WN_EUSAGE with the list; `what` names the place. */
wn_status wn__augment_add(wn__augment *a, const char *item);
bool wn__augment_is_none(const wn__augment *a);

/* in, out (C,H,W), not overlapping. Three draws of wn__rng_make(seed, WN__FOR_AUGMENT, epoch, sample) in the order down, right, flip,
 * whichever of them are in use: switching one on never changes another. reflect needs pad < min(H,W): the caller checks. */
void wn__augment_image(const wn__augment *a, uint64_t seed, int64_t epoch, int64_t sample, int channels, int height, int width,
                       const uint8_t *in, uint8_t *out);
/* The same with that stream's next three draws. */
void wn__augment_draw(const wn__augment *a, wn__rng *r, int channels, int height, int width, const uint8_t *in, uint8_t *out);

#endif
