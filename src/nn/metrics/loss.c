#include "nn/metric.h"

extern const wn__metric wn__metric_loss;

static double row(const wn__metric_row *row) { return row->loss; }

const wn__metric wn__metric_loss = {
    .name = "loss",
    .key = "loss",
    .title = "loss",
    .summary = "the mean of the loss that is trained on, without smoothing and teacher",
    .less_is_better = true,
    .is_loss = true,
    .targets = ~0u,
    .usual = WN__METRIC_OF(DISTRIBUTION) | WN__METRIC_OF(POSITIONS),
    .row = row,
};
