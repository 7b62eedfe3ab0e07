/* - sum_c q_c ln p_c,  p = softmax(z) */
#include "nn/loss.h"

extern const wn__loss_type wn__loss_cross_entropy;

static void prepare(wn__loss_row *row) { row->student = wn__softmax_make(row->z, row->k, 1); }

static double of_distribution(const wn__loss_row *row)
{
    double sum = 0;
    for (int64_t c = 0; c < row->k; c++)
        sum -= wn__loss_target(row, c) * wn__softmax_log_p(&row->student, c);
    return sum;
}

static double value(const wn__loss_row *row)
{
    if (row->target.kind == WN_TARGET_DISTRIBUTION) return of_distribution(row);
    double sum = -(1 - row->smoothing) * wn__softmax_log_p(&row->student, row->target.classes[0]);
    if (row->smoothing > 0)
        for (int64_t c = 0; c < row->k; c++)
            sum -= row->smoothing / (double)row->k * wn__softmax_log_p(&row->student, c);
    return sum;
}

static double gradient(const wn__loss_row *row, int64_t c) { return wn__softmax_p(&row->student, c) - wn__loss_target(row, c); }

static void add_tangent(const wn__loss_row *row, const float *t, double scale, float *out)
{
    wn__softmax_add_tangent(&row->student, row->k, t, scale, out);
}

const wn__loss_type wn__loss_cross_entropy = {
    .name = "cross-entropy",
    .summary = "of the softmax, with label smoothing where `smoothing` says so",
    .targets = WN__LOSS_OF(CLASS) | WN__LOSS_OF(DISTRIBUTION),
    .usual = WN__LOSS_OF(CLASS) | WN__LOSS_OF(DISTRIBUTION),
    .prepare = prepare,
    .value = value,
    .gradient = gradient,
    .add_tangent = add_tangent,
};
