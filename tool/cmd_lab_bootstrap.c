#include "lab.h"

typedef struct bootstrap_config {
    wn__lab_config lab;
    const char *n, *seeds, *margin, *converged;
} bootstrap_config;

static const wn__option bootstrap_options[] = {
    WN_OPTION_TEXT(bootstrap_config, n, "n", "N,N,...", "sizes of the real world, instead of the recipe's bootstrap.n"),
    WN_OPTION_TEXT(bootstrap_config, seeds, "seeds", "LIST", "0-4 or 0,2 instead of the recipe's"),
    WN_OPTION_TEXT(bootstrap_config, margin, "margin", "POINTS",
                   "of soft error within which gaps are small, and equal (default: the recipe's, else 2)"),
    WN_OPTION_TEXT(bootstrap_config, converged, "converged", "E",
                   "T0 is the first step with so small a soft error on training images (default: the recipe's, else 0.01)"),
    WN_LAB_OPTIONS(bootstrap_config),
    {0}};

static int run_bootstrap(const wn__call *call)
{
    const bootstrap_config *config = call->config;
    const wn_lab_options lab_options = wn__lab_options_of(call, &config->lab);
    wn_lab_bootstrap_options options = {.size = sizeof options, .lab = &lab_options, .n = config->n, .seeds = config->seeds};
    if (!wn__lab_number_option(config->margin, &options.margin))
        return wn__wrong_usage(call, "--margin %s is no number above 0", config->margin);
    if (!wn__lab_number_option(config->converged, &options.converged))
        return wn__wrong_usage(call, "--converged %s is no number above 0", config->converged);
    wn_lab_result result = {0};
    return wn__lab_show(call, wn_lab_bootstrap(&options, &result), &result, "gaps.csv");
}

const wn__command wn__command_lab_bootstrap = {
    .name = "lab bootstrap",
    .arguments = "RECIPE|STAGE...",
    .summary = "Networks in the real and the ideal world, where no sample comes back; the gap between them",
    .details =
        "RECIPE: trains its rows in both worlds, for each size n and each variant of its section bootstrap; what is trained already is taken from the store, and what was cut off goes on. "
        "--set changes the recipe. STAGE: two stages or more of the store that were trained in a world, by cache key, the beginning of it, or label; real and ideal ones are put together.",
    .options = bootstrap_options,
    .config_size = sizeof(bootstrap_config),
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_bootstrap,
};
