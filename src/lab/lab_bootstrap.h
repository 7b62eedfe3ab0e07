/* What `lab bootstrap` works on: trained networks of both worlds with their curves, in pairs, over seeds. */
#ifndef WN_LAB_LAB_BOOTSTRAP_H
#define WN_LAB_LAB_BOOTSTRAP_H

#include <jansson.h>

#include "base/statistics.h"
#include "report/figure_files.h"
#include "report/report_table.h"

enum { WN__SOFT_ERROR, WN__HARD_ERROR, WN__WORLD_LOSS, WN__WORLD_KINDS };

/* NaN where a part was not evaluated. */
typedef struct wn__world_point {
    int64_t step;
    double test[WN__WORLD_KINDS], train[WN__WORLD_KINDS];
} wn__world_point;

typedef struct wn__world_run {
    char *network, *method, *folder; /* "conv", "rigl 90%", of the stage */
    int64_t n;
    uint64_t seed;
    bool ideal;
    wn__world_point *point; /* (points) by step */
    int points;
} wn__world_run;

/* One network in both worlds, by the same seed. */
typedef struct wn__world_pair {
    const wn__world_run *real, *ideal;
    int64_t t0; /* -1: not reached */
} wn__world_pair;

/* The pairs of all seeds. Texts are those of the runs. */
typedef struct wn__world_cell {
    const char *network, *method;
    int64_t n;
    wn__world_pair *pair; /* (pairs) */
    int pairs;
    double *value; /* (pairs) room for summaries */
} wn__world_cell;

typedef struct wn__worlds {
    double converged;         /* soft error on training images that T0 is the first step at or below of */
    double margin;            /* points */
    const char *const *claim; /* (claims) of the recipe, those about gaps among them; borrowed */
    int claims;
    wn__world_run *run;
    int runs;
    wn__world_cell *cell; /* by network, method, n in the order in which they came */
    int cells;
} wn__worlds;

/* Texts are copied. */
wn_status wn__worlds_add(wn__worlds *w, const wn__world_run *run);
/* The curves of all runs from their folders; pairs and cells. An ideal run belongs to the real one of the same n, else to all of its network, method and
 * seed. WN_EUSAGE if a real run has no ideal one, or the other way round. */
wn_status wn__worlds_read(wn__worlds *w);
void wn__worlds_release(wn__worlds *w); /* accepts a zeroed one */

/* Real less ideal on test samples after a step; NaN if one of them was not evaluated there. */
double wn__world_gap(const wn__world_pair *pair, int64_t step, int kind);
int64_t wn__world_end(const wn__world_pair *pair);
double wn__world_value(const wn__world_run *run, int64_t step, int kind, bool train);
/* At T0, or at the end where T0 is not reached, in points of soft error. */
double wn__world_statistic(const wn__world_pair *pair);
bool wn__world_is_dense(const wn__world_cell *cell);
const wn__world_cell *wn__world_find(const wn__worlds *w, const char *network, const char *method, int64_t n); /* NULL: none */

/* Measurements over seeds as a study has them (recipe/study.h), of rows "NETWORK/METHOD@N": "conv/rigl@4096" at 90 %. What is dense stands at every sparsity. */
json_t *wn__worlds_study(const wn__worlds *w);
/* Verdicts on the claims that are always made, and on the recipe's own; one object each into `list`. */
void wn__worlds_answers(const wn__worlds *w, wn__table *t, json_t *list);

/* Tables: gaps, answers, runs, curves. */
enum { WN__WORLD_TABLES = 4 };
void wn__worlds_tables(const wn__worlds *w, wn__table tables[WN__WORLD_TABLES]);
json_t *wn__worlds_json(const wn__worlds *w);
/* Both worlds against steps, and final real against final ideal. */
wn_status wn__worlds_figures(const wn__worlds *w, wn__figure_files *figures);

#endif
