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

/* Start weights that know which connections there are (Evci et al. 2022, arXiv:2010.03533, and its code). With fan_in_i the number of active
 * entries of output i and fan_out_j that of the entries that read input channel j, the entry (i, j) is drawn
 *     normal   N(0, gain / fan)                              fan = fan_in_i | fan_out_j | (fan_in_i + fan_out_j) / 2
 *     uniform  U(-a, a), a = sqrt(3 gain / fan)
 * so that an output's variance does not depend on how many connections it has. Layer-scaled: the dense draw over sqrt(density of the layer)
 * (in the manner of Liu et al. 2019). Outputs and inputs without connections have nothing to draw. */
typedef enum wn__sparse_init {
    WN__SPARSE_INIT_NONE, /* as if the network were dense */
    WN__SPARSE_INIT_IN_NORMAL,
    WN__SPARSE_INIT_IN_UNIFORM,
    WN__SPARSE_INIT_OUT_NORMAL,
    WN__SPARSE_INIT_OUT_UNIFORM,
    WN__SPARSE_INIT_AVERAGE_NORMAL,
    WN__SPARSE_INIT_AVERAGE_UNIFORM,
    WN__SPARSE_INIT_LAYER
} wn__sparse_init;
/* "dense", "fan-in-normal", "fan-in-uniform", "fan-out-normal", "fan-out-uniform", "fan-average-normal", "fan-average-uniform",
 * "layer-scaled", NULL */
extern const char *const wn__sparse_init_names[];

/* Draws all weights of convolutions and linear layers anew (layer-scaled: scales what is there); biases and batch norm stay. `redrawn`: from
 * the streams of wn__reinit_params. gain 0: 2 (He et al. 2015, for ReLUs), or 1 for fan-average (Glorot and Bengio 2010). */
wn_status wn__init_sparse(wn__params *params, wn__sparse_init how, double gain, bool redrawn, uint64_t seed);

/* Fans of parameter `index`: of a weight, or for a bias those of its node's weight. WN_EINVAL for other roles. */
wn_status wn__init_fans(const wn__params *params, int index, int64_t *fan_in, int64_t *fan_out);

#endif
