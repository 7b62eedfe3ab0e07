/* A few labelled images of each class. */
#ifndef WN_DATA_SAMPLES_H
#define WN_DATA_SAMPLES_H

#include "data/dataset.h"
#include "data/targets.h"

typedef struct wn__samples {
    float *images;      /* (n,C,H,W) normalised, as stored: no augmentation */
    wn_targets targets; /* (n) classes 0, 1, .., classes-1, 0, 1, ... */
    int64_t *index;     /* (n) in data->train */
    int64_t n;
} wn__samples;

/* `each` of every class among data->train[range], every choice equally likely, classes in turn. WN_EUSAGE if a class has fewer. */
wn_status wn__samples_draw(const wn__dataset *data, wn__range range, const wn__normalize *normalize, int64_t each, uint64_t seed,
                           wn__samples *out);
void wn__samples_release(wn__samples *s); /* accepts a zeroed one */

#endif
