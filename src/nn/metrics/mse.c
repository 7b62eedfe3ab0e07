#include "nn/metric.h"

extern const wn__metric wn__metric_mse;

/* The mean over a sample's values. */
static double row(const wn__metric_row *row)
{
    double sum = 0;
    for (int64_t c = 0; c < row->k; c++) {
        const double off = (double)row->outputs[c] - row->target.values[c];
        sum += off * off;
    }
    return sum / (double)row->k;
}

const wn__metric wn__metric_mse = {
    .name = "mse",
    .key = "mse",
    .title = "mean squared error",
    .summary = "the mean of squared errors over samples and values",
    .less_is_better = true,
    .targets = WN__METRIC_OF(VALUES),
    .usual = WN__METRIC_OF(VALUES),
    .row = row,
};
