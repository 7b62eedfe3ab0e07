#include <stdlib.h>

#include "command.h"
#include "names.h"
#include "winnow/report.h"

typedef struct merge_config {
    const char *out;
} merge_config;

static const wn__option merge_options[] = {WN_OPTION_TEXT(merge_config, out, "out", "DIR", "folder for the merged results; required"), {0}};

static int run_merge(const wn__call *call)
{
    const merge_config *config = call->config;
    if (!config->out || !config->out[0]) return wn__wrong_usage(call, "--out is missing");
    char(*folders)[WN__PATH] = calloc((size_t)call->count, sizeof *folders);
    const char **names = calloc((size_t)call->count, sizeof *names);
    wn_status status = folders && names ? WN_OK : WN_ENOMEM;
    for (int i = 0; i < call->count && status == WN_OK; i++) {
        status = wn_store_experiment(NULL, call->arguments[i], folders[i], sizeof folders[i]);
        names[i] = folders[i];
    }
    if (status == WN_OK) status = wn_report_merge(names, call->count, config->out);
    free(folders);
    free((void *)names);
    return wn__finish(call, status);
}

const wn__command wn__command_merge = {
    .name = "merge",
    .arguments = "EXPERIMENT...",
    .summary = "Put the results of several runs of one experiment together",
    .details = WN_EXPERIMENT_NAMES
    " One that was merged is one, too: runs of the same recipe with other seeds, methods or sparsities, perhaps from other\n"
    "machines. What is finished goes into one results.json with its learning curves, which `winnow report` reads; weights stay where they are. Resolved\n"
    "recipes must agree in every key that may change a result, and so must two results of the same row, sparsity and seed; else the keys are named and\n"
    "nothing is written. Other CPUs, instruction sets and libraries are told.",
    .options = merge_options,
    .config_size = sizeof(merge_config),
    .least = 1,
    .most = -1,
    .run = run_merge,
};
