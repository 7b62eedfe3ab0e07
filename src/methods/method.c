#include "methods/method.h"

#include <string.h>

#include "base/fail.h"
#include "nn/init.h"

const char *const wn__method_mask_names[] = {"none",    "pruned",  "random",      "drawn",  "small", "at-init", "at-init-random",
                                             "gradual", "learned", "alternating", "n-of-m", "wide",  NULL};
const char *const wn__method_labels_names[] = {"hard", "soft", "smooth", NULL};
static const char *const start_names[] = {"initial", "rewound", "final", "redrawn", NULL};
static const char *const schedule_names[] = {"full", "rewound", "constant", NULL};
static const char *const order_names[] = {"new", "same-as-dense", "continue", NULL};
static const char *const match_names[] = {"parameters", "flops", NULL}; /* of wn__match, src/models/named.h */
static const char *const slots_names[] = {"fresh", "rewound", NULL};

const wn__setting wn__method_settings[] = {
    WN_SETTING_CHOICE(wn__method_axes, start, "initial", start_names, "weights that retraining starts from"),
    WN_SETTING_STEPS(wn__method_axes, rewind, NULL, "time k in the dense run that weights or schedule go back to"),
    WN_SETTING_CHOICE(wn__method_axes, schedule, "full", schedule_names, "learning rates: from the start, from time k, or the last one"),
    WN_SETTING_CHOICE(wn__method_axes, data_order, "new", order_names, "stream of batches"),
    WN_SETTING_INT(wn__method_axes, order, 0, 0, 1000000,
                   "of data_order new: number of the stream; rows of one number share order, augmentation and noise"),
    WN_SETTING_STEPS(wn__method_axes, retrain, NULL, "length; default: to the end of the schedule"),
    WN_SETTING_CHOICE(wn__method_axes, optimizer_state, "fresh", slots_names, "momentum at the start: zero, or that of time k"),
    {"reinit", WN__SETTING_CHOICE, offsetof(wn__method_axes, reinit), 0, 0, "same", wn__reinit_names, "how weights are redrawn"},
    WN_SETTING_INT(wn__method_axes, redraw, 0, 0, 1000000,
                   "of start redrawn: number of the initialisation; rows of one number start from the same"),
    {"init", WN__SETTING_CHOICE, offsetof(wn__method_axes, init), 0, 0, "dense", wn__sparse_init_names,
     "start weights: as the dense network's, or by the connections that each unit has"},
    WN_SETTING_CHOICE(wn__method_axes, match, "parameters", match_names,
                      "what a small network has as many of as the sparse one, and a wide one as the dense"),
    WN_SETTING_FLOAT(wn__method_axes, init_gain, 0, 0, 100, "their variance times the fan; 0: 2, or 1 for fan-average"),
    {0},
};

#define FRANKLE "Frankle and Carbin 2019, arXiv:1803.03635"
#define RENDA "Renda, Frankle and Carbin 2020, arXiv:2003.02389"
#define KD "Ma et al. 2021, arXiv:2101.03255v2"
#define RIGL "Evci et al. 2020, arXiv:1911.11134"

/* alpha 0.3 on a cosine until three quarters of training, every 100 steps: shared by the methods that RigL's paper compares. */
#define EVERY_100                                                                                                                      \
    .alpha = 0.3, .power = 1, .begin = {0, 'i'}, .end = {75, '%'}, .interval = {100, 'i'}, .decay = 0.9, .batches = 8, .images = 1000, \
    .half = {56.25, '%'}, .gamma = 0.3, .threshold = 0.001
/* From 0.5 down to 0.005 over the whole run: SNFS and ITOP. */
#define TO_THE_END                                                                                                            \
    .alpha = 0.5, .final = 0.005, .power = 1, .begin = {0, 'i'}, .end = {100, '%'}, .update = WN__UPDATE_AFTER, .decay = 0.9, \
    .batches = 8, .images = 1000, .half = {56.25, '%'}, .gamma = 0.3, .threshold = 0.001
/* A fifth, then a tenth of the connections every 5 epochs, of 160 until 90 and 120. */
#define ELASTIC                                                                                                                            \
    .grow = WN__GROW_RANDOM, .alpha = 0.2, .schedule = WN__FALL_HALVED, .power = 1, .begin = {0, 'i'}, .half = {56.25, '%'}, .gamma = 0.3, \
    .threshold = 0.001, .end = {75, '%'}, .interval = {5, 'e'}, .update = WN__UPDATE_AFTER, .regrown = WN__REGROWN_ZERO, .decay = 0.9,     \
    .batches = 8, .images = 1000
#define MEST "Yuan et al. 2021, arXiv:2110.14032"
#define MISSING "as a control: Frankle et al. 2021, arXiv:2009.08576"
#define REPRODUCTION "Sundar and Dwaraknath 2021, arXiv:2103.15767"
#define ITOP "Liu et al. 2021, arXiv:2102.02887"

const wn__method wn__methods[] = {
    {.name = "dense", .summary = "the whole network, trained once", .axes = {.mask = WN__MASK_NONE, .data_order = WN__ORDER_SAME}},
    {.name = "lottery-ticket",
     .summary = "pruned network from its initial weights",
     .paper = FRANKLE,
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_INITIAL}},
    {.name = "weight-rewind",
     .summary = "weights and learning rate of an early step",
     .paper = RENDA,
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_REWOUND, .schedule = WN__RATE_REWOUND, .rewind = {18, '%'}}},
    {.name = "lr-rewind",
     .summary = "final weights, learning rates again from the start",
     .paper = RENDA,
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_FINAL, .schedule = WN__RATE_REWOUND, .rewind = {0, 'i'}}},
    {.name = "fine-tune",
     .summary = "final weights, last learning rate",
     .paper = RENDA,
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_FINAL, .schedule = WN__RATE_CONSTANT}},
    {.name = "reinit",
     .summary = "pruned network from new random weights",
     .paper = FRANKLE,
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_REDRAWN}},
    {.name = "random-ticket",
     .summary = "shuffled mask, initial weights",
     .paper = FRANKLE,
     .axes = {.mask = WN__MASK_RANDOM, .start = WN__START_INITIAL}},
    {.name = "kd-ticket",
     .summary = "lottery ticket with soft labels of the dense network",
     .paper = KD,
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_INITIAL, .labels = WN__LABELS_SOFT}},
    {.name = "kd-weight-rewind",
     .summary = "weight rewinding with soft labels",
     .paper = KD,
     .axes = {.mask = WN__MASK_PRUNED,
              .start = WN__START_REWOUND,
              .schedule = WN__RATE_REWOUND,
              .rewind = {18, '%'},
              .labels = WN__LABELS_SOFT}},
    {.name = "kd-lr-rewind",
     .summary = "learning-rate rewinding with soft labels (not in the paper's code)",
     .axes =
         {.mask = WN__MASK_PRUNED, .start = WN__START_FINAL, .schedule = WN__RATE_REWOUND, .rewind = {0, 'i'}, .labels = WN__LABELS_SOFT}},
    {.name = "kd-random-ticket",
     .summary = "control: random ticket with soft labels",
     .axes = {.mask = WN__MASK_RANDOM, .start = WN__START_INITIAL, .labels = WN__LABELS_SOFT}},
    {.name = "kd-reinit",
     .summary = "control: new random weights with soft labels",
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_REDRAWN, .labels = WN__LABELS_SOFT}},
    {.name = "kd-fine-tune",
     .summary = "control: fine-tuning with soft labels",
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_FINAL, .schedule = WN__RATE_CONSTANT, .labels = WN__LABELS_SOFT}},
    {.name = "smooth-ticket",
     .summary = "control: lottery ticket with smoothed labels",
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_INITIAL, .labels = WN__LABELS_SMOOTH}},
    {.name = "small-dense",
     .summary = "control: a dense network of smaller widths, as large as the sparse one",
     .paper = RIGL,
     .axes = {.mask = WN__MASK_SMALL, .start = WN__START_INITIAL}},
    {.name = "big-sparse",
     .summary = "rigl on a network of larger widths, so sparse that it is as large as the dense one",
     .paper = RIGL,
     .axes = {.mask = WN__MASK_WIDE, .topology = {.grow = WN__GROW_GRADIENT, EVERY_100}}},
    {.name = "static",
     .summary = "random topology, sparse from the start, that stays",
     .paper = "Mocanu et al. 2018, arXiv:1707.04780; " RIGL,
     .axes = {.mask = WN__MASK_DRAWN, .start = WN__START_INITIAL}},
    {.name = "set",
     .summary = "sparse from the start: small weights go, random connections come",
     .paper = "Mocanu et al. 2018, arXiv:1707.04780",
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_RANDOM, EVERY_100, .update = WN__UPDATE_AFTER}}},
    {.name = "rigl",
     .summary = "sparse from the start: small weights go, connections with the largest gradient come",
     .paper = RIGL,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_GRADIENT, EVERY_100}}},
    {.name = "rigl-sg",
     .summary = "rigl; layers share what was dropped by their mean gradient",
     .paper = REPRODUCTION,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_GRADIENT, EVERY_100, .redistribute = WN__SHARE_GRADIENT}}},
    {.name = "rigl-sm",
     .summary = "rigl; layers share what was dropped by their mean momentum",
     .paper = REPRODUCTION,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_GRADIENT, EVERY_100, .redistribute = WN__SHARE_MOMENTUM}}},
    {.name = "gradual-pruning",
     .summary = "dense at first; its smallest weights go while it trains",
     .paper = "Zhu and Gupta 2018, arXiv:1710.01878",
     .axes = {.mask = WN__MASK_GRADUAL}},
    {.name = "str",
     .summary = "weights below a threshold are zero; each layer learns its own, and so how sparse it becomes",
     .paper = "Kusupati et al. 2020, arXiv:2002.03231",
     .axes = {.mask = WN__MASK_LEARNED}},
    {.name = "ac-dc",
     .summary = "all weights and only the largest ones are trained in turns, the latter in the end",
     .paper = "Peste et al. 2021, arXiv:2106.12379",
     .axes = {.mask = WN__MASK_ALTERNATING}},
    {.name = "n-of-m",
     .summary = "trained network of which N of M weights stay in each group, trained once more",
     .paper = "Mishra et al. 2021, arXiv:2104.08378",
     .axes = {.mask = WN__MASK_PRUNED, .start = WN__START_FINAL, .schedule = WN__RATE_REWOUND, .rewind = {0, 'i'}},
     .scope = WN__SCOPE_N_OF_M},
    {.name = "sr-ste",
     .summary = "N of M weights of each group, chosen anew at every step; those left out are trained, too",
     .paper = "Zhou et al. 2021, arXiv:2102.04010",
     .axes = {.mask = WN__MASK_N_OF_M}},
    {.name = "iht",
     .summary = "the largest weights are kept after each step, the others are trained on from zero; at last the mask stays",
     .paper = "Jin et al. 2016, arXiv:1607.05423",
     .axes = {.mask = WN__MASK_GRADUAL},
     .thresholds = true},
    {.name = "snip",
     .summary = "pruned before training by what the loss feels of each weight",
     .paper = "Lee, Ajanthan and Torr 2019, arXiv:1810.02340",
     .axes = {.mask = WN__MASK_AT_INIT},
     .score = WN__SNIP},
    {.name = "grasp",
     .summary = "pruned before training so that the gradient keeps its norm",
     .paper = "Wang, Zhang and Grosse 2020, arXiv:2002.07376",
     .axes = {.mask = WN__MASK_AT_INIT},
     .score = WN__GRASP},
    {.name = "synflow",
     .summary = "pruned before training by the flow through absolute weights, without data",
     .paper = "Tanaka et al. 2020, arXiv:2006.05467",
     .axes = {.mask = WN__MASK_AT_INIT},
     .score = WN__SYNFLOW},
    {.name = "magnitude-at-init",
     .summary = "pruned before training by magnitude",
     .paper = MISSING,
     .axes = {.mask = WN__MASK_AT_INIT},
     .score = WN__MAGNITUDE},
    {.name = "random-at-init",
     .summary = "pruned before training at random",
     .paper = MISSING,
     .axes = {.mask = WN__MASK_AT_INIT},
     .score = WN__RANDOM_SCORE},
    {.name = "snfs",
     .summary = "sparse from the start: connections with the largest mean gradient come, layers share by momentum",
     .paper = "Dettmers and Zettlemoyer 2019, arXiv:1907.04840",
     .axes = {.mask = WN__MASK_DRAWN,
              .topology = {.grow = WN__GROW_MOMENTUM, TO_THE_END, .interval = {1, 'e'}, .redistribute = WN__SHARE_MOMENTUM}}},
    {.name = "deep-r",
     .summary = "sparse from the start: weights walk at random; those that cross zero go, random ones come, at every step",
     .paper = "Bellec et al. 2018, arXiv:1711.05136",
     .axes = {.mask = WN__MASK_DRAWN,
              .topology = {.grow = WN__GROW_RANDOM,
                           .drop = WN__DROP_CROSSED,
                           .schedule = WN__FALL_CONSTANT,
                           .power = 1,
                           .begin = {0, 'i'},
                           .end = {100, '%'},
                           .interval = {1, 'i'},
                           .update = WN__UPDATE_AFTER,
                           .regrown = WN__REGROWN_ZERO,
                           .l1 = 1e-5,
                           .noise = 1e-5,
                           .decay = 0.9,
                           .batches = 8,
                           .images = 1000,
                           .half = {56.25, '%'},
                           .gamma = 0.3,
                           .threshold = 0.001}}},
    {.name = "dsr",
     .summary = "sparse from the start: what is below one threshold for all layers goes, random ones come where most have stayed",
     .paper = "Mostafa and Wang 2019, arXiv:1902.05967",
     .axes = {.mask = WN__MASK_DRAWN,
              .topology = {.grow = WN__GROW_RANDOM,
                           .drop = WN__DROP_THRESHOLD,
                           .threshold = 0.001,
                           .alpha = 0.1,
                           .schedule = WN__FALL_CONSTANT,
                           .power = 1,
                           .begin = {100, 'i'},
                           .end = {100, '%'},
                           .interval = {100, 'i'},
                           .update = WN__UPDATE_AFTER,
                           .regrown = WN__REGROWN_NEVER,
                           .redistribute = WN__SHARE_WEIGHTS,
                           .decay = 0.9,
                           .batches = 8,
                           .images = 1000,
                           .half = {56.25, '%'},
                           .gamma = 0.3}}},
    {.name = "rigl-struct",
     .summary = "rigl over kernels: what an output takes from an input channel goes and comes as a whole",
     .paper = REPRODUCTION,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_GRADIENT, EVERY_100, .regrown = WN__REGROWN_ZERO, .round = 1}},
     .block = WN__BLOCK_KERNEL},
    {.name = "srigl",
     .summary = "rigl with as many inputs for every output; outputs that matter little lose theirs",
     .paper = "Lasby et al. 2024, arXiv:2305.02299",
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_GRADIENT, EVERY_100}},
     .block = WN__BLOCK_FAN_IN},
    {.name = "mest",
     .summary = "sparse from the start: the least important go, random connections come, fewer and fewer (elastic mutation)",
     .paper = MEST,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {ELASTIC}}},
    {.name = "mest-soft",
     .summary = "mest that grows first and prunes back at the next update (soft memory bound)",
     .paper = MEST,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {ELASTIC, .bound = WN__BOUND_SOFT}}},
    {.name = "set-itop",
     .summary = "set with seldom and large updates until the end",
     .paper = ITOP,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_RANDOM, TO_THE_END, .interval = {1500, 'i'}}}},
    {.name = "rigl-itop",
     .summary = "rigl with seldom and large updates until the end",
     .paper = ITOP,
     .axes = {.mask = WN__MASK_DRAWN, .topology = {.grow = WN__GROW_GRADIENT, TO_THE_END, .interval = {4000, 'i'}}}},
    {0},
};

bool wn__mask_resizes(int mask) { return mask == WN__MASK_SMALL || mask == WN__MASK_WIDE; }
bool wn__mask_is_drawn(int mask) { return mask == WN__MASK_DRAWN || mask == WN__MASK_WIDE; }
bool wn__mask_before_training(int mask) { return wn__mask_is_drawn(mask) || mask == WN__MASK_AT_INIT || mask == WN__MASK_AT_INIT_RANDOM; }

bool wn__mask_thins(int mask) { return mask == WN__MASK_LEARNED || mask == WN__MASK_ALTERNATING || mask == WN__MASK_N_OF_M; }

const wn__method *wn__method_find(const char *name)
{
    for (const wn__method *m = wn__methods; m->name; m++)
        if (strcmp(m->name, name) == 0) return m;
    return NULL;
}

wn_status wn__method_span_of(const wn__method_axes *axes, int64_t steps_per_epoch, int64_t total, wn__method_span *span)
{
    const bool rewinds = axes->start == WN__START_REWOUND || axes->schedule == WN__RATE_REWOUND;
    int64_t k = 0, length = total;
    if (axes->retrain.unit) length = wn__steps_resolve(axes->retrain, steps_per_epoch, total);
    if (rewinds) k = axes->rewind.unit ? wn__steps_resolve(axes->rewind, steps_per_epoch, total) : total - length;
    if (k < 0 || k > total)
        return wn__fail(WN_EUSAGE, "rewind: step %lld is outside of the dense run, which has %lld steps", (long long)k, (long long)total);
    const bool from_k = axes->schedule == WN__RATE_REWOUND;
    if (!axes->retrain.unit && from_k) length = total - k;
    if (length < 1) return wn__fail(WN_EUSAGE, "retrain: nothing is left to train after step %lld of %lld", (long long)k, (long long)total);
    span->rewind = axes->start == WN__START_REWOUND ? k : 0;
    span->first = from_k ? k : 0;
    span->last = span->first + length;
    return WN_OK;
}
