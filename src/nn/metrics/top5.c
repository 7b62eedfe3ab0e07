#include "nn/metric.h"

extern const wn__metric wn__metric_top5;

/* Fewer than five outputs come before that of the sample's class: larger ones, and equal ones of classes before it. */
static double row(const wn__metric_row *row)
{
    const int32_t class = row->target.classes[0];
    int64_t before = 0;
    for (int64_t c = 0; c < row->k; c++)
        before += row->outputs[c] > row->outputs[class] || (c < class && row->outputs[c] == row->outputs[class]);
    return before < 5;
}

const wn__metric wn__metric_top5 = {
    .name = "top-5",
    .key = "top5",
    .title = "top-5 accuracy",
    .summary = "samples whose class has one of the five largest outputs",
    .percent = true,
    .counted = true,
    .on_request = true,
    .targets = WN__METRIC_OF(CLASS),
    .row = row,
};
