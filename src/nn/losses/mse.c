/* sum_c (z_c - q_c)^2 over classes, the mean of the same over values. */
#include "nn/loss.h"

extern const wn__loss_type wn__loss_mse;

static double value(const wn__loss_row *row)
{
    double sum = 0;
    for (int64_t c = 0; c < row->k; c++) {
        const double off = row->z[c] - wn__loss_target(row, c);
        sum += off * off;
    }
    return wn__loss_share(row) * sum;
}

static double gradient(const wn__loss_row *row, int64_t c) { return wn__loss_share(row) * 2 * (row->z[c] - wn__loss_target(row, c)); }

static void add_tangent(const wn__loss_row *row, const float *t, double scale, float *out)
{
    for (int64_t c = 0; c < row->k; c++)
        out[c] += (float)(wn__loss_share(row) * 2 * scale * t[c]);
}

const wn__loss_type wn__loss_mse = {
    .name = "mse",
    .summary = "squared errors of the outputs: the sum over classes, the mean over values",
    .targets = WN__LOSS_OF(CLASS) | WN__LOSS_OF(DISTRIBUTION) | WN__LOSS_OF(VALUES),
    .usual = WN__LOSS_OF(VALUES),
    .value = value,
    .gradient = gradient,
    .add_tangent = add_tangent,
};
