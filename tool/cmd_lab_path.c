#include "lab.h"

typedef struct path_config {
    wn__lab_config lab;
    const char *rate;
    int64_t order, epochs, points, batches, train_images;
    bool full;
} path_config;

static const wn__option path_options[] = {
    WN_OPTION_NUMBER(path_config, order, "order", "N",
                     "of the Bezier curve: 2 (default), with one point between the networks, or 3, with two"),
    WN_OPTION_SWITCH(path_config, full, "full", "train the points between over all weights (default: the union of the two masks)"),
    WN_OPTION_NUMBER(path_config, epochs, "epochs", "N", "of training (default: 3)"),
    WN_OPTION_TEXT(path_config, rate, "rate", "R", "learning rate at the start of half a cosine (default: 0.02)"),
    WN_OPTION_NUMBER(path_config, points, "points", "N", "that are evaluated on the curve and on the line (default: 15)"),
    WN_OPTION_NUMBER(path_config, batches, "batches", "N", "training batches that measure statistics of batch norm (default: 100)"),
    WN_OPTION_NUMBER(path_config, train_images, "train-images", "N", "evaluate the first so many training images (default: all)"),
    WN_LAB_OPTIONS(path_config),
    {0}};

static int run_path(const wn__call *call)
{
    const path_config *config = call->config;
    double rate;
    if (!wn__lab_number_option(config->rate, &rate)) return wn__wrong_usage(call, "--rate=%s: a number above 0 is needed", config->rate);
    const wn_lab_options lab_options = wn__lab_options_of(call, &config->lab);
    const wn_lab_path_options options = {
        .size = sizeof options,
        .lab = &lab_options,
        .order = (int)config->order,
        .full = config->full,
        .epochs = config->epochs,
        .rate = rate,
        .points = config->points,
        .batches = config->batches,
        .train_images = config->train_images,
    };
    wn_lab_result result = {0};
    return wn__lab_show(call, wn_lab_path(&options, &result), &result, "curve.csv");
}

const wn__command wn__command_lab_path = {
    .name = "lab path",
    .arguments = "NETWORK NETWORK",
    .summary = "Train a Bezier curve of low loss between two networks, in the sparse or the full space",
    .details = WN_LAB_NETWORKS,
    .options = path_options,
    .config_size = sizeof(path_config),
    .least = 2,
    .most = 2,
    .prints = WN__PRINTS_TABLE,
    .run = run_path,
};
