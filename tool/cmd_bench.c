#include <string.h>

#include "columns.h"
#include "command.h"
#include "json_text.h"
#include "winnow/bench.h"
#include "winnow/show.h"

typedef struct bench_config {
    wn__texts set;
    const char *dtype, *backend, *kernels, *sparsity, *distribution, *mask, *memory, *topology;
    int64_t batch, micro_batch, threads, runs, classes, image;
    bool inference, json, dense_first;
} bench_config;

static const wn__option bench_options[] = {
    WN_OPTION_NUMBER(bench_config, batch, "batch", "N", "images a step (default: 128)"),
    WN_OPTION_NUMBER(bench_config, micro_batch, "micro-batch", "N", "images at a time, gradients add up (default: the whole batch)"),
    WN_OPTION_TEXT(bench_config, memory, "memory", "GIB", "limit of the process; activations are made again if need be (default: none)"),
    WN_OPTION_TEXT(bench_config, sparsity, "sparsity", "S", "random zeros: 90% or 0.9 (sparsity), 0.1d (density), 10x (compression)"),
    WN_OPTION_TEXT(bench_config, distribution, "distribution", "NAME", "of the zeros: uniform (default), er or erk", .needs = "sparsity"),
    WN_OPTION_SWITCH(bench_config, dense_first, "dense-first", "no zeros in the network's first layer", .needs = "sparsity"),
    WN_OPTION_TEXT(bench_config, mask, "mask", "FILE", "masks instead, as winnow prune writes them", .excludes = "sparsity"),
    WN_OPTION_TEXT(bench_config, topology, "method", "NAME", "a method that changes its mask (default: rigl)", .actions = "topology"),
    WN_OPTION_TEXT(bench_config, dtype, "dtype", "TYPE", "f32 (default) or bf16"),
    WN_OPTION_TEXT(bench_config, backend, "backend", "NAME", "(default: the best in this build)"),
    WN_OPTION_TEXT(bench_config, kernels, "kernels", "NAME", "of weights with zeros: measured (default), sparse or dense",
                   .needs = "sparsity mask"),
    WN_OPTION_CPUS(bench_config, threads, "threads", "(default: all CPUs)"),
    WN_OPTION_NUMBER(bench_config, runs, "runs", "N", "timed steps (default: 15)", .actions = "step kernels topology"),
    WN_OPTION_NUMBER(bench_config, classes, "classes", "N", "(default: the network's usual number)"),
    WN_OPTION_NUMBER(bench_config, image, "image", "N", "side of the images (default: the network's usual one)"),
    WN_OPTION_LIST(bench_config, set, "set", "KEY=VALUE", "a setting of the network: width=2; may be repeated"),
    WN_OPTION_SWITCH(bench_config, inference, "inference", "forward only", .actions = "step kernels plan"),
    WN_OPTION_SWITCH(bench_config, json, "json", "one JSON object a line: per network (step), or per operation (kernels)"),
    {0}};

static void print_step_json(const char *model, const wn_bench_result *r)
{
    fputs("{\"model\": ", stdout);
    wn__put_json_text(model);
    printf(
        ", \"batch\": %lld, \"threads\": %d, \"runs\": %d, \"ms_median\": %.6g, \"ms_min\": %.6g, \"images_per_s\": %.6g, \"gflops_per_s\": %.6g",
        (long long)r->batch, r->threads, r->runs, r->ms_median, r->ms_min, r->images_per_s, r->gflops_per_s);
    printf(", \"parameters\": %lld, \"active\": %lld, \"flops\": %lld, \"flops_ratio\": %.6g, \"bytes\": %lld", (long long)r->parameters,
           (long long)r->active, (long long)r->flops, r->flops_ratio, (long long)r->bytes);
    printf(", \"estimate_bytes\": %lld, \"peak_bytes\": %lld", (long long)r->estimate_bytes, (long long)r->peak_bytes);
    printf(", \"traffic\": %lld, \"floor_ms\": %.6g, \"arithmetic_floor_ms\": %.6g", (long long)r->traffic, r->floor_ms,
           r->arithmetic_floor_ms);
    wn__put_json_pair("dtype", r->dtype);
    wn__put_json_pair("backend", r->backend);
    wn__put_json_pair("library", r->library);
    wn__put_json_pair("isa", r->isa);
    wn__put_json_pair("cpu", r->cpu);
    puts("}");
}

static void add_step(wn__columns *table, const char *model, const wn_bench_result *r)
{
    char count[32], bytes[32], peak[32];
    wn__columns_add(table, "%s", model);
    wn__columns_add(table, "%lld", (long long)r->batch);
    wn__columns_add(table, "%s", r->dtype);
    wn__columns_add(table, "%s", r->backend);
    wn__columns_add(table, "%d", r->threads);
    wn__columns_add(table, "%.2f", r->ms_median);
    wn__columns_add(table, "%.2f", r->ms_min);
    wn__columns_add(table, "%.2f", r->floor_ms);
    wn__columns_add(table, "%.0f", r->images_per_s);
    wn__columns_add(table, "%.1f", r->gflops_per_s);
    wn__columns_add(table, "%s", wn_show_count(r->active, count, sizeof count));
    wn__columns_add(table, "%.3f", r->flops_ratio);
    wn__columns_add(table, "%s", wn_show_bytes(r->estimate_bytes, bytes, sizeof bytes));
    wn__columns_add(table, "%s", wn_show_bytes(r->peak_bytes, peak, sizeof peak));
}

static wn_status bench_steps(wn_bench_options *options, const char *const *models, int count, bool json)
{
    wn__columns table = WN_COLUMNS("network", ">batch", "type", "backend", ">threads", ">median ms", ">best ms", ">floor ms", ">images/s",
                                   ">GFLOP/s", ">active", ">FLOPs x", ">estimated memory", ">peak");
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        wn_bench_result result;
        options->model = models[i];
        status = wn_bench_step(options, &result);
        if (status != WN_OK) break;
        if (json)
            print_step_json(models[i], &result);
        else
            add_step(&table, models[i], &result);
    }
    if (table.count > 0) wn__columns_print(&table);
    return status;
}

static void print_updates_json(const char *model, const wn_bench_options *o, const wn_bench_updates *u)
{
    fputs("{\"model\": ", stdout);
    wn__put_json_text(model);
    wn__put_json_pair("method", o->topology ? o->topology : "rigl");
    printf(", \"batch\": %lld, \"threads\": %d, \"runs\": %d, \"active\": %lld, \"connections\": %lld, \"interval\": %lld",
           (long long)u->batch, u->threads, u->runs, (long long)u->active, (long long)u->connections, (long long)u->interval);
    printf(", \"ms_static\": %.6g, \"ms_usual\": %.6g, \"ms_update\": %.6g, \"ms_after\": %.6g, \"ms_average\": %.6g, \"ratio\": %.6g",
           u->ms_static, u->ms_usual, u->ms_update, u->ms_after, u->ms_average, u->ratio);
    wn__put_json_pair("backend", u->backend);
    puts("}");
}

static void add_updates(wn__columns *table, const char *model, const wn_bench_options *o, const wn_bench_updates *u)
{
    char count[32];
    wn__columns_add(table, "%s", model);
    wn__columns_add(table, "%s", o->topology ? o->topology : "rigl");
    wn__columns_add(table, "%lld", (long long)u->batch);
    wn__columns_add(table, "%s", u->backend);
    wn__columns_add(table, "%d", u->threads);
    wn__columns_add(table, "%.2f", u->ms_static);
    wn__columns_add(table, "%.2f", u->ms_usual);
    wn__columns_add(table, "%.2f", u->ms_update);
    wn__columns_add(table, "%.2f", u->ms_after);
    wn__columns_add(table, "%lld", (long long)u->interval);
    wn__columns_add(table, "%.3f", u->ratio);
    wn__columns_add(table, "%s", wn_show_count(u->active, count, sizeof count));
    wn__columns_add(table, "%s", wn_show_count(u->connections, count, sizeof count));
}

static wn_status bench_topology(wn_bench_options *options, const char *const *models, int count, bool json)
{
    wn__columns table = WN_COLUMNS("network", "method", ">batch", "backend", ">threads", ">static ms", ">usual ms", ">update ms",
                                   ">next ms", ">interval", ">average x", ">active", ">changed");
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        wn_bench_updates updates;
        options->model = models[i];
        status = wn_bench_topology(options, &updates);
        if (status != WN_OK) break;
        if (json)
            print_updates_json(models[i], options, &updates);
        else
            add_updates(&table, models[i], options, &updates);
    }
    if (table.count > 0) wn__columns_print(&table);
    return status;
}

static void print_plan_json(const char *model, const wn_bench_memory *m)
{
    fputs("{\"model\": ", stdout);
    wn__put_json_text(model);
    printf(", \"batch\": %lld, \"micro_batch\": %lld, \"bytes\": %lld, \"recomputed_bytes\": %lld, \"parameter_bytes\": %lld",
           (long long)m->batch, (long long)m->micro_batch, (long long)m->bytes, (long long)m->recomputed_bytes,
           (long long)m->parameter_bytes);
    printf(", \"operation_bytes\": %lld, \"estimate_bytes\": %lld, \"recomputed_estimate_bytes\": %lld", (long long)m->operation_bytes,
           (long long)m->estimate_bytes, (long long)m->recomputed_estimate_bytes);
    wn__put_json_pair("dtype", m->dtype);
    wn__put_json_pair("backend", m->backend);
    puts("}");
}

static void add_plan(wn__columns *table, const char *model, const wn_bench_memory *m)
{
    char bytes[32];
    wn__columns_add(table, "%s", model);
    wn__columns_add(table, "%lld", (long long)m->batch);
    wn__columns_add(table, "%lld", (long long)m->micro_batch);
    wn__columns_add(table, "%s", m->dtype);
    wn__columns_add(table, "%s", m->backend);
    wn__columns_add(table, "%s", wn_show_bytes(m->bytes, bytes, sizeof bytes));
    wn__columns_add(table, "%s", wn_show_bytes(m->recomputed_bytes, bytes, sizeof bytes));
    wn__columns_add(table, "%s", wn_show_bytes(m->parameter_bytes, bytes, sizeof bytes));
    wn__columns_add(table, "%s", wn_show_bytes(m->operation_bytes, bytes, sizeof bytes));
    wn__columns_add(table, "%s", wn_show_bytes(m->estimate_bytes, bytes, sizeof bytes));
    wn__columns_add(table, "%s", wn_show_bytes(m->recomputed_estimate_bytes, bytes, sizeof bytes));
}

static wn_status bench_plans(wn_bench_options *options, const char *const *models, int count, bool json)
{
    wn__columns table = WN_COLUMNS("network", ">batch", ">micro-batch", "type", "backend", ">activations", ">with recomputation",
                                   ">parameters", ">operations' own", ">in all", ">with recomputation");
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        wn_bench_memory memory;
        options->model = models[i];
        status = wn_bench_plan(options, &memory);
        if (status != WN_OK) break;
        if (json)
            print_plan_json(models[i], &memory);
        else
            add_plan(&table, models[i], &memory);
    }
    if (table.count > 0) wn__columns_print(&table);
    return status;
}

static void add_phase(void *user, const wn_bench_phase *phase)
{
    wn__columns *table = user;
    wn__columns_add(table, "%s", phase->node);
    wn__columns_add(table, "%s", phase->phase);
    wn__columns_add(table, "%.3f", phase->ms_median);
    wn__columns_add(table, "%.3f", phase->ms_min);
    if (phase->gflops_per_s > 0)
        wn__columns_add(table, "%.1f", phase->gflops_per_s);
    else
        wn__columns_add(table, "-");
    wn__columns_add(table, "%s", phase->implementation);
}

static void print_phase_json(void *user, const wn_bench_phase *phase)
{
    fputs("{\"model\": ", stdout);
    wn__put_json_text(user);
    wn__put_json_pair("node", phase->node);
    wn__put_json_pair("phase", phase->phase);
    wn__put_json_pair("implementation", phase->implementation);
    printf(", \"ms_median\": %.6g, \"ms_min\": %.6g, \"gflops_per_s\": %.6g}\n", phase->ms_median, phase->ms_min, phase->gflops_per_s);
}

static wn_status bench_kernels(wn_bench_options *options, const char *const *models, int count, bool json)
{
    wn_status status = WN_OK;
    for (int i = 0; i < count && status == WN_OK; i++) {
        wn__columns table = WN_COLUMNS("node", "phase", ">median ms", ">best ms", ">GFLOP/s", "implementation");
        wn_bench_result result;
        options->model = models[i];
        status = wn_bench_kernels(options, json ? print_phase_json : add_phase, json ? (void *)models[i] : &table, &result);
        if (table.count > 0) wn__columns_print(&table);
        if (status == WN_OK && !json)
            printf("\n%s: step %.2f ms (best %.2f), %.1f GFLOP/s, %s %s\n", models[i], result.ms_median, result.ms_min, result.gflops_per_s,
                   result.backend, result.dtype);
    }
    return status;
}

static const char *const actions[] = {"step", "kernels", "plan", "topology", NULL};
static wn_status (*const bench[])(wn_bench_options *, const char *const *, int, bool) = {bench_steps, bench_kernels, bench_plans,
                                                                                         bench_topology};

static int run_bench(const wn__call *call)
{
    static const char *const usual[] = {"resnet20"};
    const bench_config *config = call->config;
    const bool named = call->count > 1;
    const char *const *models = named ? call->arguments + 1 : usual;
    const int count = named ? call->count - 1 : 1;
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
    int action = 0;
    while (strcmp(call->arguments[0], actions[action]) != 0)
        action++;
    return wn__finish(call, bench[action](&options, models, count, config->json));
}

const wn__command wn__command_bench = {
    .name = "bench",
    .arguments = "step|kernels|plan|topology [MODEL]...",
    .summary = "Time training steps, or each operation of a step, on random images; or plan a step's memory",
    .details =
        "Without a network: resnet20. Steps before the timed ones, three or a tenth of a second, are not counted. `step` says beforehand what\n"
        "memory the process will take, and afterwards what it took. `plan` runs none: it prints what activations, gradients and scratch of a step\n"
        "take, as they are and with outputs of batch norms made again in backward; weights, gradients and momentum; and the whole process, either way.\n"
        "`topology` times usual steps of a sparse network, those that change its connections and those right after them, and gives what a step\n"
        "costs on average over the method's interval, as a multiple of a usual one.",
    .options = bench_options,
    .config_size = sizeof(bench_config),
    .least = 1,
    .most = -1,
    .actions = actions,
    .run = run_bench,
};
