#include "lab.h"

typedef struct interpolate_config {
    wn__lab_config lab;
    const char *from, *to;
    int64_t points, batches, train_images;
    bool interpolate_norms;
} interpolate_config;

static const wn__option interpolate_options[] = {
    WN_OPTION_NUMBER(interpolate_config, points, "points", "N", "on the line (default: 29)"),
    WN_OPTION_TEXT(interpolate_config, from, "from", "A", "first position; 0 is the first network, 1 the second (default: -0.2)"),
    WN_OPTION_TEXT(interpolate_config, to, "upto", "A", "last position (default: 1.2)"),
    WN_OPTION_SWITCH(interpolate_config, interpolate_norms, "interpolate-norms",
                     "interpolate the running statistics of batch norm too, instead of measuring them anew at each point"),
    WN_OPTION_NUMBER(interpolate_config, batches, "batches", "N", "training batches of that measurement (default: 100)",
                     .excludes = "interpolate-norms"),
    WN_OPTION_NUMBER(interpolate_config, train_images, "train-images", "N", "evaluate the first so many training images (default: all)"),
    WN_LAB_OPTIONS(interpolate_config),
    {0}};

static int run_interpolate(const wn__call *call)
{
    const interpolate_config *config = call->config;
    const wn_lab_options lab_options = wn__lab_options_of(call, &config->lab);
    const wn_lab_interpolate_options options = {
        .size = sizeof options,
        .lab = &lab_options,
        .points = config->points,
        .from = config->from,
        .to = config->to,
        .interpolate_norms = config->interpolate_norms,
        .batches = config->batches,
        .train_images = config->train_images,
    };
    wn_lab_result result = {0};
    return wn__lab_show(call, wn_lab_interpolate(&options, &result), &result, "curve.csv");
}

const wn__command wn__command_lab_interpolate = {
    .name = "lab interpolate",
    .arguments = "NETWORK NETWORK",
    .summary = "Loss and error on the straight line between two networks, and its barrier",
    .details = WN_LAB_NETWORKS,
    .options = interpolate_options,
    .config_size = sizeof(interpolate_config),
    .least = 2,
    .most = 2,
    .prints = WN__PRINTS_TABLE,
    .run = run_interpolate,
};
