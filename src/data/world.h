/* The two worlds of the Deep Bootstrap (Nakkiran et al. 2021; docs/protocol.md, "Worlds"). A world's samples are a stream: the training images that
 * validation leaves, in their order, or a generator's, or those of files too large for memory.
 *
 *     real   the first n of the stream, again in every epoch
 *     ideal  epoch e takes samples e n to (e + 1) n of the same stream: none ever comes back
 *
 * Both take the same samples in the same order in the first epoch.
 */
#ifndef WN_DATA_WORLD_H
#define WN_DATA_WORLD_H

#include "data/dataset.h"

typedef enum wn__world { WN__WORLD_NONE, WN__WORLD_REAL, WN__WORLD_IDEAL } wn__world;
extern const char *const wn__world_names[]; /* "none", "real", "ideal", NULL */

/* Label noise: with this probability a label is another one, all others equally likely. It depends on the sample alone: both worlds have the same. */
int32_t wn__noisy_label(double probability, wn__part part, int64_t sample, int32_t label, int classes);

/* Samples behind validation that both worlds can draw on, of the stream if the set is one. */
wn_status wn__world_samples(const wn__data_facts *facts, const char *validation, int64_t *available);

typedef struct wn__world_request {
    int64_t n;              /* samples of the real world */
    bool third;             /* n more, disjoint from both worlds: the last ones of the stream */
    const char *validation; /* as wn__split_make */
    double label_noise;     /* of training, validation and test labels */
    bool unverified;        /* as wn__dataset_load */
} wn__world_request;

/* The data set with the first n samples as its training part. What comes after them is in memory too, or read from out->stream as it is needed.
 * *third: of out->source's training part; empty unless it was asked for. */
wn_status wn__world_load(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool,
                         const wn__world_request *request, wn__dataset *out, wn__split *split, wn__range *third);

/* Labels of data->source are read with noise from now on. */
wn_status wn__dataset_add_noise(wn__dataset *data, double probability);

#endif
