/* Samples as the network sees them, read by one thread: inputs of one size, augmented and normalised.
 *
 * Transforms that give a size themselves take pictures as they are. Others take what data/picture_fit.h makes of them by data->fit. */
#ifndef WN_DATA_SAMPLE_READER_H
#define WN_DATA_SAMPLE_READER_H

#include "data/augment.h"
#include "data/dataset.h"
#include "data/transform.h"

typedef struct wn__sample_reader {
    const wn__dataset *data; /* borrowed */
    wn__augment augment;
    const wn__transforms *transforms; /* instead of augment; borrowed. NULL: none */
    wn__normalize normalize;
    uint64_t seed;    /* of augmentation */
    uint8_t *changed; /* (C,H,W) of the network's size, augmented; of pixels */
    bool gives_size;  /* transforms do */
    wn__scratch scratch;
    wn__canvas canvas;
} wn__sample_reader;

/* The first five fields are set. Takes all memory but what a source needs to read. */
wn_status wn__sample_reader_open(wn__sample_reader *reader);
void wn__sample_reader_close(wn__sample_reader *reader); /* accepts a zeroed one, and one that failed to open */

/* A sample of data->source or data->stream. epoch, sample: what its augmentation depends on. input: (C,H,W) floats or (steps) int32 tokens.
 * What mixes batches is left to the loader. */
wn_status wn__sample_reader_read(wn__sample_reader *reader, wn__sample_source *source, wn__part part, int64_t index, int64_t epoch,
                                 int64_t sample, void *input, void *target);

#endif
