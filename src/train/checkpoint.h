/* Checkpoints of a training stage: the network with masks and slots, compressed where the parameters are, and everything that the loop has counted so far.
 *
 * Random numbers are addressed by (seed, epoch, sample) or (seed, step), so that step and seeds are their whole state. */
#ifndef WN_TRAIN_CHECKPOINT_H
#define WN_TRAIN_CHECKPOINT_H

#include "network/network_file.h"
#include "sparse/dynamic/rewiring.h"
#include "train/run_files.h"

/* Where a stage stands. */
typedef struct wn__train_state {
    int64_t step;         /* next one to be run */
    int64_t updates;      /* of the optimizer slots */
    int64_t epoch, batch; /* position in the data stream, for readers of the file */
    bool finished;        /* all steps run, the last one evaluated, the final network stored */

    /* sums over the epoch so far */
    int64_t seen;
    double sum[WN__MOST_METRICS];

    /* results so far, of each metric of the owner's set; NaN and -1 where there are none */
    double train[WN__MOST_METRICS], validation[WN__MOST_METRICS], test[WN__MOST_METRICS];
    double average_validation[WN__MOST_METRICS], average_test[WN__MOST_METRICS]; /* of the moving average */
    int64_t best_step;
    double best_validation, best_test; /* of the headline */

    int64_t flops, teacher_flops;
    double seconds;
    wn__run_lengths lengths; /* of the append-only files */
    wn__rewired rewired;     /* topology updates so far */
} wn__train_state;

/* Whose checkpoint it is; everything borrowed. */
typedef struct wn__checkpoint_owner {
    wn__network_info info;
    const wn__optimizer_type *optimizer;
    const char *stage, *identity;
    const wn__metric_set *metrics;
    uint64_t data_seed, noise_seed;
    wn__rewirer *rewirer; /* NULL: the topology stays. Its arrays are saved, and loaded in place */
} wn__checkpoint_owner;

/* Atomic: the old file stays until the new one is complete on disk. */
wn_status wn__checkpoint_save(const char *path, const wn__checkpoint_owner *owner, const wn__params *params, const wn__train_state *state);
/* Values, masks, slots (which must be allocated) and state. Damaged, or metrics beside it are cut: WN_EFORMAT; of another stage or network: WN_EMISMATCH; then nothing changes. */
wn_status wn__checkpoint_load(const char *path, const wn__checkpoint_owner *owner, wn__params *params, wn__train_state *state);

#endif
