#include "columns.h"
#include "command.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct prune_config {
    wn__texts set;
    const char *sparsity, *out, *data_folder, *data, *names;
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
    WN_OPTION_TEXT(prune_config, names, "names", "FILE", "rename its tensors: lines as \"linear.* fc.*\", a pattern and its replacement"),
    WN_OPTION_CPUS(prune_config, threads, "threads", "(default: all CPUs)"),
    {0}};

static void print_pruning(const wn_prune_summary *s, const char *result, bool dense)
{
    char text[128], some[32], all[32];
    printf("asked for          sparsity %.2f %%\n", 100 * s->asked);
    printf("selected weights   %s (%s of %s)\n", wn__sparsity_three_ways(s->selected_nonzero, s->selected, text, sizeof text),
           wn_show_count(s->selected_nonzero, some, sizeof some), wn_show_count(s->selected, all, sizeof all));
    printf("whole network      %s (%s of %s)\n", wn__sparsity_three_ways(s->network_nonzero, s->network, text, sizeof text),
           wn_show_count(s->network_nonzero, some, sizeof some), wn_show_count(s->network, all, sizeof all));
    printf("FLOPs per image    %s of %s\n", wn_show_count(s->forward_flops, some, sizeof some),
           wn_show_count(s->dense_forward_flops, all, sizeof all));
    printf("bytes              %s of %s\n", wn_show_bytes(s->bytes, some, sizeof some), wn_show_bytes(s->dense_bytes, all, sizeof all));
    printf("written            %s\n", result);
    if (!dense) printf("dense              winnow export %s --to dense --out FILE\n", result);
}

static int run_prune(const wn__call *call)
{
    const prune_config *config = call->config;
    if (!config->out) return wn__wrong_usage(call, "--out is needed: the file to write");
    const wn_prune_options options = {
        .size = sizeof options,
        .weights = call->arguments[0],
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
    const wn_status status = wn_prune(&options, &summary);
    if (status == WN_OK) print_pruning(&summary, config->out, config->dense);
    return wn__finish(call, status);
}

const wn__command wn__command_prune = {
    .name = "prune",
    .arguments = "WEIGHTS",
    .summary = "Prune a weights file in one shot; write the weights with their masks",
    .details =
        "Masks are made as a recipe's mask stage makes them, bit for bit: every key of the section mask counts, or is refused where it\n"
        "says nothing of a file alone (rounds, rules that act while a network trains). mask.shuffle makes a random mask of it. The scores\n"
        "snip and grasp look at images of the data set that the file, or data.set, names. With mask.scope=n-of-m, mask.file, and lists,\n"
        "files and FLOPs budgets of mask.distribution the masks say their sparsity, and --sparsity is left out.",
    .options = prune_options,
    .config_size = sizeof(prune_config),
    .least = 1,
    .most = 1,
    .run = run_prune,
};
