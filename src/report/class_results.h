/* What the trained networks take each class for: confusion.json of the runs (train/confusion_file.h), added up over the seeds of a cell. */
#ifndef WN_REPORT_CLASS_RESULTS_H
#define WN_REPORT_CLASS_RESULTS_H

#include "report/report_data.h"

typedef struct wn__class_results {
    int64_t classes;  /* 0: no cell has them */
    char **names;     /* (classes) owned; NULL: they are numbers */
    int64_t **counts; /* (cell_count) owned (classes, classes): [true][predicted]; NULL where a seed has none, or a file is damaged */
    int cell_count;
} wn__class_results;

/* Damaged files are told of, and left out. */
wn_status wn__class_results_read(const wn__results *r, wn__class_results *out);
void wn__class_results_release(wn__class_results *c); /* accepts a zeroed one */

/* Test samples of class k, and the part of them that are taken for it; NaN without samples. */
int64_t wn__class_samples(const wn__class_results *c, const int64_t *counts, int64_t k);
double wn__class_accuracy(const wn__class_results *c, const int64_t *counts, int64_t k);
/* "cat", "7" */
const char *wn__class_name(const wn__class_results *c, int64_t k, char *buffer, size_t size);

#endif
