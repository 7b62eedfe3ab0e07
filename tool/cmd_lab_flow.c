#include "lab.h"

typedef struct flow_config {
    wn__lab_config lab;
    const char *steps, *part, *rate;
    int64_t images;
} flow_config;

static const wn__option flow_options[] = {
    WN_OPTION_TEXT(flow_config, steps, "steps", "N,N,...",
                   "states of each stage: before these steps (default: 14 from its start to its end, early ones closer)"),
    WN_OPTION_NUMBER(flow_config, images, "images", "N", "in the sample (default: 1000)"),
    WN_OPTION_TEXT(flow_config, part, "part", "PART",
                   "train, validation or test: where the sample comes from (default: validation, else test)"),
    WN_OPTION_TEXT(flow_config, rate, "rate", "R", "size of the step whose decrease of the loss is measured (default: 0.01)"),
    WN_LAB_OPTIONS(flow_config),
    {0}};

static int run_flow(const wn__call *call)
{
    const flow_config *config = call->config;
    double rate;
    if (!wn__lab_number_option(config->rate, &rate)) return wn__wrong_usage(call, "--rate=%s: a number above 0 is needed", config->rate);
    const wn_lab_options lab_options = wn__lab_options_of(call, &config->lab);
    const wn_lab_flow_options options = {
        .size = sizeof options,
        .lab = &lab_options,
        .steps = config->steps,
        .images = config->images,
        .part = config->part,
        .rate = rate,
    };
    wn_lab_result result = {0};
    return wn__lab_show(call, wn_lab_flow(&options, &result), &result, "flow.csv");
}

const wn__command wn__command_lab_flow = {
    .name = "lab flow",
    .arguments = "NETWORK...",
    .summary = "Norms of gradients, decrease of the loss, distance to the start, along training",
    .details = WN_LAB_NETWORKS " A stage named without a point is looked at in several states.",
    .options = flow_options,
    .config_size = sizeof(flow_config),
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_flow,
};
