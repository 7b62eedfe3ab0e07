/* Evaluation of a network on one part of a data set. */
#ifndef WN_TRAIN_EVALUATE_H
#define WN_TRAIN_EVALUATE_H

#include "data/loader.h"
#include "nn/executor/executor.h"
#include "nn/loss.h"
#include "nn/metric.h"

typedef struct wn__evaluation {
    int64_t n;
    double loss; /* mean, hard labels, no smoothing */
    wn__metric_set metrics;
    double score[WN__MOST_METRICS]; /* (metrics.count) */
    int64_t classes;
    int64_t *confusion; /* (classes, classes): [true][predicted]; NULL unless asked for, and of one class a sample */
} wn__evaluation;
void wn__evaluation_release(wn__evaluation *e);                           /* accepts a zeroed one */
double wn__evaluation_class_accuracy(const wn__evaluation *e, int64_t k); /* of class k, NaN without samples; needs confusion */
double wn__evaluation_headline(const wn__evaluation *e);
double wn__evaluation_score(const wn__evaluation *e, const char *name); /* by name; NaN where it is not told */

/* Keeps a loader and buffers, so that evaluating again allocates nothing. */
typedef struct wn__evaluator wn__evaluator;
/* What is told; zeroed: the usual of the data's targets. */
typedef struct wn__evaluation_rule {
    const wn__loss *loss;          /* whose hard part and settings losses are by, without smoothing; borrowed. NULL: the usual loss */
    const wn__metric_set *metrics; /* NULL: the usual ones */
    bool may_end;                  /* a stop, of the loader's options or of the process, ends it between two batches */
} wn__evaluation_rule;
/* options: part, split, normalisation, batch; shuffling and augmentation are switched off. `rule` may be NULL. */
wn_status wn__evaluator_new(const wn__loader_options *options, const wn__evaluation_rule *rule, wn__evaluator **out);
void wn__evaluator_free(wn__evaluator *e); /* accepts NULL */
/* What evaluations with this executor take, now: wn__executor_prepare_inference. */
wn_status wn__evaluator_prepare(const wn__evaluator *e, wn__executor *ex);
/* Running statistics, no dropout. `want_confusion` allocates out->confusion. */
wn_status wn__evaluator_run(wn__evaluator *e, wn__executor *ex, wn__pool *pool, bool want_confusion, wn__evaluation *out);

/* Batch-norm statistics measured anew with the weights as they are: `batches` training batches forward in training mode (0: as many as
 * make running statistics forget their start, 100). Changes the running statistics of the executor's parameters only. */
wn_status wn__reestimate_statistics(wn__executor *ex, const wn__loader_options *options, int64_t batches);

#endif
