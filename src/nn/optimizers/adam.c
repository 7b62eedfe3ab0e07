#include "nn/optimizers/adam.h"

#include <math.h>

#include "base/elementary.h"
#include "kernels/update.h"

extern const wn__optimizer_type wn__optimizer_adam;

const wn__setting wn__adam_settings[] = {
    WN_SETTING_FLOAT(wn__adam_config, beta1, 0.9, 0, 0.999999, "decay of the mean of gradients"),
    WN_SETTING_FLOAT(wn__adam_config, beta2, 0.999, 0, 0.99999999, "decay of the mean of squared gradients"),
    WN_SETTING_FLOAT(wn__adam_config, eps, 1e-8, 1e-30, 1, "added to the root of the mean square"),
    WN_SETTING_FLOAT(wn__adam_config, weight_decay, 0, 0, 1,
                     "adam: added to the gradient, times the weight; adamw: the weight shrinks by it"),
    WN_SETTING_BOOL(wn__adam_config, decay_bn_and_bias, true, "weight decay also on biases and batch norm"),
    {0}};

int wn__adam_slots(const void *config)
{
    (void)config;
    return 2;
}

bool wn__adam_decays_all(const void *config) { return ((const wn__adam_config *)config)->decay_bn_and_bias; }

void wn__adam_update(const wn__adam_config *c, const wn__update *u, bool decoupled)
{
    const double decay = u->decay ? c->weight_decay : 0;
    const wn__adam_numbers numbers = {
        .shrink = (float)(decoupled ? 1 - u->rate * decay : 1),
        .decay = (float)(decoupled ? 0 : decay),
        .b1 = (float)c->beta1,
        .b2 = (float)c->beta2,
        .eps = (float)c->eps,
        .rate = (float)(u->rate / (1 - wn__power(c->beta1, u->t))),
        .root_scale = (float)(1 / sqrt(1 - wn__power(c->beta2, u->t))),
    };
    wn__adam_f32(u->n, &numbers, u->grad, u->slot[0], u->slot[1], u->value);
}

static void adam_update(const void *config, const wn__update *u) { wn__adam_update(config, u, false); }

const wn__optimizer_type wn__optimizer_adam = {
    .name = "adam",
    .summary = "steps scaled by running moments of the gradient",
    .paper = "Kingma and Ba, ICLR 2015, arXiv:1412.6980",
    .settings = wn__adam_settings,
    .config_size = sizeof(wn__adam_config),
    .slots = wn__adam_slots,
    .slot_names = {"exp_avg", "exp_avg_sq"},
    .decays_bn_and_bias = wn__adam_decays_all,
    .update = adam_update,
};
