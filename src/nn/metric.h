/* Metrics: what an evaluation tells of a network's outputs and their targets. A registry, one file per entry in src/nn/metrics/, one line in list.h.
 * One metric is the headline of a run. */
#ifndef WN_NN_METRIC_H
#define WN_NN_METRIC_H

#include "base/threads.h"
#include "winnow/sample.h"

/* One sample. */
typedef struct wn__metric_row {
    int64_t k;
    const float *outputs; /* (k) */
    wn_targets target;    /* of this sample */
    double loss;          /* as it was computed, see nn/loss.h */
} wn__metric_row;

/* Samples of one call. */
typedef struct wn__metric_rows {
    int64_t n, k;
    const float *outputs; /* (n,k) */
    wn_targets targets;   /* (n) */
    const double *loss;   /* (n) */
} wn__metric_rows;

typedef struct wn__metric {
    const char *name;    /* in recipes, claims and tables: "accuracy", "top-5" */
    const char *key;     /* in stored files: "accuracy" in metrics.jsonl, "test_accuracy", "validation_accuracy" in results.json */
    const char *title;   /* of columns and axes: "accuracy" */
    const char *summary; /* one line */
    bool percent;        /* a share of [0,1], shown in %; else a number as it is */
    bool less_is_better; /* else more */
    bool counted;        /* so many of the samples */
    bool on_request;     /* told only where a recipe names it */
    unsigned targets;    /* of which kinds it is: 1 << wn_target_kind each */
    unsigned usual;      /* those of them whose headline it is where a recipe names none */
    bool is_loss;        /* it is the loss of samples itself */
    const char *sum_key; /* of the sum over an epoch in checkpoints; NULL: "<key>_sum" */
    /* Either: the metric is the mean of this over the samples. */
    double (*row)(const wn__metric_row *row);
    /* Or: of all samples of a part together, so that there is none of an epoch of training. scratch: (2 n). */
    double (*whole)(const wn__metric_rows *rows, float *scratch);
} wn__metric;

/* All metrics, ended by NULL. */
extern const wn__metric *const wn__metrics[];
/* By name or key; WN_EUSAGE lists the valid names. */
wn_status wn__metric_find(const char *name, const wn__metric **out);
/* The headline of targets of a kind where a recipe names none: accuracy of classes, mean average precision of several, squared error of values. */
const wn__metric *wn__metric_usual(wn_target_kind kind);
/* Is value a better than b? Anything is better than NaN. */
bool wn__metric_is_better(const wn__metric *metric, double a, double b);

/* What evaluations of targets of a kind tell, in the order of the list. */
enum { WN__MOST_METRICS = 12 };
typedef struct wn__metric_set {
    const wn__metric *metric[WN__MOST_METRICS];
    int count, headline, loss; /* headline and loss: which of them */
} wn__metric_set;
/* All but those on request, and those asked for (asked, may be 0), the first of which is the headline. WN_EUSAGE for one that such targets have not. */
wn_status wn__metric_set_make(wn_target_kind kind, const wn__metric *const *asked, int count, wn__metric_set *out);
/* The same without asking for any. */
wn__metric_set wn__metric_set_usual(wn_target_kind kind);
static inline const wn__metric *wn__metric_headline(const wn__metric_set *set) { return set->metric[set->headline]; }

/* value (count, stride): of each sample and metric that has one, the others 0. Same bytes for any pool, which may be NULL. */
void wn__metric_rows_compute(const wn__metric_set *set, const wn__metric_rows *rows, wn__pool *pool, int64_t stride, double *value);

/* ---- for entries */

#define WN__METRIC_OF(kind) (1u << WN_TARGET_##kind)

#endif
