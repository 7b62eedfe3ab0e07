#include "nn/metric.h"
#include "nn/softmax.h"

extern const wn__metric wn__metric_soft_error;

/* 1 - p of the sample's class under the softmax. */
static double row(const wn__metric_row *row)
{
    const wn__softmax s = wn__softmax_make(row->outputs, row->k, 1);
    return 1 - wn__softmax_p(&s, row->target.classes[0]);
}

const wn__metric wn__metric_soft_error = {
    .name = "soft-error",
    .key = "soft_error",
    .title = "soft error",
    .summary = "the mean of 1 - p of the sample's class",
    .less_is_better = true,
    .targets = WN__METRIC_OF(CLASS),
    .row = row,
};
