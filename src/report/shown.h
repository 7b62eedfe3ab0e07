/* What tables and figures show of runs: one metric, with the unit, direction and digits in which it is shown. */
#ifndef WN_REPORT_SHOWN_H
#define WN_REPORT_SHOWN_H

#include <math.h>

#include "base/statistics.h"
#include "base/text.h"
#include "nn/metric.h"

typedef struct wn__shown {
    const wn__metric *metric;
    double scale;  /* of stored numbers: a share is shown in percent, and differences of it in points */
    int decimals;  /* of a value and of a difference */
    double margin; /* of equivalence, as differences are shown; NaN: none is said */
} wn__shown;

/* In hundredths where the metric is a share; `typical` is a stored value that sets the digits of all else. */
wn__shown wn__shown_of(const wn__metric *metric, double typical);

/* Of the difference a - b as shown: what a is better by. */
static inline double wn__shown_gain(const wn__shown *s, double difference) { return s->metric->less_is_better ? -difference : difference; }
/* A claim about the difference a - b: a is better, ... Undecided where it needs a margin and there is none. */
wn__verdict wn__shown_judge(const wn__shown *s, wn__claim_kind kind, wn__summary difference, double margin);

/* What is small beside all that is shown: a point of shares. */
double wn__shown_step(const wn__shown *s);
/* Positive numbers from `low` to `high` are better drawn over their logarithm. */
bool wn__shown_spans_decades(const wn__shown *s, double low, double high);

/* A fixed text, where {metric}, {Metric} and {key} are those of the metric, and others depend on it: {unit} " (%)" or nothing, {points} ", in points" or
 * nothing, {better} " Less is better." or nothing, {edge} where a panel ends for bad values, {band} what is said of the margin. */
char *wn__shown_words(const wn__shown *s, const char *text, char *out, size_t size);
/* "5.2 points", or a number of a metric that is no share. */
char *wn__shown_amount(const wn__shown *s, double amount, char *out, size_t size);

#endif
