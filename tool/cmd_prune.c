#include "command.h"
#include "names.h"
#include "winnow/experiment.h"
#include "winnow/show.h"
#include "written.h"

typedef struct prune_config {
    wn__texts set;
    const char *experiment, *sparsity, *out, *data_folder, *data, *names;
    bool dense;
    int64_t seed, threads;
} prune_config;

static const wn__option prune_options[] = {
    WN_OPTION_TEXT(prune_config, sparsity, "sparsity", "S",
                   "90% or 0.9 (sparsity), 0.1d (density), 10x (compression); required unless the masks say it"),
    WN_OPTION_TEXT(prune_config, out, "out", "FILE", "weights file to write; required"),
    WN_OPTION_SWITCH(prune_config, dense, "dense", "write every weight, with masks beside (default: the active ones alone)"),
    WN_OPTION_LIST(prune_config, set, "set", "KEY=VALUE",
                   "how: mask.scope=layer, mask.score=synflow, mask.layers=[conv*], model.arch=lenet5; may be repeated"),
    WN_OPTION_SEED(prune_config, seed, "of all that is drawn: shuffled masks, random scores and bases, images (default: 0)"),
    WN_OPTION_TEXT(prune_config, data, "data", "PATH",
                   "your own data instead: a folder of class folders of pictures, or a list of pictures"),
    WN_OPTION_TEXT(prune_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_EXPERIMENT(prune_config, experiment),
    WN_OPTION_TEXT(prune_config, names, "names", "FILE", "rename its tensors: lines as \"linear.* fc.*\", a pattern and its replacement"),
    WN_OPTION_CPUS(prune_config, threads, "threads", "(default: all CPUs)"),
    {0}};

static void print_pruning(const wn__call *call, const wn_prune_summary *s, const char *result, bool dense)
{
    wn__answer *answer = call->answer;
    char some[32], all[32];
    wn__answer_print(answer, "asked for          sparsity %.2f %%\n", 100 * s->asked);
    wn__answer_real(answer, "sparsity_asked", s->asked);
    wn__answer_nonzero(answer, 18, "selected weights", "selected", s->selected_nonzero, s->selected);
    wn__answer_nonzero(answer, 18, "whole network", "parameters", s->network_nonzero, s->network);
    wn__answer_print(answer, "FLOPs per image    %s of %s (2 per multiply-add)\n", wn_show_count(s->forward_flops, some, sizeof some),
                     wn_show_count(s->dense_forward_flops, all, sizeof all));
    wn__answer_whole(answer, "flops", s->forward_flops);
    wn__answer_whole(answer, "dense_flops", s->dense_forward_flops);
    wn__answer_whole(answer, "dense_bytes", s->dense_bytes);
    wn__print_written(call, &(wn__written){.width = 19, .label = "written", .path = result, .dense = dense});
}

static int run_prune(const wn__call *call)
{
    const prune_config *config = call->config;
    if (!config->out) return wn__wrong_usage(call, "--out is needed: the file to write");
    char path[WN__PATH];
    wn_status status = wn_store_weights(NULL, config->experiment, call->arguments[0], path, sizeof path);
    if (status != WN_OK) return wn__finish(call, status);
    const wn_prune_options options = {
        .size = sizeof options,
        .weights = path,
        .result = config->out,
        .sparsity = config->sparsity,
        .set = config->set.items,
        .sets = config->set.count,
        .seed = (uint64_t)config->seed,
        .data_folder = config->data_folder,
        .data = config->data,
        .dense = config->dense,
        .names = config->names,
        .threads = (int)config->threads,
    };
    wn_prune_summary summary;
    status = wn_prune(&options, &summary);
    if (status == WN_OK) print_pruning(call, &summary, config->out, config->dense);
    return wn__finish(call, status);
}

const wn__command wn__command_prune = {
    .name = "prune",
    .arguments = "NETWORK",
    .summary = "Prune a network in one shot; write the weights with their masks",
    .details = WN_NETWORK_NAMES
    "\n\n"
    "Masks are made as a recipe's mask stage makes them, bit for bit: every key of the section mask counts. One is refused where it\n"
    "says nothing of a file alone (rounds, rules that act while a network trains). mask.shuffle makes a random mask of it. The scores\n"
    "snip and grasp look at images of the data set that the file, or data.set, names. With mask.scope=n-of-m, mask.file, and lists,\n"
    "files and FLOPs budgets of mask.distribution the masks say their sparsity, and --sparsity is left out.",
    .options = prune_options,
    .config_size = sizeof(prune_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_JSON,
    .run = run_prune,
};
