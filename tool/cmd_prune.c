#include "columns.h"
#include "command.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct prune_config {
    wn__texts set;
    const char *sparsity, *out;
    int64_t seed;
} prune_config;

static const wn__option prune_options[] = {
    WN_OPTION_TEXT(prune_config, sparsity, "sparsity", "S", "90% or 0.9 (sparsity), 0.1d (density), 10x (compression); required"),
    WN_OPTION_TEXT(prune_config, out, "out", "FILE", "weights file to write; required"),
    WN_OPTION_LIST(prune_config, set, "set", "KEY=VALUE",
                   "mask.scope=layer, mask.layers=[conv*], mask.shuffle=layer, model.arch=lenet5; may be repeated"),
    WN_OPTION_SEED(prune_config, seed, "of shuffled masks (default: 0)"),
    {0}};

static void print_pruning(const wn_prune_summary *s, const char *result)
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
}

static int run_prune(const wn__call *call)
{
    const prune_config *config = call->config;
    if (!config->sparsity) return wn__wrong_usage(call, "--sparsity is needed: 90%%, 0.1d or 10x");
    if (!config->out) return wn__wrong_usage(call, "--out is needed: the file to write");
    const wn_prune_options options = {
        .weights = call->arguments[0],
        .result = config->out,
        .sparsity = config->sparsity,
        .set = config->set.items,
        .sets = config->set.count,
        .seed = (uint64_t)config->seed,
    };
    wn_prune_summary summary;
    const wn_status status = wn_prune(&options, &summary);
    if (status == WN_OK) print_pruning(&summary, config->out);
    return wn__finish(call, status);
}

const wn__command wn__command_prune = {
    .name = "prune",
    .arguments = "WEIGHTS",
    .summary = "Prune a weights file in one shot; write the weights with their masks",
    .options = prune_options,
    .config_size = sizeof(prune_config),
    .least = 1,
    .most = 1,
    .run = run_prune,
};
