/* Learning curves: the metric that is shown over epochs from the metrics of an experiment's rows, averaged over seeds. */
#ifndef WN_REPORT_REPORT_CURVES_H
#define WN_REPORT_REPORT_CURVES_H

#include "report/report_data.h"

typedef struct wn__curve {
    double *epochs, *values; /* (count) ascending; values: mean as it is shown, over the seeds that reached the epoch */
    int count, seeds;
} wn__curve;

/* The curve of one cell: the metric on `split` at the end of each epoch. Rows without metrics or without this split are left out; a curve may
 * be empty. WN_EFORMAT: a damaged metrics file. */
wn_status wn__curve_read(const wn__results *results, const wn__cell *cell, const char *split, wn__curve *curve);
void wn__curve_release(wn__curve *curve); /* accepts a zeroed one */

#endif
