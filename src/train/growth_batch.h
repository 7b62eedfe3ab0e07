/* Other images than the step's for growth by gradient: several batches of the stream at once, or a batch that is fixed from the start. */
#ifndef WN_TRAIN_GROWTH_BATCH_H
#define WN_TRAIN_GROWTH_BATCH_H

#include "data/loader.h"
#include "sparse/dynamic/rewiring.h"

typedef struct wn__growth_batch {
    int64_t n, most;    /* images now, and at most */
    float *images;      /* (most,C,H,W) */
    wn_targets targets; /* (most) */
    wn__loader *loader;
    int64_t values;  /* of an image */
    int64_t batches; /* of the stream that it takes; 0: fixed */
} wn__growth_batch;

/* stream: the training data; a fixed batch is drawn by `seed` from the same images, without augmentation. */
wn_status wn__growth_batch_init(wn__growth_batch *g, const wn__topology_rule *rule, const wn__loader_options *stream, uint64_t seed);
void wn__growth_batch_release(wn__growth_batch *g); /* accepts a zeroed one */
/* The images for an update whose step uses this batch of the stream: it and those that follow. Does nothing to a fixed batch. */
wn_status wn__growth_batch_fill(wn__growth_batch *g, int64_t epoch, int64_t batch);

#endif
