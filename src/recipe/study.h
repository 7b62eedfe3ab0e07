/* Studies: measurements of the lab (recipe section `lab`) over the seeds of an experiment, kept as study.json (docs/results-format.md). */
#ifndef WN_RECIPE_STUDY_H
#define WN_RECIPE_STUDY_H

#include <jansson.h>

#include "base/statistics.h"

#define WN__STUDY_FILE "study.json"
#define WN__STUDY_FORMAT "winnow-study"
enum { WN__STUDY_VERSION = 1, WN__MAX_STUDY_SEEDS = 256 };

/* Which analysis a measurement comes from; flow: of a row before a step; hessian: of a row or a point of it; seeds: of a row's networks of all seeds together,
 * where the values by seed are the statistic's jackknife (docs/lab.md); the others: of a pair. */
typedef enum wn__measure_kind {
    WN__MEASURE_FLOW,
    WN__MEASURE_LINE,
    WN__MEASURE_PAIR,
    WN__MEASURE_HESSIAN,
    WN__MEASURE_SEEDS,
    WN__MEASURE_WORLD /* of `lab bootstrap`: rows are NETWORK/METHOD@N */
} wn__measure_kind;
typedef struct wn__measure {
    const char *name; /* "gradient-norm": in claims, tables and study.json */
    wn__measure_kind kind;
    bool ratio;     /* positive, over decades: compared by ratios, averaged as logarithms */
    bool points;    /* a fraction, shown in hundredths */
    const char *of; /* key of the analysis's result */
} wn__measure;
extern const wn__measure wn__measures[];               /* ends with a name NULL */
const wn__measure *wn__measure_find(const char *name); /* NULL: no such */
int wn__measure_rows(const wn__measure *m);            /* 1 or 2 */

/* --- study.json, read. Everything is borrowed from it. */

/* One measurement over seeds; NULL if it is not there. `second` NULL: of one row; pairs are found either way round. step below 0: of no step. */
const json_t *wn__study_find(const json_t *study, const wn__measure *m, const char *first, const char *second, double sparsity,
                             int64_t step);
/* Value of one seed in the unit of tables (points: hundredths); NaN if there is none. */
double wn__study_value(const json_t *study, const wn__measure *m, const json_t *measurement, int64_t seed);
/* The same as it is averaged: logarithm where the measure is compared by ratios (NaN if it is not positive). */
double wn__study_scaled(const json_t *study, const wn__measure *m, const json_t *measurement, int64_t seed);
wn__summary wn__study_summary(const json_t *study, const wn__measure *m, const json_t *measurement, bool scaled);
int wn__study_seeds(const json_t *study, int64_t *seeds, int most);
/* Steps that a row was looked at before, ascending. */
int wn__study_steps(const json_t *study, const char *row, double sparsity, int64_t *steps, int most);
/* Sparsities of the study, and rows of an analysis ("flow", "lines", ...) as the recipe lists them; lines are lists of two. */
const json_t *wn__study_sparsities(const json_t *study);
const json_t *wn__study_rows(const json_t *study, const char *key);

#endif
