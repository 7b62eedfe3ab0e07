/* The mean over values of d^2 / 2 up to |d| = delta, and of the line that goes on from there: delta (|d| - delta / 2). */
#include <math.h>

#include "nn/loss.h"

extern const wn__loss_type wn__loss_huber;

typedef struct huber_config {
    double delta;
} huber_config;

static const wn__setting settings[] = {
    WN_SETTING_FLOAT(huber_config, delta, 1, 1e-6, 1e6, "largest error that counts by its square; larger ones count by their size"), {0}};

static double delta_of(const wn__loss_row *row) { return row->config ? ((const huber_config *)row->config)->delta : 1; }
static double error_of(const wn__loss_row *row, int64_t c) { return row->z[c] - wn__loss_target(row, c); }

static double value(const wn__loss_row *row)
{
    const double delta = delta_of(row);
    double sum = 0;
    for (int64_t c = 0; c < row->k; c++) {
        const double size = fabs(error_of(row, c));
        sum += size <= delta ? 0.5 * size * size : delta * (size - 0.5 * delta);
    }
    return wn__loss_share(row) * sum;
}

static double gradient(const wn__loss_row *row, int64_t c)
{
    const double delta = delta_of(row);
    return wn__loss_share(row) * fmin(fmax(error_of(row, c), -delta), delta);
}

static void add_tangent(const wn__loss_row *row, const float *t, double scale, float *out)
{
    for (int64_t c = 0; c < row->k; c++)
        if (fabs(error_of(row, c)) <= delta_of(row)) out[c] += (float)(wn__loss_share(row) * scale * t[c]);
}

const wn__loss_type wn__loss_huber = {
    .name = "huber",
    .summary = "half squared errors of values up to `delta`, absolute ones beyond; the mean over values",
    .paper = "Huber 1964, doi:10.1214/aoms/1177703732",
    .targets = WN__LOSS_OF(VALUES),
    .settings = settings,
    .config_size = sizeof(huber_config),
    .value = value,
    .gradient = gradient,
    .add_tangent = add_tangent,
};
