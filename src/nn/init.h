/* Start weights.
 *
 * Element i of parameter p is draw i of the stream (seed, WN__FOR_INIT, p): it depends on nothing else, so any subset of a network can be
 * redrawn alone. Masks that are set stay, and are applied.
 */
#ifndef WN_NN_INIT_H
#define WN_NN_INIT_H

#include "base/settings.h"
#include "tensor/param.h"

/* fan_in = inputs of one output; fan_out = outputs / groups * receptive field, as PyTorch counts them. */
typedef enum wn__init_weights {
    WN__INIT_KAIMING,         /* N(0, sqrt(2 / fan_in)), He et al. 2015; biases 0 */
    WN__INIT_KAIMING_FAN_OUT, /* convolutions N(0, sqrt(2 / fan_out)), biases 0; linear layers as PYTORCH: the KD-ticket networks */
    WN__INIT_PYTORCH,         /* U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weights and biases: PyTorch's default for conv and linear */
    WN__INIT_XAVIER,          /* U(-a, a), a = sqrt(6 / (fan_in + fan_out)), Glorot and Bengio 2010; biases 0 */
    WN__INIT_XAVIER_NORMAL    /* N(0, sqrt(2 / (fan_in + fan_out))); biases 0 */
} wn__init_weights;

typedef struct wn__init_options {
    int weights;  /* wn__init_weights: "kaiming", "kaiming-fan-out", "pytorch", "xavier", "xavier-normal" */
    int bn_scale; /* batch norm gamma: "one" (0) or "uniform" (1: U[0,1), open_lth) */
} wn__init_options;
extern const wn__setting wn__init_settings[]; /* rows over wn__init_options: weights, bn_scale */

/* All parameters: weights and biases drawn, scales as told, shifts and running means 0, running variances 1. */
wn_status wn__init_params(wn__params *params, const wn__init_options *options, uint64_t seed);

typedef enum wn__reinit_rule {
    WN__REINIT_SAME,     /* the rule of wn__init_options */
    WN__REINIT_KD_TICKET /* masked convolutions: N(0, sqrt(2 / n)), n = active entries / in_channels (Ma et al. 2021, published code) */
} wn__reinit_rule;
extern const char *const wn__reinit_names[]; /* "same", "kd-ticket", NULL */

/* The same from streams of WN__FOR_REINIT: new weights, batch norm reset. An emptied layer keeps no weights. */
wn_status wn__reinit_params(wn__params *params, const wn__init_options *options, wn__reinit_rule rule, uint64_t seed);

/* Drawn weights of sparse layers as if each output's fan-in were its number of active entries: times sqrt(all / active), output by output
 * (Evci et al. 2022 for `kaiming`, whose variance is then 2 / active). Biases stay. */
void wn__init_scale_by_active(wn__params *params);

/* Fans of parameter `index`: of a weight, or for a bias those of its node's weight. WN_EINVAL for other roles. */
wn_status wn__init_fans(const wn__params *params, int index, int64_t *fan_in, int64_t *fan_out);

#endif
