#include "nn/metric.h"

extern const wn__metric wn__metric_accuracy;

/* Is the first largest output that of the sample's class? */
static double row(const wn__metric_row *row)
{
    int64_t best = 0;
    for (int64_t c = 1; c < row->k; c++)
        if (row->outputs[c] > row->outputs[best]) best = c;
    return best == row->target.classes[0];
}

const wn__metric wn__metric_accuracy = {
    .name = "accuracy",
    .key = "accuracy",
    .title = "accuracy",
    .summary = "samples whose class has the largest output",
    .percent = true,
    .counted = true,
    .targets = WN__METRIC_OF(CLASS),
    .usual = WN__METRIC_OF(CLASS),
    .sum_key = "correct",
    .row = row,
};
