#include "lab.h"

typedef struct connect_config {
    wn__lab_config lab;
    const char *from;
    int64_t points, batches, train_images, seed;
} connect_config;

static const wn__option connect_options[] = {
    WN_OPTION_TEXT(connect_config, from, "from", "N,N,...", "steps that the copies are trained from (default: the stage's first)"),
    WN_OPTION_NUMBER(connect_config, points, "points", "N", "on the line between two copies (default: 11)"),
    WN_OPTION_SEED(connect_config, seed, "of the copies' orders of data (default: 0)"),
    WN_OPTION_NUMBER(connect_config, batches, "batches", "N", "training batches that measure statistics of batch norm (default: 100)"),
    WN_OPTION_NUMBER(connect_config, train_images, "train-images", "N", "evaluate the first so many training images (default: all)"),
    WN_LAB_OPTIONS(connect_config),
    {0}};

static int run_connect(const wn__call *call)
{
    const connect_config *config = call->config;
    const wn_lab_options lab_options = wn__lab_options_of(call, &config->lab);
    const wn_lab_connect_options options = {
        .size = sizeof options,
        .lab = &lab_options,
        .from = config->from,
        .points = config->points,
        .seed = config->seed,
        .batches = config->batches,
        .train_images = config->train_images,
    };
    wn_lab_result result = {0};
    return wn__lab_show(call, wn_lab_connect(&options, &result), &result, "instability.csv");
}

const wn__command wn__command_lab_connect = {
    .name = "lab connect",
    .arguments = "STAGE",
    .summary = "Train two copies of a stage with other orders of the data; the barrier between them",
    .details = "STAGE is a stage of the store by cache key, the beginning of it, or label.",
    .options = connect_options,
    .config_size = sizeof(connect_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_connect,
};
