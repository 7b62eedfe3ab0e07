#include "nn/metric.h"
#include "nn/softmax.h"

extern const wn__metric wn__metric_accuracy;

/* Is the first largest output that of the sample's class? */
static double row(const wn__metric_row *row) { return wn__largest_output(row->outputs, row->k) == row->target.classes[0]; }

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
