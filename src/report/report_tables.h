/* The tables of a report. */
#ifndef WN_REPORT_REPORT_TABLES_H
#define WN_REPORT_REPORT_TABLES_H

#include "base/settings.h"
#include "report/report_data.h"
#include "report/report_table.h"

wn_status wn__headline_table(const wn__results *r, wn__table *t);   /* the metric that is shown, and its price */
wn_status wn__difference_table(const wn__results *r, wn__table *t); /* paired by seed, from each baseline, with verdicts */
wn_status wn__matching_table(const wn__results *r, wn__table *t);   /* largest sparsity per method that still matches dense */
wn_status wn__mask_table(const wn__results *r, wn__table *t);       /* sparsity asked for and reached, the metric straight after pruning */
wn_status wn__cost_table(const wn__results *r, wn__table *t);       /* parameters, bytes, FLOPs, seconds */
wn_status wn__price_table(const wn__results *r, wn__table *t);      /* least FLOPs and seconds to come near dense */
wn_status wn__label_table(const wn__results *r, wn__table *t);      /* soft labels with their effective weights */
wn_status wn__method_table(const wn__results *r, wn__table *t);     /* what the methods are */
wn_status wn__fact_table(const wn__results *r, wn__table *t);       /* data, model, training and environment */

/* All of the above, in the order of a report; ends with NULL. */
extern const wn__table_builder wn__report_tables[];

/* One row per cell with plain numbers, for CSV: means, sd and half-widths of the 95 % interval, fractions and units in the column names. */
wn_status wn__number_table(const wn__results *r, wn__table *t);
/* The same for JSON, where there are such with names of classes, accuracies of each and counts of what is taken for what. */
wn_status wn__json_table(const wn__results *r, wn__table *t);

/* One row per run, for the page. */
wn_status wn__run_table(const wn__results *r, wn__table *t);

/* The method that matches dense at the largest sparsity, by interval if any does, else by mean alone; false if none does.
 * Of several the first. */
bool wn__best_matching(const wn__results *r, const char **method, double *sparsity, bool *by_interval);

#endif
