/* The sum over classes of KL(s(u / T) || s(z / T)) between a teacher's probability of each class and the network's; s the logistic function. */
#include "nn/loss.h"
#include "nn/sigmoid.h"

extern const wn__loss_type wn__loss_binary_kl_divergence;

static double value(const wn__loss_row *row)
{
    double kl = 0;
    for (int64_t c = 0; c < row->k; c++) {
        const double u = row->target.values[c] * row->inverse_t, z = row->z[c] * row->inverse_t;
        kl += wn__sigmoid(u) * (wn__softplus(-z) - wn__softplus(-u)) + wn__sigmoid(-u) * (wn__softplus(z) - wn__softplus(u));
    }
    return kl;
}

static double gradient(const wn__loss_row *row, int64_t c)
{
    return wn__sigmoid(row->z[c] * row->inverse_t) - wn__sigmoid(row->target.values[c] * row->inverse_t);
}

static void add_tangent(const wn__loss_row *row, const float *t, double scale, float *out)
{
    for (int64_t c = 0; c < row->k; c++) {
        const double z = row->z[c] * row->inverse_t;
        out[c] += (float)(scale * row->inverse_t * wn__sigmoid(z) * wn__sigmoid(-z) * t[c]);
    }
}

const wn__loss_type wn__loss_binary_kl_divergence = {
    .name = "binary-kl-divergence",
    .summary = "divergence from a teacher's probability of each class; the part `soft` of labels of several classes",
    .soft = WN__LOSS_OF(CLASSES),
    .value = value,
    .gradient = gradient,
    .add_tangent = add_tangent,
};
