#include "kernels/update.h"
#include "nn/optimizer.h"

extern const wn__optimizer_type wn__optimizer_sgd;

typedef struct sgd_config {
    double momentum, weight_decay;
    bool nesterov, decay_bn_and_bias;
} sgd_config;

static const wn__setting sgd_settings[] = {
    WN_SETTING_FLOAT(sgd_config, momentum, 0.9, 0, 1, "fraction of the last update that is kept"),
    WN_SETTING_FLOAT(sgd_config, weight_decay, 0, 0, 1, "pulls weights to zero: added to the gradient, times the weight"),
    WN_SETTING_BOOL(sgd_config, nesterov, false, "step along the gradient plus the new momentum"),
    WN_SETTING_BOOL(sgd_config, decay_bn_and_bias, true, "weight decay also on biases and batch norm"),
    {0}};

static int sgd_slots(const void *config) { return ((const sgd_config *)config)->momentum > 0; }
static bool sgd_decays_all(const void *config) { return ((const sgd_config *)config)->decay_bn_and_bias; }

static void sgd_update(const void *config, const wn__update *u)
{
    const sgd_config *c = config;
    const float decay = u->decay ? (float)c->weight_decay : 0.0f;
    if (c->momentum > 0)
        wn__sgd_momentum_f32(u->n, u->rate, decay, (float)c->momentum, c->nesterov, u->grad, u->slot[0], u->value);
    else
        wn__sgd_f32(u->n, u->rate, decay, u->grad, u->value);
}

const wn__optimizer_type wn__optimizer_sgd = {
    .name = "sgd",
    .summary = "stochastic gradient descent with momentum",
    .paper = "Sutskever, Martens, Dahl, Hinton, ICML 2013, in PyTorch's form: v = momentum v + g, w -= rate v",
    .settings = sgd_settings,
    .config_size = sizeof(sgd_config),
    .slots = sgd_slots,
    .slot_names = {"momentum"},
    .decays_bn_and_bias = sgd_decays_all,
    .update = sgd_update,
};
