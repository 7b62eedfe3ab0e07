/* Batches of a data set, prepared ahead by threads of their own.
 *
 * What a batch holds depends on (options, epoch, batch) alone: never on the number of threads, on earlier batches, or on restarts.
 * The loader's own memory is taken by wn__loader_new; handing out batches allocates nothing, but for what a source needs to read.
 *
 * Which samples make a batch is the loader's order, a function of epoch and place. WN__SAMPLES_IN_ORDER and WN__SAMPLES_SHUFFLED take them one by one.
 * WN__SAMPLES_IN_STREAMS cuts the part into `batch` streams that run side by side: row r of batch k is sample r * batches + k, so that each row goes on where
 * the row of the batch before ended; what is left at the end is dropped. Text takes it, with a state that is carried on while batch->continues. Windows of
 * text are ordinary samples, shuffled or not.
 *
 * A sample that cannot be read is the status of wn__loader_next for its batch, with the source's message. A stop request ends waiting with WN_ESTOPPED.
 *
 * In the ideal world (data/world.h) samples of the training part never come back: epoch e takes those from fresh_first + e n on, n being the size of the
 * part, out of data->source or from data->stream. Those that come from a stream keep its order.
 *
 *     wn__loader_seek(loader, 3, 17);                    // continue a run
 *     for (;;) { WN_TRY(wn__loader_next(loader, &batch)); step(batch->input, batch->targets, batch->n); }
 */
#ifndef WN_DATA_LOADER_H
#define WN_DATA_LOADER_H

#include "data/augment.h"
#include "data/dataset.h"
#include "data/targets.h"
#include "data/transform.h"

typedef enum wn__last_batch {
    WN__LAST_KEEP, /* a smaller last batch */
    WN__LAST_DROP, /* no last batch unless full */
    WN__LAST_WRAP  /* filled up from the beginning of the same epoch's order */
} wn__last_batch;
extern const char *const wn__last_batch_names[]; /* "keep", "drop", "wrap", NULL: choices of a setting */

typedef enum wn__sample_order { WN__SAMPLES_IN_ORDER, WN__SAMPLES_SHUFFLED, WN__SAMPLES_IN_STREAMS } wn__sample_order;

enum { WN__MOST_LOADER_THREADS = 8 };
typedef struct wn__loader_options {
    const wn__dataset *data; /* borrowed until wn__loader_free */
    wn__part part;
    wn__split split;
    int64_t batch;
    wn__last_batch last_batch;
    uint64_t seed;          /* the data stream: order and augmentation */
    wn__sample_order order; /* shuffled: the permutation of an epoch by wn__rng_make(seed, WN__FOR_ORDER, epoch, 0) */
    wn__augment augment;
    const wn__transforms *transforms; /* instead of augment; borrowed. NULL: none */
    wn__normalize normalize;
    bool ideal;          /* concerns the part TRAIN only */
    int64_t fresh_first; /* of ideal: 0, or so many samples of the stream (n or more) are not for this loader */
    const wn_stop *stop; /* ends waiting for a batch; NULL: wn_request_stop alone does */
    int threads;         /* preparing ahead: 1..WN__MOST_LOADER_THREADS; 0 prepares in the caller (no threads, for evaluation or tests) */
} wn__loader_options;

typedef struct wn__batch {
    int64_t epoch, index; /* position: index-th batch of the epoch */
    int64_t n;            /* samples in this batch */
    float *input;         /* (n,C,H,W); NULL for tokens */
    int32_t *tokens;      /* (n,steps); NULL for all else */
    wn_targets targets;   /* (n); distributions where samples are mixed */
    wn_targets told;      /* (n): what metrics compare outputs with, `targets`, or of mixed samples the class that has most of each */
    int64_t *samples;     /* (n): index in the source's part, before shuffling; with a stream: beyond the training part */
    bool continues;       /* in streams: each row goes on where that of the batch before ended */
} wn__batch;

/* Without augmentation, as evaluations see samples. */
void wn__loader_unaugmented(wn__loader_options *options);

typedef struct wn__loader wn__loader;

/* Bytes of the batches that a loader of so many threads keeps; of pictures of any size, without those that are being decoded. */
int64_t wn__loader_room(const wn__sample_spec *spec, int64_t batch, int threads);

/* Starts at epoch 0, batch 0. WN_EINVAL if there is no batch at all (empty part; drop with too few samples). */
wn_status wn__loader_new(const wn__loader_options *options, wn__loader **out);
void wn__loader_free(wn__loader *loader);             /* stops and joins its threads; accepts NULL */
int64_t wn__loader_batches(const wn__loader *loader); /* per epoch */
int64_t wn__loader_samples(const wn__loader *loader); /* per epoch, after last_batch */
wn_target_kind wn__loader_target_kind(const wn__loader *loader);
/* The next batch; WN_ESTOPPED if a stop was requested and it is not ready; after the last one of an epoch the first of the next. Valid until the next call with this loader. */
wn_status wn__loader_next(wn__loader *loader, const wn__batch **batch);
/* 0 <= batch <= wn__loader_batches (the end of an epoch is the start of the next). */
wn_status wn__loader_seek(wn__loader *loader, int64_t epoch, int64_t batch);
/* Seconds that wn__loader_next has waited for batches so far: starving shows here. */
double wn__loader_waited(const wn__loader *loader);

#endif
