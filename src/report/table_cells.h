/* What tables of results are made of. A NaN becomes a dash. */
#ifndef WN_REPORT_TABLE_CELLS_H
#define WN_REPORT_TABLE_CELLS_H

#include "base/settings.h"
#include "report/report_data.h"
#include "report/report_table.h"

void wn__real_cell(wn__table *t, const char *format, double value);
/* A value of the metric that is shown, or with `sign` a difference of two. */
void wn__shown_cell(wn__table *t, const wn__shown *s, double value, bool sign);
void wn__count_cell(wn__table *t, double value);
void wn__bytes_cell(wn__table *t, double value);
void wn__seconds_cell(wn__table *t, double value);
void wn__amount_cell(wn__table *t, double value); /* "12.3 M", "4.56 T": three digits and the prefix of the power of 1000 */
void wn__interval_cell(wn__table *t, const wn__shown *shown, wn__summary s);

/* Method, sparsity and number of seeds, which begin the rows of most tables. */
void wn__lead_columns(wn__table *t);
/* The method's name stands in its first row only. *last_method: NULL at first. */
void wn__lead_cells(wn__table *t, const wn__cell *cell, const char **last_method);

#endif
