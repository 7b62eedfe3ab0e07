/* A few samples of the training part. */
#ifndef WN_DATA_SAMPLES_H
#define WN_DATA_SAMPLES_H

#include "data/dataset.h"

typedef struct wn__samples {
    float *images;      /* (n,C,H,W) as the network sees them: no augmentation */
    wn_targets targets; /* (n); of one class each: 0, 1, .., classes-1, 0, 1, ... */
    int64_t *index;     /* (n) in the training part */
    int64_t n;
} wn__samples;

/* `each` of every class among data->source's training samples of `range`, every choice equally likely, classes in turn. WN_EUSAGE if a class has fewer.
 * Where samples have no class of their own, each * classes of them, every choice equally likely, in the order of the data. */
wn_status wn__samples_draw(const wn__dataset *data, wn__range range, const wn__normalize *normalize, int64_t each, uint64_t seed,
                           wn__samples *out);
void wn__samples_release(wn__samples *s); /* accepts a zeroed one */

#endif
