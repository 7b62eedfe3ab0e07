/* Metrics: what an evaluation tells of a network's outputs and their targets. One of them is the headline of a run. */
#ifndef WN_NN_METRIC_H
#define WN_NN_METRIC_H

#include "winnow/sample.h"

typedef struct wn__metric {
    const char *name;    /* in recipes, claims and tables: "accuracy", "top-5" */
    const char *key;     /* in stored files: "accuracy" in metrics.jsonl, "test_accuracy", "validation_accuracy" in results.json */
    const char *title;   /* of columns and axes: "accuracy" */
    bool percent;        /* a share of [0,1], shown in %; else a number as it is */
    bool less_is_better; /* else more */
    unsigned targets;    /* of which kinds it is: 1 << wn_target_kind each */
} wn__metric;

/* All metrics, ended by NULL. */
extern const wn__metric *const wn__metrics[];
/* By name or key; WN_EUSAGE lists the valid names. */
wn_status wn__metric_find(const char *name, const wn__metric **out);
/* The headline of targets of a kind where a recipe names none: accuracy of classes, mean average precision of several, squared error of values. */
const wn__metric *wn__metric_usual(wn_target_kind kind);

#endif
