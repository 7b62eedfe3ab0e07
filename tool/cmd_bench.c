#include <string.h>

#include "bench_infer.h"
#include "command.h"
#include "winnow/bench.h"
#include "winnow/show.h"

typedef struct bench_config {
    wn__texts set, layers;
    const char *dtype, *backend, *kernels, *sparsity, *distribution, *mask, *memory, *topology, *out;
    int64_t batch, micro_batch, threads, runs, classes, image;
    bool inference, dense_first, by_layer;
} bench_config;

#define STEPS "step kernels plan topology"

static const wn__option bench_options[] = {
    WN_OPTION_NUMBER(bench_config, batch, "batch", "N", "images at a time (default: 128; of infer: 1)"),
    WN_OPTION_NUMBER(bench_config, micro_batch, "micro-batch", "N", "images at a time, gradients add up (default: the whole batch)",
                     .actions = STEPS),
    WN_OPTION_TEXT(bench_config, memory, "memory", "GIB", "limit of the process; activations are made again if need be (default: none)",
                   .actions = STEPS),
    WN_OPTION_TEXT(bench_config, sparsity, "sparsity", "S", "random zeros: 90% or 0.9 (sparsity), 0.1d (density), 10x (compression)"),
    WN_OPTION_TEXT(bench_config, distribution, "distribution", "NAME", "of the zeros: uniform (default), er or erk", .needs = "sparsity",
                   .actions = STEPS),
    WN_OPTION_SWITCH(bench_config, dense_first, "dense-first", "no zeros in the network's first layer; infer has none there",
                     .needs = "sparsity", .actions = STEPS),
    WN_OPTION_TEXT(bench_config, mask, "mask", "FILE", "masks instead, as winnow prune writes them", .excludes = "sparsity",
                   .actions = STEPS),
    WN_OPTION_TEXT(bench_config, topology, "method", "NAME", "a method that changes its mask (default: rigl)", .actions = "topology"),
    WN_OPTION_TEXT(bench_config, dtype, "dtype", "TYPE", "f32 (default) or bf16"),
    WN_OPTION_TEXT(bench_config, backend, "backend", "NAME", "(default: the best in this build; of infer: auto)"),
    WN_OPTION_TEXT(
        bench_config, kernels, "kernels", "NAME",
        "of weights with zeros: measured (default), sparse or dense; of infer: fastest (default), or own, which gives the same bits everywhere"),
    WN_OPTION_CPUS(bench_config, threads, "threads", "(default: all CPUs)"),
    WN_OPTION_NUMBER(bench_config, runs, "runs", "N", "timed steps (default: 15; of infer: two seconds, and 30)",
                     .actions = "step kernels topology infer"),
    WN_OPTION_NUMBER(bench_config, classes, "classes", "N", "(default: the network's usual number)", .actions = STEPS),
    WN_OPTION_NUMBER(bench_config, image, "image", "N", "side of the images (default: the network's usual one)", .actions = STEPS),
    WN_OPTION_LIST(bench_config, set, "set", "KEY=VALUE", "a setting of the network: width=2; may be repeated"),
    WN_OPTION_LIST(bench_config, layers, "layers", "PATTERN,...",
                   "that have zeros, as mask.layers of a recipe (default: all; the first stays dense); may be repeated",
                   .needs = "sparsity", .actions = "infer"),
    WN_OPTION_SWITCH(bench_config, by_layer, "by-layer", "tell what each layer runs on", .actions = "infer"),
    WN_OPTION_TEXT(bench_config, out, "out", "FILE", "keep the network that is made", .actions = "infer"),
    WN_OPTION_SWITCH(bench_config, inference, "inference", "forward only", .actions = "step kernels plan"),
    {0}};

static void add_steps(wn__columns *table, const char *model, const wn_bench_result *r)
{
    wn__columns_text(table, model);
    wn__columns_whole(table, r->batch);
    wn__columns_text(table, r->dtype);
    wn__columns_text(table, r->backend);
    wn__columns_whole(table, r->threads);
    wn__columns_whole(table, r->runs);
    wn__columns_real(table, r->ms_median, "%.2f", r->ms_median);
    wn__columns_real(table, r->ms_min, "%.2f", r->ms_min);
    wn__columns_real(table, r->floor_ms, "%.2f", r->floor_ms);
    wn__columns_real(table, r->arithmetic_floor_ms, "%.2f", r->arithmetic_floor_ms);
    wn__columns_real(table, r->images_per_s, "%.0f", r->images_per_s);
    wn__columns_real(table, r->gflops_per_s, "%.1f", r->gflops_per_s);
    wn__columns_whole(table, r->parameters);
    wn__columns_count(table, r->active);
    wn__columns_whole(table, r->flops);
    wn__columns_real(table, r->flops_ratio, "%.3f", r->flops_ratio);
    wn__columns_bytes(table, r->bytes);
    wn__columns_bytes(table, r->estimate_bytes);
    wn__columns_bytes(table, r->peak_bytes);
    wn__columns_whole(table, r->traffic);
    wn__columns_text(table, r->library);
    wn__columns_text(table, r->isa);
    wn__columns_text(table, r->cpu);
}

static wn_status bench_steps(wn__answer *answer, wn_bench_options *options, const char *const *models, int count)
{
    wn__columns table = WN_COLUMNS({"model", "network"}, {"batch", ">batch"}, {"dtype", "type"}, {"backend", "backend"},
                                   {"threads", ">threads"}, {"runs", NULL}, {"ms_median", ">median ms"}, {"ms_min", ">best ms"},
                                   {"floor_ms", ">floor ms"}, {"arithmetic_floor_ms", NULL}, {"images_per_s", ">images/s"},
                                   {"gflops_per_s", ">GFLOP/s"}, {"parameters", NULL}, {"active", ">active"}, {"flops", NULL},
                                   {"flops_ratio", ">FLOPs x"}, {"bytes", NULL}, {"estimate_bytes", ">estimated memory"},
                                   {"peak_bytes", ">peak"}, {"traffic", NULL}, {"library", NULL}, {"isa", NULL}, {"cpu", NULL});
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        wn_bench_result result;
        options->model = models[i];
        status = wn_bench_step(options, &result);
        if (status == WN_OK) add_steps(&table, models[i], &result);
    }
    wn__answer_lines(answer, &table);
    return status;
}

static void add_updates(wn__columns *table, const char *model, const wn_bench_options *o, const wn_bench_updates *u)
{
    wn__columns_text(table, model);
    wn__columns_text(table, o->topology ? o->topology : "rigl");
    wn__columns_whole(table, u->batch);
    wn__columns_text(table, u->backend);
    wn__columns_whole(table, u->threads);
    wn__columns_whole(table, u->runs);
    wn__columns_real(table, u->ms_static, "%.2f", u->ms_static);
    wn__columns_real(table, u->ms_usual, "%.2f", u->ms_usual);
    wn__columns_real(table, u->ms_update, "%.2f", u->ms_update);
    wn__columns_real(table, u->ms_after, "%.2f", u->ms_after);
    wn__columns_real(table, u->ms_average, "%.2f", u->ms_average);
    wn__columns_whole(table, u->interval);
    wn__columns_real(table, u->ratio, "%.3f", u->ratio);
    wn__columns_count(table, u->active);
    wn__columns_count(table, u->connections);
}

static wn_status bench_topology(wn__answer *answer, wn_bench_options *options, const char *const *models, int count)
{
    wn__columns table = WN_COLUMNS({"model", "network"}, {"method", "method"}, {"batch", ">batch"}, {"backend", "backend"},
                                   {"threads", ">threads"}, {"runs", NULL}, {"ms_static", ">static ms"}, {"ms_usual", ">usual ms"},
                                   {"ms_update", ">update ms"}, {"ms_after", ">next ms"}, {"ms_average", NULL}, {"interval", ">interval"},
                                   {"ratio", ">average x"}, {"active", ">active"}, {"connections", ">changed"});
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        wn_bench_updates updates;
        options->model = models[i];
        status = wn_bench_topology(options, &updates);
        if (status == WN_OK) add_updates(&table, models[i], options, &updates);
    }
    wn__answer_lines(answer, &table);
    return status;
}

static void add_plan(wn__columns *table, const char *model, const wn_bench_memory *m)
{
    const int64_t bytes[] = {m->bytes,           m->recomputed_bytes, m->parameter_bytes,
                             m->operation_bytes, m->estimate_bytes,   m->recomputed_estimate_bytes};
    wn__columns_text(table, model);
    wn__columns_whole(table, m->batch);
    wn__columns_whole(table, m->micro_batch);
    wn__columns_text(table, m->dtype);
    wn__columns_text(table, m->backend);
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
        wn__columns_bytes(table, bytes[i]);
}

static wn_status bench_plans(wn__answer *answer, wn_bench_options *options, const char *const *models, int count)
{
    wn__columns table = WN_COLUMNS({"model", "network"}, {"batch", ">batch"}, {"micro_batch", ">micro-batch"}, {"dtype", "type"},
                                   {"backend", "backend"}, {"bytes", ">activations"}, {"recomputed_bytes", ">with recomputation"},
                                   {"parameter_bytes", ">parameters"}, {"operation_bytes", ">operations' own"},
                                   {"estimate_bytes", ">in all"}, {"recomputed_estimate_bytes", ">with recomputation"});
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        wn_bench_memory memory;
        options->model = models[i];
        status = wn_bench_plan(options, &memory);
        if (status == WN_OK) add_plan(&table, models[i], &memory);
    }
    wn__answer_lines(answer, &table);
    return status;
}

typedef struct phases_seen {
    wn__columns table;
    const char *model;
} phases_seen;

static void add_phase(void *user, const wn_bench_phase *phase)
{
    phases_seen *seen = user;
    wn__columns_text(&seen->table, seen->model);
    wn__columns_text(&seen->table, phase->node);
    wn__columns_text(&seen->table, phase->phase);
    wn__columns_real(&seen->table, phase->ms_median, "%.3f", phase->ms_median);
    wn__columns_real(&seen->table, phase->ms_min, "%.3f", phase->ms_min);
    if (phase->gflops_per_s > 0)
        wn__columns_real(&seen->table, phase->gflops_per_s, "%.1f", phase->gflops_per_s);
    else
        wn__columns_missing(&seen->table, "-");
    wn__columns_text(&seen->table, phase->implementation);
}

static wn_status bench_kernels(wn__answer *answer, wn_bench_options *options, const char *const *models, int count)
{
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        phases_seen seen = {.table = WN_COLUMNS({"model", NULL}, {"node", "node"}, {"phase", "phase"}, {"ms_median", ">median ms"},
                                                {"ms_min", ">best ms"}, {"gflops_per_s", ">GFLOP/s"}, {"implementation", "implementation"}),
                            .model = models[i]};
        wn_bench_result result;
        options->model = models[i];
        status = wn_bench_kernels(options, add_phase, &seen, &result);
        if (wn__answer_format_of(answer) == WN__ANSWER_TEXT)
            wn__answer_table(answer, NULL, &seen.table);
        else
            wn__answer_stream(answer, &seen.table);
        if (status == WN_OK)
            wn__answer_print(answer, "\n%s: step %.2f ms (best %.2f), %.1f GFLOP/s, %s %s\n", models[i], result.ms_median, result.ms_min,
                             result.gflops_per_s, result.backend, result.dtype);
    }
    return status;
}

static const char *const actions[] = {"step", "kernels", "plan", "topology", "infer", NULL};
enum { INFER = 4 };
static wn_status (*const bench[INFER])(wn__answer *, wn_bench_options *, const char *const *, int) = {bench_steps, bench_kernels,
                                                                                                      bench_plans, bench_topology};

static int run_infer(const wn__call *call, const bench_config *config, const char *const *networks, int count)
{
    const wn__infer_options options = {.set = &config->set,
                                       .sparsity = config->sparsity,
                                       .layers = &config->layers,
                                       .dtype = config->dtype,
                                       .backend = config->backend,
                                       .kernels = config->kernels,
                                       .by_layer = config->by_layer,
                                       .out = config->out,
                                       .batch = config->batch,
                                       .threads = config->threads,
                                       .runs = config->runs};
    if (config->out && count > 1) return wn__wrong_usage(call, "--out is of one network");
    return wn__bench_infer(call, &options, networks, count);
}

static int run_steps(const wn__call *call, const bench_config *config, int action, const char *const *models, int count)
{
    wn_bench_options options = {
        .size = sizeof options,
        .set = config->set.items,
        .sets = config->set.count,
        .classes = (int)config->classes,
        .batch = config->batch,
        .micro_batch = config->micro_batch,
        .memory = config->memory,
        .image = (int)config->image,
        .dtype = config->dtype,
        .sparsity = config->sparsity,
        .distribution = config->distribution,
        .dense_first = config->dense_first,
        .mask = config->mask,
        .backend = config->backend,
        .kernels = config->kernels,
        .threads = (int)config->threads,
        .runs = (int)config->runs,
        .inference = config->inference,
        .topology = config->topology,
    };
    if (config->kernels && !config->sparsity && !config->mask)
        return wn__wrong_usage(call, "--kernels has no effect without --sparsity or --mask");
    return wn__finish(call, bench[action](call->answer, &options, models, count));
}

static int run_bench(const wn__call *call)
{
    static const char *const usual[] = {"resnet20"};
    const bool named = call->count > 1;
    const char *const *models = named ? call->arguments + 1 : usual;
    const int count = named ? call->count - 1 : 1;
    int action = 0;
    while (strcmp(call->arguments[0], actions[action]) != 0)
        action++;
    return action == INFER ? run_infer(call, call->config, models, count) : run_steps(call, call->config, action, models, count);
}

const wn__command wn__command_bench = {
    .name = "bench",
    .arguments = "step|kernels|plan|topology|infer [MODEL|WEIGHTS]...",
    .summary = "Time training steps, each operation of a step, or inference, on random images; or plan a step's memory",
    .details =
        "Without a network: resnet20. Steps before the timed ones, three or a tenth of a second, are not counted. `step` says beforehand what\n"
        "memory the process will take, and afterwards what it took. `plan` runs none: it prints what activations, gradients and scratch of a step\n"
        "take, as they are and with outputs of batch norms made again in backward; weights, gradients and momentum; and the whole process, either way.\n"
        "`topology` times usual steps of a sparse network, those with a mask update and those right after them. It gives what a step\n"
        "costs on average over the method's interval, as a multiple of a usual one. --json and --csv have a row per network, or per operation.\n"
        "`infer` takes weights files as well, and makes one of a network by name: random weights, and with --sparsity random zeros, as many in each\n"
        "layer but the first. It opens the file and predicts: the time until it is open, until the first outputs are there, and of a prediction;\n"
        "memory of the process after these, and at most.",
    .options = bench_options,
    .config_size = sizeof(bench_config),
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_LINES,
    .actions = actions,
    .run = run_bench,
};
