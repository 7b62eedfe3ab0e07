#include "lab.h"

typedef struct hessian_config {
    wn__lab_config lab;
    const char *part, *length;
    int64_t images, steps, probes;
    bool exact, lanczos, differences, no_check;
} hessian_config;

static const wn__option hessian_options[] = {
    WN_OPTION_SWITCH(hessian_config, exact, "exact", "all eigenvalues (default up to 500 active parameters; at most 8,000)",
                     .excludes = "lanczos steps probes"),
    WN_OPTION_SWITCH(hessian_config, lanczos, "lanczos", "density and extremes of the spectrum (default above)"),
    WN_OPTION_NUMBER(hessian_config, steps, "steps", "N", "of Lanczos (default: 40)"),
    WN_OPTION_NUMBER(hessian_config, probes, "probes", "N", "start vectors that the density is averaged over (default: 2)"),
    WN_OPTION_SWITCH(hessian_config, differences, "differences",
                     "products from differences of gradients, on the fast backends (default: exact, on the reference backend)"),
    WN_OPTION_TEXT(hessian_config, length, "length", "L", "of the step of differences (default: 0.002 times the norm of the weights)",
                   .needs = "differences"),
    WN_OPTION_SWITCH(hessian_config, no_check, "no-check", "do not measure the error of differences against exact products",
                     .needs = "differences"),
    WN_OPTION_NUMBER(hessian_config, images, "images", "N", "in the sample (default: 1000)"),
    WN_OPTION_TEXT(hessian_config, part, "part", "PART",
                   "train, validation or test: where the sample comes from (default: validation, else test)"),
    WN_LAB_OPTIONS(hessian_config),
    {0}};

static int run_hessian(const wn__call *call)
{
    const hessian_config *config = call->config;
    double length;
    if (!wn__lab_number_option(config->length, &length))
        return wn__wrong_usage(call, "--length=%s: a number above 0 is needed", config->length);
    const wn_lab_options lab_options = wn__lab_options_of(call, &config->lab);
    const wn_lab_hessian_options options = {
        .size = sizeof options,
        .lab = &lab_options,
        .exact = config->exact,
        .lanczos = config->lanczos,
        .steps = config->steps,
        .probes = config->probes,
        .differences = config->differences,
        .length = length,
        .no_check = config->no_check,
        .images = config->images,
        .part = config->part,
    };
    wn_lab_result result = {0};
    return wn__lab_show(call, wn_lab_hessian(&options, &result), &result, "hessian.csv");
}

const wn__command wn__command_lab_hessian = {
    .name = "lab hessian",
    .arguments = "NETWORK...",
    .summary = "Eigenvalues of the Hessian over active weights, or their density and extremes",
    .details = WN_LAB_NETWORKS,
    .options = hessian_options,
    .config_size = sizeof(hessian_config),
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_hessian,
};
