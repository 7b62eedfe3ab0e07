/* The mean over classes of - w y ln s(z) - (1 - y) ln(1 - s(z)),  s the logistic function, w = pos_weight. */
#include "nn/loss.h"
#include "nn/sigmoid.h"

extern const wn__loss_type wn__loss_binary_cross_entropy;

typedef struct binary_config {
    double pos_weight;
} binary_config;

static const wn__setting settings[] = {WN_SETTING_FLOAT(binary_config, pos_weight, 1, 1e-6, 1e6,
                                                        "weight of the classes that a sample has, against 1 of those that it has not"),
                                       {0}};

static double weight_of(const wn__loss_row *row) { return row->config ? ((const binary_config *)row->config)->pos_weight : 1; }

static double value(const wn__loss_row *row)
{
    const double weight = weight_of(row);
    double sum = 0;
    for (int64_t c = 0; c < row->k; c++) {
        const double y = wn__loss_target(row, c), z = row->z[c];
        sum += weight * y * wn__softplus(-z) + (1 - y) * wn__softplus(z);
    }
    return wn__loss_share(row) * sum;
}

static double gradient(const wn__loss_row *row, int64_t c)
{
    const double y = wn__loss_target(row, c), z = row->z[c];
    return wn__loss_share(row) * ((1 - y) * wn__sigmoid(z) - weight_of(row) * y * wn__sigmoid(-z));
}

static void add_tangent(const wn__loss_row *row, const float *t, double scale, float *out)
{
    for (int64_t c = 0; c < row->k; c++) {
        const double y = wn__loss_target(row, c), z = row->z[c];
        out[c] += (float)(wn__loss_share(row) * scale * (1 - y + weight_of(row) * y) * wn__sigmoid(z) * wn__sigmoid(-z) * t[c]);
    }
}

const wn__loss_type wn__loss_binary_cross_entropy = {
    .name = "binary-cross-entropy",
    .summary = "of each class by itself, which a sample has or has not; the mean over classes",
    .targets = WN__LOSS_OF(CLASSES),
    .usual = WN__LOSS_OF(CLASSES),
    .settings = settings,
    .config_size = sizeof(binary_config),
    .value = value,
    .gradient = gradient,
    .add_tangent = add_tangent,
};
