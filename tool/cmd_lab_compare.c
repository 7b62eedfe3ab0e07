#include "lab.h"

typedef struct compare_config {
    wn__lab_config lab;
} compare_config;

static const wn__option compare_options[] = {WN_LAB_OPTIONS(compare_config), {0}};

static int run_compare(const wn__call *call)
{
    const compare_config *config = call->config;
    const wn_lab_options lab_options = wn__lab_options_of(call, &config->lab);
    const wn_lab_compare_options options = {.size = sizeof options, .lab = &lab_options};
    wn_lab_result result = {0};
    return wn__lab_show(call, wn_lab_compare(&options, &result), &result, "pairs.csv");
}

const wn__command wn__command_lab_compare = {
    .name = "lab compare",
    .arguments = "NETWORK NETWORK...",
    .summary = "Distances between networks, their disagreement and ensemble, similarity of masks, a map",
    .details = WN_LAB_NETWORKS,
    .options = compare_options,
    .config_size = sizeof(compare_config),
    .least = 2,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_compare,
};
