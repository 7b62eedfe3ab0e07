/* A network whose weights are set again and again, and evaluated each time: what interpolations, paths and maps are made with. */
#ifndef WN_ANALYSIS_PROBE_H
#define WN_ANALYSIS_PROBE_H

#include "analysis/space.h"
#include "train/evaluate.h"

/* Everything is borrowed until wn__probe_release. */
typedef struct wn__probe_options {
    wn__params *params;     /* of the executor; its masks hold all that is going to be set */
    wn__executor *executor; /* inference */
    wn__pool *pool;
    const wn__loader_options
        *train;           /* part TRAIN as in training: what statistics are measured on; evaluated without shuffling and augmentation */
    int64_t train_images; /* evaluated: the first so many; 0: all, negative: none */
    bool reestimate;      /* batch-norm statistics; otherwise those that were set */
    int64_t batches;      /* of the estimate; 0: 100 */
} wn__probe_options;

typedef struct wn__probe {
    wn__probe_options options;
    wn__evaluator *train, *test; /* train: NULL without */
    bool norms;                  /* the network has statistics at all */
} wn__probe;

typedef struct wn__probe_point {
    double train_loss, train_error, test_loss, test_error; /* errors in [0,1]; NaN where not evaluated, or not finite */
} wn__probe_point;
extern const char *const wn__probe_names[4]; /* of its members, in this order */

wn_status wn__probe_make(const wn__probe_options *options, wn__probe *out);
void wn__probe_release(wn__probe *p); /* accepts a zeroed one */
/* Of the weights as they are now. */
wn_status wn__probe_evaluate(const wn__probe *p, wn__probe_point *out);

/* Does the network have running statistics? */
bool wn__has_statistics(const wn__params *params);
/* Running means 0, variances 1: as if nothing had been seen. */
void wn__forget_statistics(wn__params *params);

#endif
