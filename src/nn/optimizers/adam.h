/* What adam and adamw share. */
#ifndef WN_NN_OPTIMIZERS_ADAM_H
#define WN_NN_OPTIMIZERS_ADAM_H

#include "nn/optimizer.h"

typedef struct wn__adam_config {
    double beta1, beta2, eps, weight_decay;
    bool decay_bn_and_bias;
} wn__adam_config;

extern const wn__setting wn__adam_settings[];
int wn__adam_slots(const void *config);
bool wn__adam_decays_all(const void *config);
void wn__adam_update(const wn__adam_config *c, const wn__update *u, bool decoupled);

#endif
