#include "nn/optimizers/adam.h"

extern const wn__optimizer_type wn__optimizer_adamw;

static void adamw_update(const void *config, const wn__update *u) { wn__adam_update(config, u, true); }

const wn__optimizer_type wn__optimizer_adamw = {
    .name = "adamw",
    .summary = "adam with weight decay apart from the gradient",
    .paper = "Loshchilov and Hutter, ICLR 2019, arXiv:1711.05101",
    .settings = wn__adam_settings,
    .config_size = sizeof(wn__adam_config),
    .slots = wn__adam_slots,
    .slot_names = {"exp_avg", "exp_avg_sq"},
    .decays_bn_and_bias = wn__adam_decays_all,
    .update = adamw_update,
};
