/* Evaluation of a network on one part of a data set. */
#ifndef WN_TRAIN_EVALUATE_H
#define WN_TRAIN_EVALUATE_H

#include "data/loader.h"
#include "nn/executor/executor.h"
#include "nn/loss.h"

typedef struct wn__evaluation {
    int64_t n, correct;
    double loss;       /* mean, hard labels, no smoothing */
    double accuracy;   /* [0,1] */
    double soft_error; /* mean of 1 - p(correct class) */
    int64_t classes;
    int64_t *confusion; /* (classes, classes): [true][predicted]; NULL unless asked for */
} wn__evaluation;
void wn__evaluation_release(wn__evaluation *e);                           /* accepts a zeroed one */
double wn__evaluation_class_accuracy(const wn__evaluation *e, int64_t k); /* of class k, NaN without samples; needs confusion */

/* Keeps a loader and buffers, so that evaluating again allocates nothing. */
typedef struct wn__evaluator wn__evaluator;
/* options: part, split, normalisation, batch; shuffling and augmentation are switched off. */
wn_status wn__evaluator_new(const wn__loader_options *options, wn__evaluator **out);
void wn__evaluator_free(wn__evaluator *e); /* accepts NULL */
/* Losses are by `hard` and its settings, which are borrowed, from now on; else by the usual loss of the targets. Without smoothing. */
void wn__evaluator_use_loss(wn__evaluator *e, const wn__loss *hard);
/* What evaluations with this executor take, now: wn__executor_prepare_inference. */
wn_status wn__evaluator_prepare(const wn__evaluator *e, wn__executor *ex);
/* Running statistics, no dropout. `want_confusion` allocates out->confusion. */
wn_status wn__evaluator_run(wn__evaluator *e, wn__executor *ex, wn__pool *pool, bool want_confusion, wn__evaluation *out);

/* Batch-norm statistics measured anew with the weights as they are: `batches` training batches forward in training mode (0: as many as
 * make running statistics forget their start, 100). Changes the running statistics of the executor's parameters only. */
wn_status wn__reestimate_statistics(wn__executor *ex, const wn__loader_options *options, int64_t batches);

#endif
