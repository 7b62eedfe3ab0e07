#include "command.h"
#include "winnow/report.h"

typedef struct merge_config {
    const char *out;
} merge_config;

static const wn__option merge_options[] = {WN_OPTION_TEXT(merge_config, out, "out", "DIR", "folder for the merged results; required"), {0}};

static int run_merge(const wn__call *call)
{
    const merge_config *config = call->config;
    if (!config->out || !config->out[0]) return wn__wrong_usage(call, "--out is missing");
    return wn__finish(call, wn_report_merge(call->arguments, call->count, config->out));
}

const wn__command wn__command_merge = {
    .name = "merge",
    .arguments = "DIR...",
    .summary = "Put the results of several runs of one experiment together",
    .details =
        "Each DIR is an experiment's folder, or one that was merged: runs of the same recipe with other seeds, methods or sparsities, perhaps from other\n"
        "machines. What is finished goes into one results.json with its learning curves, which `winnow report` reads; weights stay where they are. Resolved\n"
        "recipes must agree in every key that may change a result, and so must two results of the same row, sparsity and seed; else the keys are named and\n"
        "nothing is written. Other CPUs, instruction sets and libraries are told.",
    .options = merge_options,
    .config_size = sizeof(merge_config),
    .least = 1,
    .most = -1,
    .run = run_merge,
};
