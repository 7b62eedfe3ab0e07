/* RandAugment (arXiv:1909.13719) as torchvision has it: a few of 14 operations, drawn, each at the same magnitude. */
#ifndef WN_DATA_RAND_AUGMENT_H
#define WN_DATA_RAND_AUGMENT_H

#include "base/rng.h"
#include "io/pixels.h"

enum { WN__RAND_AUGMENT_OPERATIONS = 14, WN__RAND_AUGMENT_BINS = 31 };

typedef struct wn__rand_augment {
    int operations; /* torchvision's default: 2 */
    int magnitude;  /* 0 to 30; torchvision's default: 9 */
} wn__rand_augment;

/* One operation, by its number in torchvision's order, at a magnitude of 0 to 30, the other way where it has a sign and `negative`. spare: another image, zeroed or of an earlier call;
 * the two may have changed places. */
wn_status wn__rand_augment_apply(int operation, int magnitude, bool negative, wn__pixels *p, wn__pixels *spare);
/* For each operation two draws: which, and its sign, whether it has one or not. */
wn_status wn__rand_augment_image(const wn__rand_augment *a, wn__rng *r, wn__pixels *p, wn__pixels *spare);

#endif
