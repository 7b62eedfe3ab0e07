/* The settings tables of a recipe's sections. */
#include "data/world.h"
#include "recipe/recipe.h"

const char *const wn__dtype_names[] = {"float32", "bfloat16", NULL};
const char *const wn__inner_names[] = {"own", "weight-rewind", NULL};
static const char *const first_names[] = {"auto", "no", "yes", NULL};
const char *const wn__cache_names[] = {"auto", "on", "off", NULL};
static const char *const per_names[] = {"step", "epoch", NULL};

const wn__setting wn__top_settings[] = {
    WN_SETTING_TEXT(wn__top_section, name, NULL, "of the experiment and its folder; default: the file's name"),
    WN_SETTING_TEXT(wn__top_section, backend, "auto",
                    "auto: onednn (else sparse), sparse for masked float32 networks; fastest: for dense ones as measured; or a name"),
    WN_SETTING_CHOICE(wn__top_section, dtype, "float32", wn__dtype_names, "of activations; weights are float32 always"),
    WN_SETTING_INT(wn__top_section, threads, 0, 0, 4096, "per stage; 0: all CPUs, divided by the stages that run side by side"),
    WN_SETTING_FLOAT(wn__top_section, memory, 0, 0, 1e6,
                     "GiB that the process may take; if need be, activations are made again; 0: no limit"),
    WN_SETTING_CHOICE(wn__top_section, kernels, "measured", wn__kernels_names,
                      "of backend sparse, for weights with zeros: the faster ones by measurement, or always these; changes no result"),
    WN_SETTING_CHOICE(wn__top_section, world, "none", wn__world_names,
                      "real: the first samples of a stream again and again; ideal: always new ones of the same stream"),
    {0},
};

const wn__setting wn__data_settings[] = {
    WN_SETTING_TEXT(
        wn__data_section, validation, "last-5000",
        "held out: none, last-N, first-N; 10% or 5000 by names; auto: the set's own or 10%. Sets up to 5000: a tenth by default"),
    WN_SETTING_INT(wn__data_section, train_size, 0, 0, 1e12, "keep only so many training images; 0: all"),
    WN_SETTING_TEXT(wn__data_section, normalize, "dataset",
                    "dataset, imagenet, cifar10-classic, per-image, signed, none or the name of a data set"),
    {"last_batch", WN__SETTING_CHOICE, offsetof(wn__data_section, last_batch), 0, 0, "keep", wn__last_batch_names,
     "smaller last batch of an epoch: keep it, drop it, or fill it up"},
    {0},
};

/* Apart from the others, which were there first: in keys and written recipes only where they do something. */
const wn__setting wn__data_later_settings[] = {
    WN_SETTING_FLOAT(wn__data_section, label_noise, 0, 0, 1, "so many labels are wrong, of training, validation and test images"),
    WN_SETTING_BOOL(wn__data_section, unverified, false, "take files that hold other than the published contents, under keys of their own"),
    {0},
};

const wn__setting wn__train_settings[] = {
    WN_SETTING_INT(wn__train_section, epochs, 0, 0, 1e9, "length of the dense run"),
    WN_SETTING_INT(wn__train_section, steps, 0, 0, 1e15, "length of the dense run in optimizer steps, instead of epochs"),
    WN_SETTING_INT(wn__train_section, batch, 128, 1, 1e6, "images per step"),
    WN_SETTING_INT(wn__train_section, micro_batch, 0, 0, 1e6, "images at a time, gradients add up; 0: the whole batch"),
    WN_SETTING_FLOAT(wn__train_section, smoothing, 0, 0, 0.999, "label smoothing of hard labels"),
    WN_SETTING_FLOAT(wn__train_section, clip_norm, 0, 0, 1e30, "largest norm of the gradient; 0: not clipped"),
    WN_SETTING_FLOAT(wn__train_section, clip_value, 0, 0, 1e30, "largest absolute entry of the gradient; 0: not clipped"),
    WN_SETTING_INT(wn__train_section, evaluate_every, 1, 1, 1e9, "epochs between evaluations"),
    {0},
};

#define RATE_BASE WN_SETTING_FLOAT(wn__rate_section, base, 0.1, 0, 1e6, "highest learning rate")
#define RATE_REST                                                                                            \
    WN_SETTING_STEPS(wn__rate_section, warm_up, "0it", "rising linearly up to here"),                        \
        WN_SETTING_BOOL(wn__rate_section, warm_up_from_zero, false, "the first step has rate 0"),            \
        WN_SETTING_CHOICE(wn__rate_section, per, "step", per_names, "changes every step, or once an epoch"), \
    {                                                                                                        \
        0                                                                                                    \
    }
static const wn__setting constant_settings[] = {RATE_BASE, RATE_REST};
static const wn__setting step_settings[] = {RATE_BASE, WN_SETTING_FLOAT(wn__rate_section, factor, 0.1, 0, 1, "at each milestone of `at`"),
                                            RATE_REST};
static const wn__setting cosine_settings[] = {RATE_BASE, WN_SETTING_FLOAT(wn__rate_section, final, 0, 0, 1, "fraction of base at the end"),
                                              RATE_REST};
static const wn__setting polynomial_settings[] = {RATE_BASE, WN_SETTING_FLOAT(wn__rate_section, power, 1, 0.001, 100, "1: a line"),
                                                  WN_SETTING_FLOAT(wn__rate_section, final, 0, 0, 1, "fraction of base at the end"),
                                                  RATE_REST};
static const wn__setting restarts_settings[] = {
    RATE_BASE, WN_SETTING_STEPS(wn__rate_section, period, "10ep", "from the highest rate down to the lowest, the first time"),
    WN_SETTING_INT(wn__rate_section, growth, 1, 1, 1000, "each period is so many times as long as the one before"),
    WN_SETTING_FLOAT(wn__rate_section, final, 0, 0, 1, "fraction of base at the end of a period"), RATE_REST};
static const wn__setting one_cycle_settings[] = {
    RATE_BASE,
    WN_SETTING_STEPS(wn__rate_section, peak, "30%", "where the highest rate is"),
    WN_SETTING_FLOAT(wn__rate_section, initial, 0.04, 0, 1, "fraction of base at the first step"),
    WN_SETTING_FLOAT(wn__rate_section, final, 4e-6, 0, 1, "fraction of base at the last step"),
    WN_SETTING_CHOICE(wn__rate_section, per, "step", per_names, "changes every step, or once an epoch"),
    {0}};

const wn__setting *wn__rate_settings(int kind)
{
    static const wn__setting *const tables[] = {constant_settings,   step_settings,     cosine_settings,
                                                polynomial_settings, restarts_settings, one_cycle_settings};
    return tables[kind];
}

const wn__setting wn__mask_settings[] = {
    WN_SETTING_CHOICE(wn__mask_section, scope, "global", wn__scope_names,
                      "ranked over all selected layers together, within each, or within each by `distribution`"),
    WN_SETTING_CHOICE(wn__mask_section, rule, "exact", wn__prune_rule_names, "exact counts, or a published threshold rule"),
    WN_SETTING_CHOICE(wn__mask_section, empty, "warn", wn__empty_names, "what happens to a layer that would lose all weights"),
    WN_SETTING_INT(wn__mask_section, rounds, 1, 1, 100, "1: one-shot; more: iterative, each pruning the same rate of what is left"),
    WN_SETTING_FLOAT(wn__mask_section, rate, 0, 0, 0.99, "instead of rounds: pruned a round, of what is left"),
    WN_SETTING_CHOICE(wn__mask_section, inner, "own", wn__inner_names, "retraining between rounds: the method's own, or one for all"),
    WN_SETTING_STEPS(wn__mask_section, rewind, "0it", "where inner: weight-rewind goes back to"),
    WN_SETTING_CHOICE(wn__mask_section, shuffle, "layer", wn__shuffle_names, "how random masks are made from pruned ones"),
    WN_SETTING_CHOICE(wn__mask_section, block, "weight", wn__block_names,
                      "what masks drawn at initialisation are made of; fan-in: single weights, as many for every output"),
    WN_SETTING_TEXT(wn__mask_section, file, "", "take the masks of this file"),
    WN_SETTING_TEXT(wn__mask_section, of, "",
                    "take the masks of what this method trained at the same sparsity, or prune that; default: the dense run"),
    {0},
};

/* The distribution itself is the name of the mapping. */
const wn__setting wn__distribution_settings[] = {
    WN_SETTING_FLOAT(wn__mask_section, power, 1, 0.01, 100, "of erk: density = eps (sum of the sides / product of the sides)^power"),
    WN_SETTING_CHOICE(wn__mask_section, dense_first, "auto", first_names,
                      "the network's first layer stays dense, outside of the budget; auto: under uniform"),
    WN_SETTING_CHOICE(wn__mask_section, counting, "layer", wn__counting_names,
                      "pruned weights rounded down in each layer, active ones exact in total, or each drawn by its layer's density"),
    WN_SETTING_TEXT(wn__mask_section, flops_budget, "", "0.10x: solve for the sparsity at which forward has so much of the dense FLOPs"),
    {"file", WN__SETTING_TEXT, offsetof(wn__mask_section, densities), 0, 0, "", NULL,
     "of distribution file: masks whose densities are taken"},
    {0},
};

const wn__setting wn__until_settings[] = {
    WN_SETTING_STEPS(wn__labels_section, until, NULL, "soft labels before this time, hard ones from it on; default: always"),
    {0},
};

const wn__setting wn__smooth_settings[] = {
    WN_SETTING_FLOAT(wn__labels_section, epsilon, 0.1, 0, 0.999, "share of the uniform distribution"),
    {0},
};

static const char *const classes_names[] = {"file", "from-data", NULL};
const wn__setting wn__model_settings[] = {
    WN_SETTING_TEXT(wn__model_section, weights, "",
                    "a trained network: it takes the place of the dense run, of which nothing is trained; a weights file of anyone"),
    WN_SETTING_TEXT(wn__model_section, names, "", "lines as \"linear.* fc.*\": tensors of weights and rewind_file are renamed"),
    WN_SETTING_TEXT(wn__model_section, rewind_file, "", "its weights at the step that rows rewind to"),
    WN_SETTING_CHOICE(wn__model_section, classes, "file", classes_names,
                      "from-data: a last layer of other classes is drawn anew, and the dense run is trained from there"),
    {0},
};

const wn__setting wn__teacher_settings[] = {
    WN_SETTING_CHOICE(wn__teacher_section, dtype, "float32", wn__dtype_names, "of the teacher's activations"),
    WN_SETTING_CHOICE(wn__teacher_section, cache, "auto", wn__cache_names, "keep its outputs in a file; auto: if several stages use them"),
    {"file", WN__SETTING_TEXT, offsetof(wn__teacher_section, files.file[0].file), 0, 0, "", NULL,
     "weights of the teacher; default: the replicate's dense network"},
    {0},
};

const wn__setting wn__teacher_file_settings[] = {
    {"arch", WN__SETTING_TEXT, offsetof(wn__teacher_section, files.file[0].arch), 0, 0, "", NULL,
     "network of the file, a name or a YAML file; default: the recipe's"},
    {"names", WN__SETTING_TEXT, offsetof(wn__teacher_section, files.file[0].names), 0, 0, "", NULL, "a file that renames its tensors"},
    {0},
};

const wn__setting wn__report_settings[] = {
    WN_SETTING_FLOAT(wn__report_section, margin, 0.3, 0, 1e9,
                     "points within which shares count as equal; of a headline that is none a number, default 0: no margin"),
    WN_SETTING_BOOL(wn__report_section, short_budget, false, "the runs are too short for claims, and the report says so"),
    {0},
};

const wn__setting wn__row_settings[] = {
    WN_SETTING_TEXT(wn__row, start_file, "", "start weights from this file"),
    WN_SETTING_TEXT(wn__row, backend, "", "where this row's networks are retrained; default: the recipe's backend"),
    WN_SETTING_FLOAT(wn__row, stretch, 1, 0.01, 1000,
                     "training is so many times as long, and so are all times of its schedules but intervals"),
    {0},
};
