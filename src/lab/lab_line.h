/* The straight line between two networks, evaluated in units of work. */
#ifndef WN_LAB_LAB_LINE_H
#define WN_LAB_LAB_LINE_H

#include "lab/lab.h"

typedef struct wn__lab_line {
    const double *position; /* (points) */
    int64_t points;
    const char *prefix;     /* of the units' names; NULL: none */
    bool interpolate_norms; /* as in wn_lab_interpolate_options, and the next two */
    int64_t batches, train_images;
    int64_t before, all; /* of the progress: points done before, points of everything */
} wn__lab_line;
/* Data must be loaded. Points that are done are skipped; wn__lab_curve_read_units reads them. */
wn_status wn__lab_line_evaluate(wn__lab *lab, const wn__params *a, const wn__params *b, const wn__lab_line *l);

#endif
