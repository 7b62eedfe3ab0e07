#include <jansson.h>
#include <string.h>

#include "columns.h"
#include "command.h"
#include "winnow/bench.h"
#include "winnow/show.h"

typedef struct bench_config {
    const char *model, *dtype, *backend;
    wn__texts set;
    int64_t batch, threads, runs, classes, channels, image;
    bool infer, json;
} bench_config;

static const wn__option bench_options[] = {
    WN_OPTION_TEXT(bench_config, model, "model", "NAME|FILE", "network: a name of `winnow models`, or a file; required"),
    WN_OPTION_LIST(bench_config, set, "set", "KEY=VALUE", "setting of the network (width=2, bias=no); may be repeated"),
    WN_OPTION_NUMBER(bench_config, batch, "batch", "N", "images a step (default: 128)"),
    WN_OPTION_TEXT(bench_config, dtype, "dtype", "f32|bf16", "of stored activations (default: f32)"),
    WN_OPTION_TEXT(bench_config, backend, "backend", "NAME", "default: the best in this build"),
    WN_OPTION_NUMBER(bench_config, threads, "threads", "N", "default: the CPUs this process may use"),
    WN_OPTION_NUMBER(bench_config, runs, "runs", "N", "timed steps, after three that are not (default: 15)"),
    WN_OPTION_NUMBER(bench_config, classes, "classes", "N", "default: the network's usual number"),
    WN_OPTION_NUMBER(bench_config, channels, "channels", "N", "of the images (default: the network's usual number)"),
    WN_OPTION_NUMBER(bench_config, image, "image", "N", "side of the images (default: the network's usual one)"),
    WN_OPTION_SWITCH(bench_config, infer, "infer", "forward pass only, with running statistics"),
    WN_OPTION_SWITCH(bench_config, json, "json", "one JSON object a line instead of a table"),
    {0}};

static double rounded(double value) { return (double)(int64_t)(value * 1e4 + 0.5) / 1e4; }

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(object);
}

static json_t *result_json(const wn_bench_result *r, const bench_config *c)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:i, s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "model", c->model, "batch",
                     (json_int_t)r->batch, "dtype", r->dtype, "backend", r->backend, "library", r->library, "isa", r->isa, "cpu", r->cpu,
                     "infer", (int)c->infer, "threads", r->threads, "runs", r->runs, "ms_median", rounded(r->ms_median), "ms_min",
                     rounded(r->ms_min), "images_per_s", rounded(r->images_per_s), "gflops_per_s", rounded(r->gflops_per_s), "params",
                     (json_int_t)r->parameters, "flops", (json_int_t)r->flops, "bytes", (json_int_t)r->bytes);
}

static void print_result(const wn_bench_result *r, const bench_config *c)
{
    char count[32], bytes[32];
    printf("%s, %lld images, %s, %s (%s), %d threads, %s on %s\n", c->model, (long long)r->batch, c->infer ? "inference" : "training step",
           r->dtype, r->library, r->threads, r->isa, r->cpu);
    printf("median   %.3f ms (%.0f images/s, %.0f GFLOP/s)\n", r->ms_median, r->images_per_s, r->gflops_per_s);
    printf("minimum  %.3f ms of %d\n", r->ms_min, r->runs);
    printf("network  %s parameters; activations, gradients and scratch %s\n", wn_show_count(r->parameters, count, sizeof count),
           wn_show_bytes(r->bytes, bytes, sizeof bytes));
}

static wn_status bench_step(const wn_bench_options *options, const bench_config *config)
{
    wn_bench_result result;
    const wn_status status = wn_bench_step(options, &result);
    if (status != WN_OK) return status;
    if (config->json)
        print_json(result_json(&result, config));
    else
        print_result(&result, config);
    return WN_OK;
}

static void print_phase_json(void *user, const wn_bench_phase *p)
{
    (void)user;
    print_json(json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "node", p->node, "phase", p->phase, "implementation",
                         p->implementation ? p->implementation : "", "ms_median", rounded(p->ms_median), "ms_min", rounded(p->ms_min),
                         "gflops_per_s", rounded(p->gflops_per_s)));
}

static void add_phase(void *user, const wn_bench_phase *p)
{
    wn__columns *table = user;
    wn__columns_add(table, "%s", p->node);
    wn__columns_add(table, "%s", p->phase);
    wn__columns_add(table, "%.3f", p->ms_median);
    wn__columns_add(table, "%.3f", p->ms_min);
    wn__columns_add(table, p->gflops_per_s > 0 ? "%.0f" : "", p->gflops_per_s);
    wn__columns_add(table, "%s", p->implementation ? p->implementation : "");
}

static wn_status bench_kernels(const wn_bench_options *options, const bench_config *config)
{
    wn__columns table = WN_COLUMNS("node", "phase", ">ms median", ">ms min", ">GFLOP/s", "implementation");
    wn_bench_result result;
    const wn_status status = wn_bench_kernels(options, config->json ? print_phase_json : add_phase, &table, &result);
    if (status != WN_OK) return status;
    if (config->json) {
        print_json(result_json(&result, config));
        return WN_OK;
    }
    wn__columns_print(&table);
    putchar('\n');
    print_result(&result, config);
    return WN_OK;
}

static int run_bench(const wn__call *call)
{
    const bench_config *config = call->config;
    if (!config->model) return wn__wrong_usage(call, "--model is needed; `winnow models` lists them");
    const wn_bench_options options = {.model = config->model,
                                      .set = config->set.items,
                                      .sets = config->set.count,
                                      .classes = (int)config->classes,
                                      .channels = (int)config->channels,
                                      .image = (int)config->image,
                                      .batch = config->batch,
                                      .dtype = config->dtype,
                                      .backend = config->backend,
                                      .threads = (int)config->threads,
                                      .runs = (int)config->runs,
                                      .inference = config->infer};
    const bool step = strcmp(call->arguments[0], "step") == 0;
    return wn__finish(call, step ? bench_step(&options, config) : bench_kernels(&options, config));
}

static const char *const actions[] = {"step", "kernels", NULL};

const wn__command wn__command_bench = {
    .name = "bench",
    .arguments = "step|kernels",
    .summary = "Time a network's training step, or each of its operations",
    .details = "Random images: only time is measured. step times forward, cross-entropy, backward and the SGD update; kernels times each\n"
               "phase of each operation inside the step.",
    .options = bench_options,
    .config_size = sizeof(bench_config),
    .least = 1,
    .most = 1,
    .actions = actions,
    .computes = true,
    .run = run_bench,
};
