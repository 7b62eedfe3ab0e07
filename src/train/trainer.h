/* The one training loop. A stage comes completely resolved: every time is an absolute optimizer step.
 *
 * Steps are counted from random initialisation: step s uses batch s % B of epoch s / B of the stage's data stream (B batches an epoch), the
 * schedule's rate at s, and soft labels while s < soft_until. A stage runs steps [first, last) of its spec from the weights, masks and
 * (if `keep_slots`) optimizer slots that are in `params`. On a device that takes compressed weights those with masks are compressed first, and
 * stay so; the final network is written dense all the same.
 *
 * Files in `folder` (made if absent; everything but timing and events depends on the stage alone):
 *     metrics.jsonl        one line per evaluation: stage, step, epoch, split, n, each metric by its key, lr, nnz, density, flops_total
 *     confusion.json       of one class a sample, up to 100 classes: what the trained network takes each test sample for (confusion_file.h)
 *     topology.jsonl       only where the topology changes, one line an epoch: stage, step, updates, dropped, grown, regrown, explored, active
 *     timing.jsonl         seconds, images per second, waiting for data, peak bytes; events.out.tfevents.winnow*: the same for TensorBoard, a file per process
 *     checkpoint.safetensors  what continuing needs; replaced atomically
 *     step-<k>.safetensors    state before step k, for each k of `keep`: network and slots
 *     final.safetensors       the trained network
 *     average.safetensors     the moving average of its weights, if one is kept; in metrics.jsonl "validation-average", "test-average"
 * Running the same stage again continues from the checkpoint, or returns the result at once when it was finished. If the checkpoint or the metrics that it
 * counts on are damaged, the training begins anew, and says so.
 */
#ifndef WN_TRAIN_TRAINER_H
#define WN_TRAIN_TRAINER_H

#include "data/loader.h"
#include "nn/average.h"
#include "nn/executor/executor.h"
#include "nn/freezing.h"
#include "nn/loss.h"
#include "nn/metric.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "sparse/dense_to_sparse/gradual.h"
#include "sparse/dense_to_sparse/thinning.h"
#include "sparse/dynamic/rewiring.h"
#include "train/soft_labels.h"

typedef struct wn__train_progress {
    const char *stage;
    int64_t step, first_step, last_step; /* step = next one to be run */
    int64_t epoch;
    double loss;              /* of the last step */
    double rate;              /* learning rate */
    double images_per_second; /* of this step */
    double seconds;           /* of this step: evaluations and checkpoints before it do not count */
} wn__train_progress;

/* Evaluations after every `every` steps, `early` times as often before step early * every, half that before twice the step: with 64 and 16 the steps of
 * the Deep Bootstrap's code. */
typedef struct wn__evaluation_steps {
    int64_t every, early;
    int64_t train_images; /* > 0: the first so many training images too, without augmentation ("train-images" in metrics) */
} wn__evaluation_steps;
bool wn__evaluation_is_due(const wn__evaluation_steps *when, int64_t step); /* step: done so far */

/* What is trained, and how: made by the plan, part of a stage's key, read by the training loop, timing and analyses. Steps are absolute. Copies share
 * `keep`, and the selections and counts that are borrowed. */
typedef struct wn__train_spec {
    int64_t first, last; /* steps [first, last) */
    int64_t data_offset; /* step s uses the batch of step s + data_offset; everything else, soft labels too, follows from that batch */
    wn__schedule schedule;
    wn__loss loss;      /* loss.soft: needs teacher or cache */
    int64_t soft_until; /* soft labels before this step, hard ones from it on; INT64_MAX = always */
    bool keep_slots;    /* optimizer slots are those of `slots_updates` updates; otherwise they are zeroed */
    int64_t slots_updates;
    wn__evaluation_steps evaluate; /* after these steps and the last one; every 0: by epochs */
    wn__gradual_run gradual;       /* weights are masked while training, after the step, up to last.sparsity; 0: none */
    wn__thinning thinning;         /* another way from dense to sparse, kind 0: none; parameters are plain again afterwards, with masks */
    wn__average_rule average;
    bool rewires; /* weights with masks, compressed on any device, are dropped and grown: */
    wn__rewiring rewiring;
    wn__freezing freezing; /* what stays as it begins; masks apply all the same */
    int64_t *keep;         /* (keeps) ascending; states before those inside [first, last) are stored */
    int keeps;
} wn__train_spec;

/* A spec with all that it runs on and with; borrowed but for the spec. */
typedef struct wn__train_stage {
    const char *name;     /* "stage" in metrics */
    const char *identity; /* checkpoints of another identity are refused (WN_EMISMATCH) */
    const char *folder;
    const char *recipe; /* for the files' metadata, see wn__network_info; may be NULL */
    wn__train_spec spec;

    const wn_graph *graph;
    wn__params *params; /* trained in place; hold the result afterwards */
    wn__device *device;
    int64_t micro_batch, memory; /* as in wn__executor_options */
    bool recompute;

    wn__loader_options loader; /* part TRAIN; its seed is the data stream */
    wn__metric_set metrics;    /* what evaluations tell; count 0: the usual of the data's targets */
    int64_t eval_batch;        /* 0 = loader.batch */
    int64_t evaluate_every;    /* epochs between evaluations on validation and test; 0 = 1. The last step is always evaluated */

    wn__optimizer optimizer;
    const wn__teacher *teacher; /* live; may share the device */
    wn__soft_cache *cache;      /* used if teacher is NULL */

    uint64_t noise_seed; /* dropout, topology */
    bool hide_test;      /* do not tell test accuracy along the way; files have it all the same */
    int64_t pause_step;  /* from this step on: save and give WN_ESTOPPED, as if asked to stop. 0: never */

    int64_t flops_before;            /* what the start of this stage has cost already: all training from random initialisation */
    int64_t teacher_flops_per_image; /* added for each image with soft labels: forward, or its share of a cached pass */

    double checkpoint_seconds;                                 /* 0 = 60 */
    int64_t checkpoint_steps;                                  /* 0 = by time only */
    void (*progress)(void *user, const wn__train_progress *p); /* after each step; may be NULL */
    void *user;
    const wn_stop *stop; /* may be NULL */
} wn__train_stage;

typedef struct wn__train_result {
    int64_t steps;                       /* run by this stage */
    wn__metric_set metrics;              /* those that follow are of: */
    double test[WN__MOST_METRICS];       /* of the last step */
    double validation[WN__MOST_METRICS]; /* of the last step; NaN without validation */
    double train[WN__MOST_METRICS];      /* over the last (part of an) epoch; NaN of metrics of a part as a whole */
    double average_test[WN__MOST_METRICS], average_validation[WN__MOST_METRICS]; /* of the last step's moving average; NaN without one */
    int64_t best_step;                 /* of the best validation value of the headline (the first of equals); -1 without */
    double best_validation, best_test; /* of the headline; NaN without validation */
    int64_t flops_stage;               /* training alone */
    int64_t flops_total;               /* with flops_before and the teacher's forward passes */
    double seconds;                    /* of training in this process and those before it; not deterministic */
    wn__rewired rewired;               /* topology updates; zeros without */
} wn__train_result;

wn_status wn__train_run(const wn__train_stage *stage, wn__train_result *result);

/* Names of the files above, in wn__alloc memory; NULL if there is none. */
char *wn__train_final_path(const char *folder);
char *wn__train_average_path(const char *folder);
char *wn__train_step_path(const char *folder, int64_t step);

#endif
