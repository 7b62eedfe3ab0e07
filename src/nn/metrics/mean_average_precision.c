/* The mean over classes of AP = sum_i (R_i - R_(i-1)) P_i over all thresholds i, from high to low: P_i and R_i are precision and recall of the samples at
 * or above the threshold, so that equal outputs count as one. As scikit-learn's average_precision_score; classes that no sample has are left out. */
#include <math.h>
#include <stdlib.h>

#include "nn/metric.h"

extern const wn__metric wn__metric_mean_average_precision;

typedef struct ranked {
    float output, has; /* has: 1 or 0 */
} ranked;
_Static_assert(sizeof(ranked) == 2 * sizeof(float), "fits the scratch");

static int higher_first(const void *a, const void *b)
{
    const float x = ((const ranked *)a)->output, y = ((const ranked *)b)->output;
    return (x < y) - (x > y);
}

/* NaN: no sample has the class. The numbers are counts: their order within equal outputs does not matter. */
static double average_precision(ranked *sample, int64_t n)
{
    double positives = 0, found = 0, before = 0, sum = 0;
    qsort(sample, (size_t)n, sizeof *sample, higher_first);
    for (int64_t i = 0; i < n; i++)
        positives += sample[i].has > 0.5f;
    for (int64_t i = 0; i < n; i++) {
        found += sample[i].has > 0.5f;
        if (i + 1 < n && sample[i + 1].output == sample[i].output) continue;
        sum += (found - before) * found / (double)(i + 1);
        before = found;
    }
    return positives > 0 ? sum / positives : (double)NAN;
}

static double whole(const wn__metric_rows *rows, float *scratch)
{
    ranked *sample = (ranked *)scratch;
    double sum = 0;
    int64_t classes = 0;
    for (int64_t c = 0; c < rows->k; c++) {
        for (int64_t i = 0; i < rows->n; i++)
            sample[i] = (ranked){rows->outputs[i * rows->k + c], rows->targets.values[i * rows->k + c]};
        const double ap = average_precision(sample, rows->n);
        if (isnan(ap)) continue;
        sum += ap;
        classes++;
    }
    return classes > 0 ? sum / (double)classes : (double)NAN;
}

const wn__metric wn__metric_mean_average_precision = {
    .name = "mean-average-precision",
    .key = "mean_average_precision",
    .title = "mean average precision",
    .summary = "the mean over classes of the average precision of samples ordered by their outputs",
    .percent = true,
    .targets = WN__METRIC_OF(CLASSES),
    .usual = WN__METRIC_OF(CLASSES),
    .whole = whole,
};
