/* Results of single classes in tables. */
#ifndef WN_REPORT_CLASS_TABLE_H
#define WN_REPORT_CLASS_TABLE_H

#include "report/class_results.h"
#include "report/report_table.h"

/* A row for each cell: its worst class, the one furthest below dense, the most frequent mistake. */
wn_status wn__class_table(const wn__results *r, wn__table *table);

/* For JSON: names, accuracies and counts as arrays; nothing where no cell has them. */
void wn__class_columns(const wn__class_results *c, wn__table *t);
void wn__class_cells(const wn__class_results *c, int cell, wn__table *t);

#endif
