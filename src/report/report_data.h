/* results.json of an experiment (docs/results-format.md) as rows and cells, for tables and figures. */
#ifndef WN_REPORT_REPORT_DATA_H
#define WN_REPORT_REPORT_DATA_H

#include <jansson.h>

#include "report/shown.h"

/* Of one tensor of weights. */
typedef struct wn__result_layer {
    const char *name;
    int64_t count, nonzero;
    bool selected; /* among the tensors that masks may prune */
} wn__result_layer;

/* One finished (method, sparsity, seed). Numbers that do not exist are NaN; texts are borrowed from the results, NULL if absent. */
typedef struct wn__result_row {
    const char *method;
    int64_t seed;
    double sparsity;                            /* asked for */
    double test;                                /* of the metric that is shown, as it is stored, as the next: of the last epoch */
    double test_at_best;                        /* at the epoch that was best in validation */
    double validation;                          /* last epoch */
    double average, average_validation;         /* of the moving average of the weights (train.ema), last epoch; NaN without one */
    double pruned, pruned_bn;                   /* straight after pruning, without and with re-estimated BN statistics */
    bool validated;                             /* there were validation data */
    double sparsity_selected, sparsity_network; /* reached */
    double parameters, network;
    double bytes, file_bytes; /* values and the smallest pattern; of the file, NaN where it is not known */
    double inference_flops, stage_flops, total_flops;
    double train_ratio; /* stage_flops over those of the dense network on as many images; NaN in older results */
    double epochs, steps, seconds, seconds_total;
    double measured, measured_total; /* seconds by `winnow time`: of the stage, and of all training that it needed */
    const char *measured_on;         /* the stage's backend there; NULL: not told */
    double rounds, teacher_images, teacher_users;
    const char *labels; /* hard, soft, smooth */
    double temperature, alpha, kl_weight, gradient_scale, smoothing;
    const char *kl;
    const char *metrics;      /* path relative to the folder */
    const json_t *object;     /* all of it, as it was read */
    wn__result_layer *layers; /* (layer_count) */
    int layer_count;
} wn__result_row;

/* The finished rows of one method at one sparsity, by seed. */
typedef struct wn__cell {
    const char *method;
    int method_index; /* in wn__results.methods */
    int next;         /* cell of the same method; -1: none */
    double sparsity;
    const wn__result_row **rows; /* (n) */
    int n;
    int64_t *seeds; /* (n) room for summaries, as the next */
    double *values; /* (n) */
} wn__cell;

typedef struct wn__results {
    json_t *root;
    char *folder;
    const char *name;
    bool complete, short_budget;
    bool averaged; /* there are moving averages of weights */
    bool measured; /* `winnow time` was asked: rows have its seconds */
    int measured_threads;
    json_t *seconds; /* that file; NULL: there is none */
    json_t *study;   /* study.json (study.h); NULL: there is none */
    const wn__metric *headline;
    wn__shown shown; /* the headline, or what was asked for instead */
    int row_count, unfinished, method_count, cell_count, baseline_count, claim_count;
    wn__result_row *rows;   /* (row_count) finished ones only */
    const char **methods;   /* (method_count) in the order of the recipe */
    const char **baselines; /* (baseline_count) methods whose paired differences are shown */
    const char **claims;    /* (claim_count) as the recipe makes them: recipe/claims.h */
    wn__cell *cells;        /* (cell_count) in the order of the rows */
    int *first_cell;        /* (method_count) one of each method: they are chained; -1: none */
} wn__results;

/* To show a metric by name; NULL: the headline. WN_ENOTFOUND: no results.json in the folder; WN_EFORMAT: damaged, or of another version; WN_EUSAGE: no run
 * has this metric, and which there are. */
wn_status wn__results_read(const char *folder, const char *metric, wn__results **out);
void wn__results_free(wn__results *results); /* accepts NULL */

const wn__cell *wn__results_find(const wn__results *results, const char *method, double sparsity); /* NULL if absent */
/* What a method is compared with: the baseline at the same sparsity, or its only cell if it has one at sparsity 0 alone (`dense`). */
const wn__cell *wn__results_baseline(const wn__results *results, const char *baseline, double sparsity);

/* The number "<before>_<key of the metric><after>" of a row, as it is stored: "test", "", "validation", "", "test", "_at_best_validation"; NaN if absent. */
double wn__result_score(const wn__result_row *row, const char *before, const wn__metric *metric, const char *after);
/* Over the seeds of a cell; `field` is the offset of a double in wn__result_row; the values are multiplied by `scale`. */
wn__summary wn__cell_summary(const wn__cell *cell, size_t field, double scale);
/* a - b by seed, of a metric on test data, as it is shown. */
wn__summary wn__cell_difference(const wn__shown *shown, const wn__cell *a, const wn__cell *b);
/* Another metric than the one of the report, as these runs show it. */
wn__shown wn__results_shown(const wn__results *results, const wn__metric *metric);
/* Highest number of seeds of any cell. */
int wn__results_seeds(const wn__results *results);

struct wn__table;
/* A table with its columns and cells from the results; it has no rows where there is nothing to show. Released by the caller, also on failure. */
typedef wn_status (*wn__table_builder)(const wn__results *results, struct wn__table *table);

/* "KEY" in the object `object` as borrowed text, NULL if it is absent or no text. */
const char *wn__json_text(const json_t *object, const char *key);

#endif
